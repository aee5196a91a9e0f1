// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;

/** Splits lines of files below /proc into words. */
final class Words {
    private Words() {}

    /** The words between blanks. In a JVM that has just started, a regular expression would double the reading time. */
    static List<String> of(String line) {
        List<String> words = new ArrayList<>();
        StringTokenizer rest = new StringTokenizer(line);
        while (rest.hasMoreTokens()) {
            words.add(rest.nextToken());
        }
        return words;
    }
}
