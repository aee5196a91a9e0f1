// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.util.ArrayList;
import java.util.List;
import org.csumbpf.apply.Attachments;
import org.csumbpf.apply.Result;
import org.csumbpf.desired.DesiredAttachment;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.maps.AttachOptions;
import org.csumbpf.maps.Backstop;
import org.csumbpf.maps.Config;
import org.csumbpf.maps.Hook;
import org.csumbpf.maps.Rule;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;

@Command(
        name = "attach",
        description = {
            "Attach to an interface: repair the UDP checksum of the VXLAN packets that IPsec decrypts there.",
            "On an interface that is attached already, these options replace its own, and every packet is still"
                    + " repaired. The same command again changes nothing."
        })
final class AttachCommand extends HostCommand {
    @Parameters(
            paramLabel = "IFACE",
            description =
                    "The interface that receives the ESP packets; 'ip route get PEER' names it. On a device without an Ethernet"
                            + " header (tun, ipip, gre, sit, ip6tnl, ppp) the backstop alone repairs, and no module is loaded;"
                            + " on WireGuard both paths work.")
    private String ifname;

    @Option(
            names = "--vni",
            paramLabel = "LIST",
            description = "VNIs to repair: numbers and ranges (4097,4100-4110,0x100d), or 'any' (default). Repeatable.")
    private List<String> vnis = new ArrayList<>();

    @Option(
            names = "--port",
            paramLabel = "PORT",
            defaultValue = "" + Config.DEFAULT_PORT,
            description = "UDP port of VXLAN, Docker's data-path port (default ${DEFAULT-VALUE}).")
    private int port;

    @Mixin
    private RuleOptions ruleOptions;

    @Option(
            names = "--hook",
            paramLabel = "tcx|clsact",
            converter = LabelConverter.ForHook.class,
            description =
                    "How to attach the program. Default: tcx if the kernel has it (6.6 or later), else clsact. An existing"
                            + " attachment keeps its hook.")
    private Hook hook;

    @Option(
            names = "--backstop",
            paramLabel = "auto|always|never",
            defaultValue = "auto",
            converter = LabelConverter.ForBackstop.class,
            description = {
                "Whether nftables rules repair what the kernel decrypts after tc: fragmented ESP, and all packets if GRO is"
                        + " off or esp4_offload is not loaded.",
                "auto (default): yes, if nftables works; if not, attach warns.",
                "always: yes, and attach fails if nftables does not work.",
                "never: no, tc alone repairs. Refused for devices on which the backstop alone repairs (see IFACE)."
            })
    private Backstop backstop = Backstop.AUTO;

    @Option(
            names = "--force",
            description =
                    "Attach even if decrypted packets can reach neither tc nor the backstop; 'csumbpf status' shows"
                            + " whether they do.")
    private boolean force;

    @Option(names = "--enable-gro", description = "Switch GRO on if it is off; detach switches it off again.")
    private boolean enableGro;

    private DesiredAttachment desired;

    @Override
    void checkUsage() {
        if (port < 1 || port > 65535) {
            throw new ParameterException(spec().commandLine(), "port " + port + " is out of range; 1 to 65535");
        }
        Rule rule = ruleOptions.rule(spec());
        VniSelection selection = VniSelection.parse(spec(), vnis.isEmpty() ? List.of(VniSelection.ANY) : vnis);
        desired = new DesiredAttachment(
                ifname,
                selection.rules(port, rule),
                new AttachOptions(hook == null ? Hook.NONE : hook, backstop, force, enableGro));
    }

    /** Null before {@link #checkUsage}. */
    DesiredAttachment desired() {
        return desired;
    }

    @Override
    ExitCode run(Output out) {
        try (NetworkNamespace netns = global().netns()) {
            Result result = Attachments.attach(netns, desired);
            new Report(global(), out, err()).changed(netns, ifname, result);
        }
        return ExitCode.DONE;
    }
}
