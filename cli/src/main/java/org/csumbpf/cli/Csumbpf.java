// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Function;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.loader.host.NoSuchNamespaceException;
import org.csumbpf.pin.Selection;
import org.csumbpf.text.Similar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The top-level command, with the options that every subcommand takes. {@link Main} adds the subcommands. */
@Command(
        name = "csumbpf",
        description = {
            "Repairs the UDP checksum of VXLAN packets that IPsec decrypted behind a NAT.",
            "",
            "'csumbpf attach eth0' is all it takes. The attachment stays until 'csumbpf detach eth0' or a" + " reboot."
        },
        versionProvider = Version.class,
        usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "COMMAND",
        commandListHeading = "%nCommands:%n",
        optionListHeading = "%nOptions:%n",
        exitCodeListHeading = "%nExit codes:%n")
final class Csumbpf implements Runnable {
    @Spec
    private CommandSpec spec;

    @Option(
            names = {"-v", "--verbose"},
            scope = ScopeType.INHERIT,
            description = "On failure print everything: the whole verifier log, the causes.")
    private boolean verbose;

    @Option(names = "--json", scope = ScopeType.INHERIT, description = "Print JSON instead of text.")
    private boolean json;

    @Option(
            names = "--no-color",
            scope = ScopeType.INHERIT,
            description = "Print no colours. The default if NO_COLOR is set or the output is not a terminal.")
    private boolean noColor;

    @Option(
            names = "--netns",
            paramLabel = "NAME|PATH",
            scope = ScopeType.INHERIT,
            description = "Work in this network namespace: a name of 'ip netns list', or a path. Default: the caller's"
                    + " own; for status, all.")
    private String netns;

    @Option(
            names = "--bpffs",
            paramLabel = "DIRECTORY",
            scope = ScopeType.INHERIT,
            description =
                    "Where the bpffs with the pins is mounted. Default: 'bpffs' in /etc/csumbpf/csumbpf.yaml, else"
                            + " /sys/fs/bpf; in a container /bpf, if that is where the host's is.")
    private Path bpffs;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            scope = ScopeType.INHERIT,
            description = "Print this help.")
    private boolean help;

    @Option(
            names = {"-V", "--version"},
            versionHelp = true,
            description = "Print the version.")
    private boolean version;

    boolean verbose() {
        return verbose;
    }

    boolean json() {
        return json;
    }

    boolean namesNetns() {
        return netns != null;
    }

    /** Where to pin, if the command line says so; as in a file, whatever folder the command was started in. */
    Optional<Path> bpffs() {
        return Optional.ofNullable(bpffs).map(Path::toAbsolutePath);
    }

    /** The namespace that was asked for, or all. Holds nothing open. */
    Selection selection() {
        return netns == null ? Selection.ALL : Selection.of(netns);
    }

    /** The namespace that was asked for, or the caller's own. */
    NetworkNamespace netns() {
        return netns == null ? NetworkNamespace.current() : named(netns);
    }

    /** Passes the named namespace to {@code work}; empty: none was named, so all are meant. */
    <T> T within(Function<Optional<NetworkNamespace>, T> work) {
        try (NetworkNamespace only = netns == null ? null : named(netns)) {
            return work.apply(Optional.ofNullable(only));
        }
    }

    private static NetworkNamespace named(String name) {
        try {
            return NetworkNamespace.named(name);
        } catch (NoSuchNamespaceException e) {
            throw e.suggesting(Similar.didYouMean(name, NetworkNamespace.names()));
        }
    }

    /** Whether text may be coloured. The launcher checks whether standard output is a terminal. */
    boolean colored() {
        String wish = System.getenv("NO_COLOR");
        return !noColor && (wish == null || wish.isEmpty()) && Boolean.getBoolean("csumbpf.tty");
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }
}
