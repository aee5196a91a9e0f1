// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

/** What is known of the terminal without querying it. */
final class Terminals {
    private Terminals() {}

    /** Whether standard input and output are a terminal that can draw. The launcher checks both. */
    static boolean interactive() {
        String type = System.getenv("TERM");
        return Boolean.getBoolean("csumbpf.tty")
                && Boolean.getBoolean("csumbpf.keyboard")
                && type != null
                && !type.isEmpty()
                && !type.equals("dumb");
    }

    /** Bars that the terminal can draw. The launcher checks the user's locale before it sets another. */
    static Sparkline sparkline() {
        return Boolean.getBoolean("csumbpf.terminal.utf8") ? Sparkline.BLOCKS : Sparkline.ASCII;
    }
}
