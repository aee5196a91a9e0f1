// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Only the loader uses JNA, and in nothing public, so that java.lang.foreign can replace it one day. */
class JnaBoundaryTest {
    private static final Pattern PUBLIC_WITH_JNA = Pattern.compile("^\\s*public [^{;=]*\\b(Pointer|Memory|Native)\\b");

    @Test
    void noPublicSignatureMentionsIt() {
        assertThat(lines("src/main/java").filter(PUBLIC_WITH_JNA.asPredicate())).isEmpty();
    }

    @Test
    void noOtherModuleImportsIt() {
        for (String module : List.of("../maps", "../cli", "../tests")) {
            assertThat(lines(module + "/src").filter(line -> line.contains("com.sun" + ".jna")))
                    .isEmpty();
        }
        assertThat(lines("src/main/java").filter(line -> line.contains("com.sun" + ".jna")))
                .isNotEmpty();
    }

    @Test
    void theLoaderKnowsNoVxlan() {
        assertThat(lines("src/main/java").filter(line -> line.toLowerCase().matches(".*\\b(vni|vxlan|csumbpf_).*")))
                .isEmpty();
    }

    private static Stream<String> lines(String directory) {
        try (Stream<Path> files = Files.walk(Path.of(directory))) {
            return files.filter(file -> file.toString().endsWith(".java")).toList().stream()
                    .flatMap(file -> {
                        try {
                            return Files.readAllLines(file).stream();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
