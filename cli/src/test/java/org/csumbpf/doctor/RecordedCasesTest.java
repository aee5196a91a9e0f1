// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Bundles of hosts that were really broken: written by 'csumbpf doctor --bundle' on host b of tests/lab, which break.sh
 * broke as the file's name says, on the kernel behind the @. Those of swarm-a and swarm-b are of the two hosts of a real
 * Swarm, from SwarmTest. Any bundle of a user can become such a case.
 */
class RecordedCasesTest {
    private static final Path FOLDER = Path.of("src/test/resources/doctor");
    /** Traffic works, so these are no errors. */
    private static final Set<String> WARNINGS = Set.of("guard-missing", "mtu-fragments");

    private static final Set<String> WELL = Set.of("healthy");

    static List<String> cases() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void findsTheCauseAndNoOther(String file) {
        String id = file.replaceFirst("[.@].*", "");
        List<DoctorFinding> findings =
                Doctor.examine(Bundle.read(FOLDER.resolve(file)).watch());
        boolean error = !WARNINGS.contains(id) && !WELL.contains(id);
        assertThat(findings.stream()
                        .filter(DoctorFinding::isError)
                        .map(finding -> finding.check().id())
                        .distinct())
                .as(findings.toString())
                .containsExactlyElementsOf(error ? List.of(id) : List.of());
        if (WARNINGS.contains(id)) {
            assertThat(findings.get(0).check().id()).isEqualTo(id);
            assertThat(findings.get(0).severity()).isEqualTo(DoctorFinding.Severity.WARNING);
        }
        if (WELL.contains(id)) {
            assertThat(findings).extracting(DoctorFinding::severity).containsOnly(DoctorFinding.Severity.OK);
        }
    }
}
