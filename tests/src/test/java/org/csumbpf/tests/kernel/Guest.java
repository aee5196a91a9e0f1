// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Set;
import org.csumbpf.tests.lab.Shell;

/**
 * The row of tests/vm/kernels.tsv for the kernel that this guest runs.
 *
 * @param hook the hook that attach must choose by itself
 * @param features the features that the kernel must have; see tests/vm/README.md
 */
record Guest(String series, String hook, Set<String> features) {
    static Guest running() {
        String series = System.getenv("CSUMBPF_KERNEL");
        try {
            return Files.readAllLines(Shell.CHECKOUT.resolve("tests/vm/kernels.tsv")).stream()
                    .map(line -> line.split("\t"))
                    .filter(row -> row[0].equals(series))
                    .map(row -> new Guest(row[0], row[3], Set.copyOf(Arrays.asList(row[4].split(",")))))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("no row for series '" + series + "' in tests/vm/kernels.tsv;"
                            + " these tests run in a guest of tests/vm/run"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    boolean has(String feature) {
        return features.contains(feature);
    }
}
