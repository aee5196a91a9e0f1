// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.List;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Result;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.Rule;
import org.csumbpf.snapshot.AttachmentReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "vni",
        description = "Show and change which VNIs an attachment repairs.",
        subcommands = {VniCommand.Add.class, VniCommand.Remove.class, VniCommand.Show.class})
final class VniCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "add, remove or list is missing");
    }

    @Command(name = "add", description = "Add rules for VNIs, or replace the rules that they have, all at once.")
    static final class Add extends HostCommand {
        @Parameters(index = "0", paramLabel = "IFACE", description = "The interface.")
        private String ifname;

        @Parameters(index = "1..*", arity = "1..*", paramLabel = "LIST", description = "VNIs, as for attach --vni.")
        private List<String> vnis;

        @Mixin
        private RuleOptions ruleOptions;

        private VniSelection selection;
        private Rule rule;

        @Override
        void checkUsage() {
            rule = ruleOptions.rule(spec());
            selection = VniSelection.parse(spec(), vnis);
        }

        @Override
        ExitCode run(Output out) {
            try (NetworkNamespace netns = global().netns()) {
                Result result = Attachments.change(netns, ifname, rules -> selection.with(rules, rule));
                new Report(global(), out, err()).changed(netns, ifname, result);
            }
            return ExitCode.DONE;
        }
    }

    @Command(
            name = "remove",
            description = "Remove the rules of VNIs, and their counters. VNIs without a rule are skipped.")
    static final class Remove extends HostCommand {
        @Parameters(index = "0", paramLabel = "IFACE", description = "The interface.")
        private String ifname;

        @Parameters(index = "1..*", arity = "1..*", paramLabel = "LIST", description = "VNIs, as for attach --vni.")
        private List<String> vnis;

        private VniSelection selection;

        @Override
        void checkUsage() {
            selection = VniSelection.parse(spec(), vnis);
        }

        @Override
        ExitCode run(Output out) {
            try (NetworkNamespace netns = global().netns()) {
                Result result = Attachments.change(netns, ifname, selection::without);
                new Report(global(), out, err()).changed(netns, ifname, result);
            }
            return ExitCode.DONE;
        }
    }

    @Command(name = "list", description = "List the rules.")
    static final class Show extends HostCommand {
        @Parameters(paramLabel = "IFACE", arity = "0..1", description = "Only this interface.")
        private String ifname;

        @Override
        boolean changes() {
            return false;
        }

        @Override
        ExitCode run(Output out) {
            new Report(global(), out, err())
                    .rules(StatusCommand.views(global(), ifname, AttachmentReader.Peers.SKIPPED));
            return ExitCode.DONE;
        }
    }
}
