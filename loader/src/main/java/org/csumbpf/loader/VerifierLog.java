// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import java.util.List;

/**
 * The log that the verifier wrote about a program.
 *
 * @param text all of it
 */
record VerifierLog(String text) {
    /**
     * The cause in one line. The verifier writes the instructions that it follows, then the complaint, then its
     * statistics ("processed 12 insns ...").
     */
    String summary() {
        List<String> lines =
                text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        for (int i = lines.size() - 1; i >= 0; i--) {
            String line = lines.get(i);
            if (!isStatistics(line)) {
                int omitted = lines.size() - 1;
                return omitted == 0 ? line : line + " (" + omitted + " lines omitted)";
            }
        }
        return "the kernel gave no reason";
    }

    private static boolean isStatistics(String line) {
        return line.startsWith("processed ")
                || line.startsWith("verification time ")
                || line.startsWith("stack depth ")
                || line.startsWith("insns processed ")
                || line.startsWith("mark_precise:");
    }
}
