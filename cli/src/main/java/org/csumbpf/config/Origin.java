// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.config;

import java.nio.file.Path;

/** Where a value comes from. */
public sealed interface Origin {
    /** As messages begin: {@code default}, {@code FILE:LINE}, {@code option --keep}. */
    String text();

    /** Nobody set it. */
    record Default() implements Origin {
        @Override
        public String text() {
            return "default";
        }
    }

    /**
     * A line of the file.
     *
     * @param line from 1 on; 0: the whole file
     */
    record Line(Path file, int line) implements Origin {
        @Override
        public String text() {
            return line == 0 ? file.toString() : file + ":" + line;
        }
    }

    /** @param name of an option of the command line, with its dashes */
    record Option(String name) implements Origin {
        @Override
        public String text() {
            return "option " + name;
        }
    }
}
