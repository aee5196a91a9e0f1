// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Result;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.doctor.DoctorFinding;
import org.csumbpf.loader.Advised;
import org.csumbpf.loader.host.KernelModule;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.pin.AttachException;
import org.csumbpf.snapshot.AttachmentReader;
import org.csumbpf.snapshot.Finding;
import org.csumbpf.snapshot.Fix;

/**
 * A fix of the doctor's that was tried, by the code of the commands attach and restore.
 *
 * @param finding that it is for
 * @param warnings what the user should know although it succeeded
 * @param error why it failed, in one line; empty: it is done
 */
record FixStep(DoctorFinding finding, List<Finding> warnings, Optional<String> error) {
    FixStep {
        warnings = List.copyOf(warnings);
    }

    /** The findings that csumbpf itself may fix; of those with the same fix the first. */
    static List<DoctorFinding> due(List<DoctorFinding> findings) {
        Map<Fix, DoctorFinding> due = new LinkedHashMap<>();
        findings.stream()
                .filter(finding -> finding.isToBeMended() && finding.fix() != null)
                .forEach(finding -> due.putIfAbsent(finding.fix(), finding));
        return List.copyOf(due.values());
    }

    /** Tries the fix of a finding. A failure is a result, so that it keeps no other from being tried. */
    static FixStep attempt(DoctorFinding finding) {
        try {
            return new FixStep(finding, run(finding.fix()), Optional.empty());
        } catch (RuntimeException e) {
            String error = Failure.oneLine(Advised.message(Advised.problemOf(e), Advised.nextOf(e)));
            return new FixStep(finding, List.of(), Optional.of(error));
        }
    }

    private static List<Finding> run(Fix fix) {
        if (fix instanceof Fix.LoadModule load) {
            KernelModule.load(load.module());
            return List.of();
        }
        if (fix instanceof Fix.Attach attach) {
            return within(attach.netns(), netns -> {
                if (AttachmentReader.one(netns, attach.ifname(), AttachmentReader.Peers.SKIPPED)
                        .isPresent()) {
                    throw new AttachException(
                            AttachException.Kind.UNSUPPORTED_HOST,
                            attach.ifname() + ": somebody attached it meanwhile");
                }
                return Attachments.attach(netns, asked(attach));
            });
        }
        if (fix instanceof Fix.SwitchGroOn gro) {
            return within(
                    gro.netns(),
                    netns -> Attachments.enableGro(netns, gro.ifname()).result());
        }
        Fix.Restore restore = (Fix.Restore) fix;
        return within(
                restore.netns(),
                netns -> Attachments.restore(netns, restore.ifname()).result());
    }

    /** What 'csumbpf attach IFACE --port PORT' asks for. */
    static DesiredAttachment asked(Fix.Attach attach) {
        Rule rule = new Rule(Mode.AUTO, false, false);
        return new DesiredAttachment(
                attach.ifname(), new RuleSet(attach.port(), false, Optional.of(rule), Map.of()), AttachOptions.DEFAULT);
    }

    private static List<Finding> within(String name, Function<NetworkNamespace, Result> work) {
        try (NetworkNamespace netns = name.isEmpty() ? NetworkNamespace.current() : NetworkNamespace.named(name)) {
            return work.apply(netns).warnings();
        }
    }

    /** The names of its members never change meaning. */
    Map<String, Object> json() {
        Map<String, Object> tree = new LinkedHashMap<>();
        tree.put("id", finding.check().id());
        tree.put("subject", finding.subject());
        tree.put("command", finding.fix().command());
        tree.put("outcome", error.isPresent() ? "failed" : "done");
        tree.put("error", error.orElse(null));
        return tree;
    }
}
