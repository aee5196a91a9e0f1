// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

/** What is known of the terminal without asking it. */
final class Terminals {
    private Terminals() {}

    /** Whether a person sits in front of both ends, at a terminal that can draw. The launcher looks at both ends. */
    static boolean interactive() {
        String type = System.getenv("TERM");
        return Boolean.getBoolean("csumbpf.tty")
                && Boolean.getBoolean("csumbpf.keyboard")
                && type != null
                && !type.isEmpty()
                && !type.equals("dumb");
    }

    /** Bars that the terminal can draw: the launcher looks at the user's locale, and then sets another. */
    static Sparkline sparkline() {
        return Boolean.getBoolean("csumbpf.terminal.utf8") ? Sparkline.BLOCKS : Sparkline.ASCII;
    }
}
