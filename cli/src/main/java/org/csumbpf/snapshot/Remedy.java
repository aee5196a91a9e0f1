// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.text.ShellWord;

/**
 * What can be done about a finding.
 *
 * @param command as a list of arguments, the program first; empty: the remedy is no command
 * @param effect what the command does, as the end of a sentence that begins with it; without a command a whole sentence
 * @param fix how csumbpf itself does the same; empty: a person must do it
 */
public record Remedy(List<String> command, String effect, Optional<Fix> fix) {
    /** Commands that are about the host, whatever the namespace. */
    private static final Set<String> OF_THE_HOST = Set.of("docker", "modprobe", "grep");

    public Remedy {
        command = List.copyOf(command);
    }

    /** A remedy that is for a person. */
    public Remedy(List<String> command, String effect) {
        this(command, effect, Optional.empty());
    }

    /** A remedy that is no command. */
    static Remedy words(String sentence) {
        return new Remedy(List.of(), sentence);
    }

    /** A subcommand of csumbpf that works in the namespace, wherever it is typed. */
    static Remedy csumbpf(NetworkNamespace netns, String effect, String... words) {
        return new Remedy(csumbpfArguments(netns, words), effect);
    }

    /** Restores an attachment, wherever it is typed. */
    static Remedy restore(NetworkNamespace netns, String effect, String ifname) {
        Fix fix = new Fix.Restore(netns.isCurrent() ? "" : netns.reference(), ifname);
        return new Remedy(fix.command(), effect, Optional.of(fix));
    }

    /** The same, but csumbpf itself may do it. */
    Remedy by(Fix own) {
        return new Remedy(command, effect, Optional.of(own));
    }

    /**
     * A command that works in a network namespace.
     *
     * @param netns as --netns takes it; empty: the caller's own
     */
    public static List<String> within(String netns, List<String> command) {
        if (netns.isEmpty()
                || command.isEmpty()
                || OF_THE_HOST.contains(command.get(0))
                || command.contains("--netns")) {
            return command;
        }
        List<String> inside = new ArrayList<>();
        if (command.get(0).equals("csumbpf")) {
            inside.addAll(List.of("csumbpf", "--netns", netns));
            inside.addAll(command.subList(1, command.size()));
        } else {
            inside.addAll(
                    netns.contains("/")
                            ? List.of("nsenter", "--net=" + netns, "--")
                            : List.of("ip", "netns", "exec", netns));
            inside.addAll(command);
        }
        return inside;
    }

    /** The command alone, quoted for a shell. */
    public static String csumbpfLine(NetworkNamespace netns, String... words) {
        return ShellWord.line(csumbpfArguments(netns, words));
    }

    /** The arguments of a subcommand of csumbpf that works in the namespace. */
    public static List<String> csumbpfArguments(NetworkNamespace netns, String... words) {
        List<String> command = new ArrayList<>(List.of("csumbpf"));
        if (!netns.isCurrent()) {
            command.addAll(List.of("--netns", netns.reference()));
        }
        command.addAll(List.of(words));
        return command;
    }

    /** The command, quoted for a shell, and what it does. */
    public String text() {
        return command.isEmpty() ? effect : "'" + ShellWord.line(command) + "' " + effect;
    }

    /** What to do. */
    String advice() {
        return command.isEmpty() ? effect : "run '" + ShellWord.line(command) + "'";
    }
}
