// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.attach;

import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.ClsactFilter;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.ProbeResult;
import org.csumbpf.loader.Probes;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.RecordMap;

/**
 * The program where the kernel runs it: a tcx link (kernel 6.6 and later) or a cls_bpf filter. All of this happens in
 * the device's network namespace, which the caller has entered.
 *
 * @param kind where it hangs
 * @param programId the program that the kernel runs there
 */
record LiveHook(Hook kind, int programId) {
    /**
     * Early in the chain, so that few filters can end it before, but not at 1 and 2, which people and agents pick for
     * theirs.
     */
    static final int CLSACT_PRIORITY = 17;

    /** The VXLAN port in hexadecimal: easy to recognise in {@code tc filter show}. */
    static final int CLSACT_HANDLE = 0x12b5;

    /** What runs for this attachment now, whatever its record says. */
    static Optional<LiveHook> find(PinDirectory pins) {
        if (pins.has(PinDirectory.LINK)) {
            try (TcxLink link = TcxLink.fromPin(pins.pin(PinDirectory.LINK))) {
                if (link.info().ifindex() == pins.ifindex()) {
                    return Optional.of(new LiveHook(Hook.TCX, link.info().programId()));
                }
            } catch (KernelException e) {
                if (e.errno() != Errno.ENOENT) {
                    throw e;
                }
            }
        }
        return ourFilter(pins.ifindex()).map(id -> new LiveHook(Hook.CLSACT, id));
    }

    /** The program id of the filter at our place, if it is ours: by name, since all pins may be lost. */
    private static Optional<Integer> ourFilter(int ifindex) {
        return ClsactFilter.query(ifindex, CLSACT_PRIORITY, CLSACT_HANDLE)
                .map(ClsactFilter.Filter::programId)
                .filter(id -> {
                    Optional<BpfProgram> program = BpfProgram.fromId(id);
                    try (BpfProgram p = program.orElse(null)) {
                        return p != null && p.info().name().equals(CsumbpfObject.PROGRAM);
                    }
                });
    }

    /**
     * Hangs the program on the device, the record being written before each step. Without a wish: tcx, and if that fails
     * because the kernel does not have it, clsact.
     */
    static LiveHook attach(PinDirectory pins, RecordMap record, BpfProgram program, Optional<Hook> wish) {
        if (wish.isPresent() && wish.get() == Hook.CLSACT) {
            return attachClsact(pins, record, program);
        }
        try {
            return attachTcx(pins, record, program);
        } catch (KernelException e) {
            if (e.errno() != Errno.EINVAL || Probes.tcx() != ProbeResult.UNSUPPORTED) {
                throw e;
            }
            if (wish.isPresent()) {
                throw new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "this kernel (" + KernelRelease.current().text()
                                + ") has no tcx, which came with 6.6; use '--hook clsact' or leave --hook out");
            }
        }
        return attachClsact(pins, record, program);
    }

    private static LiveHook attachTcx(PinDirectory pins, RecordMap record, BpfProgram program) {
        record.update(r -> r.withHook(Hook.TCX));
        try (TcxLink link = TcxLink.attachFirst(program, pins.ifindex())) {
            pins.remove(PinDirectory.LINK);
            link.pin(pins.pin(PinDirectory.LINK));
            return new LiveHook(Hook.TCX, program.info().id());
        }
    }

    private static LiveHook attachClsact(PinDirectory pins, RecordMap record, BpfProgram program) {
        record.update(r -> r.withHook(Hook.CLSACT));
        if (Rtnetlink.ingressQdiscs(pins.ifindex()).isEmpty()) {
            record.update(r -> r.with(HostChange.CLSACT));
            if (!ClsactFilter.createQdisc(pins.ifindex())) {
                record.update(r -> r.without(HostChange.CLSACT)); // somebody was faster: theirs
            }
        }
        try {
            ClsactFilter.attach(pins.ifindex(), program, CLSACT_PRIORITY, CLSACT_HANDLE, false);
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST || e.errno() == Errno.EINVAL) {
                throw new AttachException(
                        AttachException.Kind.KERNEL_REFUSED,
                        e.getMessage() + ": tc priority " + CLSACT_PRIORITY
                                + " is taken by a filter that is not ours; see 'tc filter show dev "
                                + record.get().ifname() + " ingress'",
                        e);
            }
            throw e;
        }
        return new LiveHook(Hook.CLSACT, program.info().id());
    }

    /** Puts another program in this one's place; each packet meets the one or the other. */
    void replace(PinDirectory pins, BpfProgram program) {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(pins.pin(PinDirectory.LINK))) {
                link.update(program);
            }
        } else {
            ClsactFilter.attach(pins.ifindex(), program, CLSACT_PRIORITY, CLSACT_HANDLE, true);
        }
    }

    /** Takes the program off the device. */
    void detach(PinDirectory pins) {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(pins.pin(PinDirectory.LINK))) {
                // Not by unpinning alone: another process may hold the link open.
                link.detach();
            }
            pins.remove(PinDirectory.LINK);
        } else {
            ClsactFilter.detach(pins.ifindex(), CLSACT_PRIORITY, CLSACT_HANDLE);
        }
    }
}
