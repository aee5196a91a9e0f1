// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.csumbpf.attach.AttachmentView;
import org.csumbpf.attach.Attachments;
import org.csumbpf.attach.Result;
import org.csumbpf.attach.RuleSet;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.Privileges;
import org.csumbpf.loader.host.Rtnetlink;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import org.csumbpf.maps.Mode;
import org.csumbpf.maps.Rule;
import org.csumbpf.maps.Vni;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * Loads the classes that attach and status load, and changes nothing: make-dist runs it to record them in the class-data
 * archive. With privileges it also loads the program into the kernel, for an instant.
 */
@Command(name = "warm-up", hidden = true, description = "Load what the other commands load, and do nothing.")
final class WarmUpCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        Csumbpf global = (Csumbpf) spec.root().userObject();
        try (NetworkNamespace netns = NetworkNamespace.current();
                CsumbpfObject object = CsumbpfObject.open()) {
            netns.call(() -> Rtnetlink.device("lo"));
            if (Privileges.canAttach()) {
                try (CsumbpfMaps maps = object.load()) {
                    maps.putRule(new Vni(1), new Rule(Mode.AUTO, false, false));
                    RuleSet rules = new RuleSet(1, false, Optional.empty(), maps.rules());
                    Json.print(out, Map.of("rules", rules.byVni().size(), "counters", List.of(maps.counters())));
                }
                Attachments.warmUpBackstop();
                new Report(global, out, out).status(AttachmentView.readAll(Optional.empty()));
            }
            new Report(global, out, out).detached(Map.of("lo", new Result(List.of("warmed up"), List.of())));
        }
        return ExitCode.DONE.code();
    }
}
