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
import org.csumbpf.loader.host.KernelRelease;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.loader.host.TcFilter;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.RecordMap;
import org.csumbpf.text.ShellWord;

/**
 * A program that the kernel runs on a hook: by a tcx link (kernel 6.6 and later) or by a cls_bpf filter. The caller has
 * entered the device's network namespace.
 *
 * @param point the device and the program
 * @param kind the kind of hook
 * @param programId the program that the kernel runs there
 */
public record LiveHook(AttachPoint point, Hook kind, int programId) {
    /**
     * Early in the chain, so that few filters can end it before ours. Not 1 or 2, which people and agents use for
     * theirs.
     */
    static final int CLSACT_PRIORITY = 17;

    /** What runs at the attach point now, whatever the record says. */
    public static Optional<LiveHook> find(AttachPoint point) {
        PinDirectory pins = point.pins();
        if (pins.has(point.link())) {
            try (TcxLink link = TcxLink.fromPin(pins.pin(point.link()))) {
                if (link.info().ifindex() == point.ifindex()) {
                    return Optional.of(new LiveHook(point, Hook.TCX, link.info().programId()));
                }
            } catch (KernelException e) {
                if (e.errno() != Errno.ENOENT) {
                    throw e;
                }
            }
        }
        return ourFilter(point).map(id -> new LiveHook(point, Hook.CLSACT, id));
    }

    /**
     * The program id of the filter at our attach point, if it is ours. Recognised by name, because all pins may be
     * lost.
     */
    private static Optional<Integer> ourFilter(AttachPoint point) {
        return ClsactFilter.query(point.ifindex(), CLSACT_PRIORITY, point.handle())
                .map(ClsactFilter.FilterInfo::programId)
                .filter(id -> {
                    try (BpfProgram program = open(point, id).orElse(null)) {
                        return program != null && program.info().name().equals(point.program());
                    }
                });
    }

    /**
     * Attaches the program to the device; each change is recorded before it is made. Without a wish: tcx, or clsact if
     * the kernel has no tcx.
     */
    public static LiveHook attach(AttachPoint point, RecordMap record, BpfProgram program, Optional<Hook> wish) {
        if (wish.isPresent() && wish.get() == Hook.CLSACT) {
            return attachClsact(point, record, program);
        }
        try {
            return attachTcx(point, program);
        } catch (KernelException e) {
            if (e.errno() != Errno.EINVAL || Probes.tcx() != ProbeResult.UNSUPPORTED) {
                throw e;
            }
            if (wish.isPresent()) {
                throw new AttachException(
                        AttachException.Kind.UNSUPPORTED_HOST,
                        "this kernel (" + KernelRelease.current().text() + ") has no tcx, which came with 6.6",
                        "use '--hook clsact', or leave out --hook");
            }
        }
        return attachClsact(point, record, program);
    }

    private static LiveHook attachTcx(AttachPoint point, BpfProgram program) {
        try (TcxLink link = TcxLink.attachFirst(program, point.ifindex())) {
            point.pins().remove(point.link());
            link.pin(point.pins().pin(point.link()));
            return new LiveHook(point, Hook.TCX, program.info().id());
        }
    }

    private static LiveHook attachClsact(AttachPoint point, RecordMap record, BpfProgram program) {
        int ifindex = point.ifindex();
        if (Rtnetlink.ingressQdiscs(ifindex).isEmpty()) {
            record.update(r -> r.with(point.clsact()));
            if (!ClsactFilter.createQdisc(ifindex)) {
                record.update(r -> r.without(point.clsact())); // somebody else made it first, so it is theirs
            }
        }
        try {
            ClsactFilter.attach(ifindex, program, CLSACT_PRIORITY, point.handle(), false);
        } catch (KernelException e) {
            if (e.errno() == Errno.EEXIST || e.errno() == Errno.EINVAL) {
                String device = Rtnetlink.device(ifindex).map(NetDevice::name).orElse("ifindex " + ifindex);
                throw new AttachException(
                        AttachException.Kind.KERNEL_REFUSED,
                        e.getMessage() + ": tc priority " + CLSACT_PRIORITY
                                + " is taken by a filter that csumbpf did not make",
                        "see 'tc filter show dev " + ShellWord.quote(device) + " ingress'",
                        e);
            }
            throw e;
        }
        return new LiveHook(point, Hook.CLSACT, program.info().id());
    }

    /** The running program. */
    public BpfProgram program() {
        return open(point, programId)
                .orElseThrow(() -> new KernelException("open program", "id " + programId, Errno.ENOENT));
    }

    /** Opens the program by its pin if it can: opening it by its number needs CAP_SYS_ADMIN. */
    private static Optional<BpfProgram> open(AttachPoint point, int id) {
        if (point.program().equals(CsumbpfObject.PROGRAM) && point.pins().has(PinDirectory.PROGRAM)) {
            BpfProgram pinned = BpfProgram.fromPin(point.pins().pin(PinDirectory.PROGRAM));
            if (pinned.info().id() == id) {
                return Optional.of(pinned);
            }
            pinned.close();
        }
        return BpfProgram.fromId(id);
    }

    /**
     * Programs and filters that run before this one on the same device, by kind, number and name. Each may end the
     * chain. tcx programs run before all filters.
     */
    public List<String> before() {
        List<String> before = new ArrayList<>();
        for (int id : tcxChain()) {
            if (kind == Hook.TCX && id == programId) {
                return before;
            }
            before.add("tcx program " + id + named(id));
        }
        for (TcFilter filter : Rtnetlink.filters(point.ifindex(), false)) {
            if (kind == Hook.CLSACT && filter.priority() < CLSACT_PRIORITY) {
                int id = ClsactFilter.query(point.ifindex(), filter.priority(), filter.handle())
                        .map(ClsactFilter.FilterInfo::programId)
                        .orElse(0);
                before.add(filter.kind() + " filter of priority " + filter.priority()
                        + (id == 0 ? "" : ", program " + id + named(id)));
            }
        }
        return before;
    }

    private List<Integer> tcxChain() {
        try {
            return TcxLink.query(point.ifindex());
        } catch (KernelException e) {
            if (e.errno() == Errno.EINVAL) {
                return List.of(); // a kernel without tcx
            }
            throw e;
        }
    }

    /** The program's name in brackets, if the kernel has one. */
    private static String named(int id) {
        try (BpfProgram program = BpfProgram.fromId(id).orElse(null)) {
            String name = program == null ? "" : program.info().name();
            return name.isEmpty() ? "" : " (" + name + ")";
        }
    }

    /** The tag of the running program: equal for equal instructions. */
    public String tag() {
        try (BpfProgram running = program()) {
            return running.info().tag();
        }
    }

    /** Replaces the program; each packet meets the old one or the new one. */
    public void replace(BpfProgram program) {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(point.pins().pin(point.link()))) {
                link.update(program);
            }
        } else {
            ClsactFilter.attach(point.ifindex(), program, CLSACT_PRIORITY, point.handle(), true);
        }
    }

    /**
     * Attaches the program anew at the head of the tcx chain; the kernel cannot move a link. Until it is there packets
     * pass without it.
     */
    public void moveFirst() {
        try (BpfProgram program = program()) {
            detach();
            attachTcx(point, program);
        }
    }

    /** Detaches the program from the device. */
    public void detach() {
        if (kind == Hook.TCX) {
            try (TcxLink link = TcxLink.fromPin(point.pins().pin(point.link()))) {
                // Unpinning is not enough: another process may hold the link open.
                link.detach();
            }
            point.pins().remove(point.link());
        } else {
            ClsactFilter.detach(point.ifindex(), CLSACT_PRIORITY, point.handle());
        }
    }
}
