// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.snapshot;

import java.util.ArrayList;
import java.util.List;
import org.csumbpf.loader.host.NetworkNamespace;
import org.csumbpf.text.ShellWord;

/**
 * What can be done about a finding.
 *
 * @param command as a list of arguments, the program first; empty: the remedy is no command
 * @param effect what the command does, as the end of a sentence that begins with it; without a command a whole sentence
 */
public record Remedy(List<String> command, String effect) {
    public Remedy {
        command = List.copyOf(command);
    }

    /** A remedy that is no command. */
    static Remedy words(String sentence) {
        return new Remedy(List.of(), sentence);
    }

    /** A subcommand of csumbpf that works in the namespace, wherever it is typed. */
    static Remedy csumbpf(NetworkNamespace netns, String effect, String... words) {
        return new Remedy(csumbpfArguments(netns, words), effect);
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
