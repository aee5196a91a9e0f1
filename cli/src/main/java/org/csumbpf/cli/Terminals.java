// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.UnsupportedCharsetException;

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

    /** The charset of the locale; file.encoding does not tell it from Java 18 on. */
    static Charset charset() {
        try {
            return Charset.forName(System.getProperty("native.encoding"));
        } catch (UnsupportedCharsetException | IllegalCharsetNameException e) {
            return Charset.defaultCharset();
        }
    }

    static Sparkline sparkline() {
        return charset().canEncode() && charset().newEncoder().canEncode(Sparkline.BLOCKS.draw(full(), 1))
                ? Sparkline.BLOCKS
                : Sparkline.ASCII;
    }

    private static History full() {
        History history = new History();
        history.add(1, 1);
        return history;
    }
}
