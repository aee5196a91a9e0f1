// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.cli;

import java.io.PrintWriter;
import java.io.StringWriter;

/** What a command printed, and how it ended, in this JVM. */
record Ran(int code, String out, String err) {
    static Ran of(String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new PrintWriter(out), new PrintWriter(err), args);
        return new Ran(code, out.toString(), err.toString());
    }
}
