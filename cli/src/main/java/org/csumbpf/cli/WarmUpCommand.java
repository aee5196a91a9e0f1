// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.csumbpf.loader.host.Privileges;
import org.csumbpf.maps.CsumbpfMaps;
import org.csumbpf.maps.CsumbpfObject;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/**
 * Runs the other commands and discards their output, so that make-archive can record the classes that they load. With
 * an interface it attaches there, changes rules and detaches. The caller gives it a network namespace, a bpffs and a
 * /lib/modules that end with the command.
 */
@Command(name = "warm-up", hidden = true, description = "Do what the other commands do, where it leaves no trace.")
final class WarmUpCommand implements Callable<Integer> {
    @Parameters(paramLabel = "IFACE", arity = "0..1", description = "An interface in a namespace that ends with this.")
    private String ifname;

    @Override
    public Integer call() {
        if (ifname == null && Privileges.canAttach()) {
            try (CsumbpfObject object = CsumbpfObject.open();
                    CsumbpfMaps maps = object.load()) {
                maps.counters();
            }
        }
        for (String line : lines()) {
            PrintWriter nobody = new PrintWriter(Writer.nullWriter());
            Main.run(nobody, nobody, line.split(" "));
        }
        return ExitCode.DONE.code();
    }

    private List<String> lines() {
        List<String> lines = new ArrayList<>(List.of(
                "--version",
                "status",
                "status --json",
                "discover",
                "doctor --seconds 0",
                "config show",
                "detach --all"));

        if (ifname == null) {
            // These are refused, but only after the command line was parsed.
            lines.addAll(List.of("attach lo --vni 1,2-3", "vni add lo 4 5", "detach lo"));
            return lines;
        }
        // One rule is changed in place, two by swapping programs. nftables may be missing.
        for (String line : List.of(
                "attach % --unverified --backstop never",
                "attach % --vni 1,2-3 --force --backstop never",
                "attach % --vni 1,2-3",
                "vni add % 4",
                "vni add % 5 6",
                "vni remove % 4",
                "vni list %",
                "status",
                "status --json",
                "stats",
                "--netns /proc/self/ns/net status %",
                "restore %",
                "detach %",
                "attach % --json",
                "detach --all")) {
            lines.add(line.replace("%", ifname));
        }
        return lines;
    }
}
