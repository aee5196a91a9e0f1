// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.csumbpf.backstop.BackstopView;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.KernelException;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetDevice;
import org.csumbpf.loader.host.NetStatistics;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachmentRecord;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.HostChange;
import org.csumbpf.maps.OtherVersionException;
import org.csumbpf.maps.PeerTable;
import org.csumbpf.pin.PinDirectory;

/** Collects the findings of an attachment whose device exists. */
final class AttachmentFindings {
    private final HostSnapshot host;
    private final NetworkNamespace netns;
    private final NetDevice device;
    private final List<Finding> all = new ArrayList<>();

    AttachmentFindings(HostSnapshot host, NetworkNamespace netns, NetDevice device) {
        this.host = host;
        this.netns = netns;
        this.device = device;
    }

    List<Finding> all() {
        return all;
    }

    private Remedy command(String effect, String subcommand) {
        return Remedy.csumbpf(netns, effect, subcommand, device.name());
    }

    /** As --netns takes it; empty: the caller's own. */
    private String reference() {
        return netns.isCurrent() ? "" : netns.reference();
    }

    private Remedy restore(String effect) {
        return Remedy.restore(netns, effect, device.name());
    }

    private void problem(Finding.Id id, String subject, String evidence, Remedy... remedies) {
        all.add(Finding.problem(id, subject, evidence, remedies));
    }

    void ofHook(PinDirectory pins, boolean live, boolean readable, Optional<AttachmentRecord> record) {
        if (!live && !pins.exists()) {
            problem(
                    AttachmentView.State.HOOK_LOST.finding(),
                    device.name(),
                    "all pins and the program are lost; the nftables rules remain",
                    command("attaches again", "attach"),
                    command("removes the rules", "detach"));
        } else if (!live && !readable) {
            problem(
                    Finding.Id.HALF_MADE,
                    device.name(),
                    "attach or detach was interrupted, and the pins that are left have no rules",
                    command("removes the pins", "detach"));
        } else if (!live) {
            problem(
                    AttachmentReader.state(pins, false, true, record).finding(),
                    device.name(),
                    "the program is not attached to its hook",
                    restore("attaches the program again"),
                    command("removes the attachment", "detach"));
        } else if (!readable || record.isEmpty() || !pins.has(PinDirectory.PROGRAM)) {
            if (isOfOtherVersion(pins)) {
                problem(
                        Finding.Id.OTHER_VERSION,
                        device.name(),
                        "another version of csumbpf made the attachment, and this version cannot read its maps; the program still runs",
                        command("removes the attachment", "detach"),
                        command("then attaches this version", "attach"));
            } else {
                problem(
                        Finding.Id.PIN_MISSING,
                        device.name(),
                        "a pin is missing; the program still runs",
                        restore("restores the pin"));
            }
        }
    }

    void ofBackstop(BackstopView backstop, AttachmentRecord record) {
        if (backstop.state() == BackstopView.State.LOST) {
            problem(
                    Finding.Id.BACKSTOP_LOST,
                    device.name(),
                    "the nftables backstop does not work: " + backstop.text(),
                    restore("repairs the backstop"));
        } else if (backstop.state() == BackstopView.State.UNAVAILABLE
                && record.changes().contains(HostChange.NFTABLES)) {
            problem(
                    Finding.Id.BACKSTOP_UNREADABLE,
                    device.name(),
                    "the nftables backstop cannot be checked: " + backstop.text());
        }
    }

    /** @param peers reads the senders that the program remembers */
    void afterRepair(
            AttachmentView.Contents contents,
            Supplier<PeerTable> peers,
            Optional<BackstopView> backstop,
            NetStatistics statistics) {
        all.addAll(AfterRepair.problems(contents, peers, backstop, statistics, host.moved()));
    }

    void ofReceivePath(Optional<BackstopView> backstop, Optional<AttachmentRecord> record) {
        Backstop asked = backstop.map(BackstopView::wanted).orElse(Backstop.NEVER);
        boolean covered =
                backstop.filter(b -> b.state() == BackstopView.State.ON).isPresent();
        NamespaceSnapshot here = host.of(netns);
        List<Finding> afterTc = new ArrayList<>();
        for (Finding finding : Preflight.receivePath(host, here, device, false)) {
            // On another device, such as a bond's member, csumbpf switches nothing.
            boolean own =
                    finding.id() == Finding.Id.GRO_OFF && finding.subject().equals(device.name());
            afterTc.add(own ? finding.fixedBy(new Fix.SwitchGroOn(reference(), device.name())) : finding);
        }
        // If nothing is decrypted before tc, no module changes that, and another finding reports it already.
        boolean matters = LinkType.decryptsBeforeTc(device);
        if (matters && host.module(Preflight.ESP4_OFFLOAD) == KernelModule.State.UNAVAILABLE) {
            Preflight.module(host, Preflight.ESP4_OFFLOAD).ifPresent(afterTc::add);
        } else if (matters && !host.hasModule(Preflight.ESP4_OFFLOAD)) {
            afterTc.add(host.offloadHarm(here)
                    .map(harm -> Preflight.harmful(Preflight.ESP4_OFFLOAD, harm))
                    .orElseGet(() -> Finding.problem(
                            Finding.Id.MODULE_NOT_LOADED,
                            Preflight.ESP4_OFFLOAD,
                            Preflight.ESP4_OFFLOAD + " is not loaded, so ESP is decrypted after tc",
                            restore("loads the module, or says why not"))));
        }
        for (Finding finding : afterTc) {
            Finding helpful = finding.withBackstop(asked);
            all.add(covered ? helpful.as(Finding.Severity.NOTE) : helpful);
        }
        OffloadSafety.harmBy(
                        host,
                        here,
                        Preflight.ESP4_OFFLOAD,
                        record.filter(r -> r.changes().contains(HostChange.ESP4_OFFLOAD))
                                .map(r -> restore("unloads the module")))
                .ifPresent(all::add);
    }

    /** Whether the pins were made by a version whose values this one cannot read. */
    private static boolean isOfOtherVersion(PinDirectory pins) {
        try (CsumbpfMaps maps = CsumbpfMaps.fromPins(pins.path())) {
            maps.record().get();
            RuleSet.read(maps);
            return false;
        } catch (OtherVersionException e) {
            return true;
        } catch (KernelException e) {
            return PinDirectory.absent(e).isPresent();
        }
    }
}
