// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import java.util.ArrayList;
import java.util.List;
import java.util.StringTokenizer;

/** Lines of files below /proc. */
final class Words {
    private Words() {}

    /** What stands between the blanks. A regular expression would take as long as all else of reading such a file in a process that has just begun. */
    static List<String> of(String line) {
        List<String> words = new ArrayList<>();
        StringTokenizer rest = new StringTokenizer(line);
        while (rest.hasMoreTokens()) {
            words.add(rest.nextToken());
        }
        return words;
    }
}
