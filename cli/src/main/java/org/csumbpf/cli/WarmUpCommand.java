// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import org.csumbpf.apply.AttachmentResult;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Change;
import org.csumbpf.apply.Result;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.desired.RuleSet;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Privileges;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import org.csumbpf.snapshot.AttachmentReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * Loads the classes that the other commands load: make-dist runs it to record them in the class-data archive. With privileges it
 * also loads the program into the kernel, for an instant, and with an interface it attaches there, changes a rule and detaches.
 * The caller sees to it that this ends with the command: a network namespace, a bpffs and a /lib/modules of its own.
 */
@Command(name = "warm-up", hidden = true, description = "Do what the other commands do, where it leaves no trace.")
final class WarmUpCommand implements Callable<Integer> {
    private static final Rule RULE = new Rule(Mode.AUTO, false, false);

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "An interface in a namespace that ends with this.")
    private String ifname;

    @Override
    public Integer call() {
        Output out = (Output) spec.commandLine().getOut();
        Csumbpf global = (Csumbpf) spec.root().userObject();
        Report report = new Report(global, out, out);
        for (String line : List.of("attach lo --vni 1,2-3", "vni add lo 4 5", "status --json", "detach lo")) {
            Main.commandLine(line.split(" ")).parseArgs(line.split(" "));
        }
        try (NetworkNamespace netns = NetworkNamespace.current();
                CsumbpfObject object = CsumbpfObject.open()) {
            netns.call(() -> Rtnetlink.device("lo"));
            if (Privileges.canAttach()) {
                try (CsumbpfMaps maps = object.load()) {
                    maps.putRule(new Vni(1), RULE);
                    out.json(Map.of("rules", rules(1).byVni().size(), "counters", List.of(maps.counters())));
                }
                Attachments.warmUpBackstop();
                if (ifname != null) {
                    attach(netns, report);
                }
                report.status(AttachmentReader.all(Optional.empty()));
            }
            report.detached(
                    List.of(new AttachmentResult(
                            "lo", new Result(List.of(new Change(Change.Id.DETACHED, "")), List.of()))),
                    null);
        }
        return ExitCode.DONE.code();
    }

    private void attach(NetworkNamespace netns, Report report) {
        // First without nftables, which may be missing, then with both paths; one rule is changed in place, two by a
        // swap.
        for (Backstop backstop : List.of(Backstop.NEVER, Backstop.AUTO)) {
            AttachOptions options = new AttachOptions(Hook.NONE, backstop, true, false);
            report.changed(netns, ifname, Attachments.attach(netns, new DesiredAttachment(ifname, rules(1), options)));
        }
        report.changed(netns, ifname, Attachments.change(netns, ifname, rules -> rules(2)));
        report.changed(netns, ifname, Attachments.change(netns, ifname, rules -> rules(4)));
        report.status(AttachmentReader.all(Optional.of(netns)));
        report.detached(List.of(Attachments.detach(netns, ifname)), null);
    }

    private static RuleSet rules(int count) {
        TreeMap<Vni, Rule> rules = new TreeMap<>();
        for (int vni = 1; vni <= count; vni++) {
            rules.put(new Vni(vni), RULE);
        }
        return new RuleSet(Config.DEFAULT_PORT, false, Optional.empty(), rules);
    }
}
