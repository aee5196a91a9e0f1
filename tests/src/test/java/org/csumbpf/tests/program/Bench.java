// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.program;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntSupplier;

/**
 * Measures subjects in turns. Because machines are noisy, each figure is divided by the baseline's of the same round.
 * The report has the median, the smallest and the largest of these ratios.
 *
 * @param subjects by name; each measures once
 */
record Bench(String name, String title, String unit, String baseline, Map<String, IntSupplier> subjects) {
    /** Prints a table, and writes the JSON that tests/bench/report reads. */
    void run(int rounds, Path json) throws IOException {
        subjects.values().forEach(IntSupplier::getAsInt); // warms up
        Map<String, double[]> values = new LinkedHashMap<>();
        Map<String, double[]> ratios = new LinkedHashMap<>();
        subjects.keySet().forEach(subject -> {
            values.put(subject, new double[rounds]);
            ratios.put(subject, new double[rounds]);
        });
        for (int round = 0; round < rounds; round++) {
            for (Map.Entry<String, IntSupplier> subject : subjects.entrySet()) {
                values.get(subject.getKey())[round] = subject.getValue().getAsInt();
            }
            for (String subject : subjects.keySet()) {
                ratios.get(subject)[round] = values.get(subject)[round] / Math.max(1, values.get(baseline)[round]);
            }
        }

        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode()
                .put("benchmark", name)
                .put("title", title)
                .put("better", "lower")
                .put(
                        "kernel",
                        Files.readString(Path.of("/proc/sys/kernel/osrelease")).strip())
                .put("cpu", cpu())
                .put("date", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString())
                .put("unit", unit)
                .put("baseline", baseline);
        ArrayNode results = root.putArray("results");
        System.out.printf(Locale.ROOT, "%-44s %7s %15s %9s%n", title, "ratio", "min - max", unit);
        for (String subject : subjects.keySet()) {
            double[] ratio = ratios.get(subject);
            double[] value = values.get(subject);
            Arrays.sort(ratio);
            Arrays.sort(value);
            results.addObject()
                    .put("subject", subject)
                    .put("ratio", rounded(ratio[rounds / 2]))
                    .put("ratio_min", rounded(ratio[0]))
                    .put("ratio_max", rounded(ratio[rounds - 1]))
                    .put("value", value[rounds / 2])
                    .put("rounds", rounds);
            System.out.printf(
                    Locale.ROOT,
                    "%-44s %7.2f %6.2f - %6.2f %9.0f%n",
                    subject,
                    ratio[rounds / 2],
                    ratio[0],
                    ratio[rounds - 1],
                    value[rounds / 2]);
        }
        Files.createDirectories(json.toAbsolutePath().getParent());
        mapper.writerWithDefaultPrettyPrinter().writeValue(json.toFile(), root);
    }

    private static double rounded(double ratio) {
        return Math.round(ratio * 1000) / 1000.0;
    }

    private static String cpu() throws IOException {
        return Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("model name"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("unknown");
    }
}
