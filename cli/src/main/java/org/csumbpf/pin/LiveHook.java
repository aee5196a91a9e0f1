// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.pin;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.ClsactFilter;
import org.csumbpf.loader.Errno;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.ProbeResult;
import org.csumbpf.loader.Probes;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.loader.host.Filter;
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.text.ShellWord;

/**
 * A program where the kernel runs it: a tcx link (kernel 6.6 and later) or a cls_bpf filter. All of this happens in
 * the device's network namespace, which the caller has entered.
 *
 * @param place the device, and which program
 * @param kind how it hangs there
 * @param programId the program that the kernel runs there
 */
public record LiveHook(HookPlace place, Hook kind, int programId) {
    /**
     * Early in the chain, so that few filters can end it before, but not at 1 and 2, which people and agents pick for
     * theirs.
     */
    static final int CLSACT_PRIORITY = 17;

    /** What runs at that place now, whatever the attachment's record says. */
    public static Optional<LiveHook> find(HookPlace place) {
        PinDirectory pins = place.pins();
        if (pins.has(place.link())) {
            try (TcxLink link = TcxLink.fromPin(pins.pin(place.link()))) {
                if (link.info().ifindex() == place.ifindex()) {
                    return Optional.of(new LiveHook(place, Hook.TCX, link.info().programId()));
                }
            } catch (KernelException e) {
                if (e.errno() != Errno.ENOENT) {
                    throw e;
                }
            }
        }
        return ourFilter(place).map(id -> new LiveHook(place, Hook.CLSACT, id));
    }

    /** The program id of the filter at our place, if it is ours: by name, since all pins may be lost. */
    private static Optional<Integer> ourFilter(HookPlace place) {
        return ClsactFilter.query(place.ifindex(), CLSACT_PRIORITY, place.handle())
                .map(ClsactFilter.Filter::programId)
                .filter(id -> {
                    try (BpfProgram program = open(place, id).orElse(null)) {
                        return program != null && program.info().name().equals(place.program());
                    }
                });
    }

    /**
     * Hangs the program on the device, the record being written before each step. Without a wish: tcx, and if that fails
     * because the kernel does not have it, clsact.
     */
    public static LiveHook attach(HookPlace place, RecordMap record, BpfProgram program, Optional<Hook> wish) {
        if (wish.isPresent() && wish.get() == Hook.CLSACT) {
            return attachClsact(place, record, program);
        }
        try {
            return attachTcx(place, program);
        } catch (KernelException e) {
            if (e.errno() != Errno.EINVAL || Probes.tcx() != ProbeResult.UNSUPPORTED) {
                throw e;
            }
            if (wish.isPresent()) {
                throw new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "this kernel (" + KernelRelease.current().text() + ") has no tcx, which came with 6.6",
                        "use '--hook clsact' or leave --hook out");
            }
        }
        return attachClsact(place, record, program);
    }

    private static LiveHook attachTcx(HookPlace place, BpfProgram program) {
        try (TcxLink link = TcxLink.attachFirst(program, place.ifindex())) {
            place.pins().remove(place.link());
            link.pin(place.pins().pin(place.link()));
            return new LiveHook(place, Hook.TCX, program.info().id());
        }
    }

    private static LiveHook attachClsact(HookPlace place, RecordMap record, BpfProgram program) {
        int ifindex = place.ifindex();
        if (Rtnetlink.ingressQdiscs(ifindex).isEmpty()) {
            record.update(r -> r.with(place.clsact()));
            if (!ClsactFilter.createQdisc(ifindex)) {
                record.update(r -> r.without(place.clsact())); // somebody was faster: theirs
            }
        }
        try {
            ClsactFilter.attach(ifindex, program, CLSACT_PRIORITY, place.handle(), false);
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST || e.errno() == Errno.EINVAL) {
                String device = Rtnetlink.device(ifindex).map(NetDevice::name).orElse("ifindex " + ifindex);
                throw new AttachException(
                        AttachException.Kind.KERNEL_REFUSED,
                        e.getMessage() + ": tc priority " + CLSACT_PRIORITY + " is taken by a filter that is not ours",
                        "see 'tc filter show dev " + ShellWord.quote(device) + " ingress'",
                        e);
            }
            throw e;
        }
        return new LiveHook(place, Hook.CLSACT, program.info().id());
    }

    /** The program that runs. */
    public BpfProgram program() {
        return open(place, programId)
                .orElseThrow(() -> new KernelException("open program", "id " + programId, Errno.ENOENT));
    }

    /** By its pin where that is the one: by its number it can be opened with CAP_SYS_ADMIN alone. */
    private static Optional<BpfProgram> open(HookPlace place, int id) {
        if (place.program().equals(CsumbpfObject.PROGRAM) && place.pins().has(PinDirectory.PROGRAM)) {
            BpfProgram pinned = BpfProgram.fromPin(place.pins().pin(PinDirectory.PROGRAM));
            if (pinned.info().id() == id) {
                return Optional.of(pinned);
            }
            pinned.close();
        }
        return BpfProgram.fromId(id);
    }

    /**
     * What runs before it on the same device, by kind, number and name: each may end the chain. tcx programs come before all
     * filters.
     */
    public List<String> before() {
        List<String> before = new ArrayList<>();
        for (int id : tcxChain()) {
            if (kind == Hook.TCX && id == programId) {
                return before;
            }
            before.add("tcx program " + id + named(id));
        }
        for (Filter filter : Rtnetlink.filters(place.ifindex(), false)) {
            if (kind == Hook.CLSACT && filter.priority() < CLSACT_PRIORITY) {
                int id = ClsactFilter.query(place.ifindex(), filter.priority(), filter.handle())
                        .map(ClsactFilter.Filter::programId)
                        .orElse(0);
                before.add(filter.kind() + " filter of priority " + filter.priority()
                        + (id == 0 ? "" : ", program " + id + named(id)));
            }
        }
        return before;
    }

    private List<Integer> tcxChain() {
        try {
            return TcxLink.query(place.ifindex());
        } catch (KernelException e) {
            if (e.errno() == Errno.EINVAL) {
                return List.of(); // a kernel without tcx
            }
            throw e;
        }
    }

    /** Its name in brackets, where the kernel has one. */
    private static String named(int id) {
        try (BpfProgram program = BpfProgram.fromId(id).orElse(null)) {
            String name = program == null ? "" : program.info().name();
            return name.isEmpty() ? "" : " (" + name + ")";
        }
    }

    /** The tag of the program that runs: the same for the same instructions. */
    public String tag() {
        try (BpfProgram running = program()) {
            return running.info().tag();
        }
    }

    /** Puts another program in this one's place; each packet meets the one or the other. */
    public void replace(BpfProgram program) {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(place.pins().pin(place.link()))) {
                link.update(program);
            }
        } else {
            ClsactFilter.attach(place.ifindex(), program, CLSACT_PRIORITY, place.handle(), true);
        }
    }

    /** Takes the program off the device. */
    public void detach() {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(place.pins().pin(place.link()))) {
                // Not by unpinning alone: another process may hold the link open.
                link.detach();
            }
            place.pins().remove(place.link());
        } else {
            ClsactFilter.detach(place.ifindex(), CLSACT_PRIORITY, place.handle());
        }
    }
}
