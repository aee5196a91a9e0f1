// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The installed command starts fast. A class-data archive that does not fit only makes it slower and prints nothing,
 * because a parser reads --json.
 */
@Tag("root")
class LauncherTest {
    @TempDir
    private Path prefix;

    private Path archive;

    @BeforeEach
    void copyWhatIsInstalled() throws IOException {
        String[] copy = {"cp", "-a", "bin", "lib", prefix.toString()};
        Shell.run(Shell.join(new String[] {"env", "-C", Shell.CHECKOUT.toString()}, copy))
                .ok();
        try (Stream<Path> files = Files.list(prefix.resolve("lib/csumbpf"))) {
            archive = files.filter(file -> file.toString().endsWith(".jsa"))
                    .findFirst()
                    .orElseThrow(() -> new AssertionError("make build made no archive"));
        }
    }

    @Test
    void ofAnotherBuildOfTheJvm() throws IOException {
        // The header contains the name of the JVM's build.
        byte[] bytes = Files.readAllBytes(archive);
        int place = new String(bytes, 0, 4096, StandardCharsets.ISO_8859_1).indexOf("Server VM (");
        assertThat(place).isPositive();
        bytes[place + "Server VM (".length()] ^= 1;
        replace(bytes);
        runsSilently();
    }

    /**
     * The layout for arm64 packages that are built on another machine. The archive is made later, where arm64's Java
     * is.
     */
    @Test
    void laidOutForAnotherArchitecture() throws IOException {
        Path other = prefix.resolve("for arm64");
        Shell.run(
                        "env",
                        "ARCH=arm64",
                        Shell.CHECKOUT.resolve("cli/src/main/sh/make-dist").toString(),
                        other.toString())
                .ok();
        Path lib = other.resolve("lib/csumbpf");
        assertThat(Shell.run(
                                "readelf",
                                "--file-header",
                                lib.resolve("libjnidispatch.so").toString())
                        .ok()
                        .out())
                .contains("AArch64");
        assertThat(lib.resolve("layout")).hasContent("aarch64\n\n\n");
        try (Stream<Path> files = Files.list(lib)) {
            assertThat(files.map(Path::toString)).noneMatch(file -> file.endsWith(".jsa"));
        }
    }

    @Test
    void ofAnotherJdk() throws IOException {
        Path other = prefix.resolve("other.jsa");
        for (Path java : javas()) {
            // An archive that this Java can make; it need not be of csumbpf's classes.
            Shell.run(java.toString(), "-XX:ArchiveClassesAtExit=" + other, "-Xlog:disable", "-version");
            if (Files.exists(other)) {
                replace(Files.readAllBytes(other));
                Files.delete(other);
            }
            for (Path runner : javas()) {
                Path named =
                        archive.resolveSibling(runner.toRealPath().toString().replace('/', '_') + ".jsa");
                if (!named.equals(archive)) {
                    Files.copy(archive, named);
                }
                assertSilent(Shell.run("env", "CSUMBPF_JAVA=" + runner, command(), "--version"));
                if (!named.equals(archive)) {
                    Files.delete(named);
                }
            }
        }
    }

    @Test
    void thatIsEmpty() throws IOException {
        replace(new byte[0]);
        runsSilently();
    }

    @Test
    void ofOtherJars() throws IOException {
        Path jar = prefix.resolve("lib/csumbpf/csumbpf-cli.jar");
        Shell.run("touch", "-d", "2001-01-01", jar.toString()).ok();
        runsSilently();
    }

    @Test
    void thatIsMissing() throws IOException {
        Files.delete(archive);
        runsSilently();
    }

    /**
     * equals and hashCode of a record are linked when they are first used, which takes 12 ms: as much as all of the
     * rest between reading the options and loading the program. No archive of JDK 17 can hold them.
     */
    @Test
    void attachAndStatusLinkNoMethodsOfRecords() throws IOException {
        Path log = prefix.resolve("classes.log");
        String launcher = Files.readString(Path.of(command()));
        assertThat(launcher).contains(" -Xlog:disable ");
        Files.writeString(
                Path.of(command()), launcher.replace(" -Xlog:disable ", " -Xlog:class+load:file=\"$CLASSES_LOG\" "));
        try (Lab lab = new Lab()) {
            for (String subcommand : List.of("attach w1 --vni 4097", "status", "status --json", "stats", "detach w1")) {
                String line = "CLASSES_LOG=" + log + " " + command() + " --netns " + lab.name + " " + subcommand;
                assertThat(Shell.run("sh", "-c", line).code()).as(subcommand).isIn(0, 9);
                assertThat(Files.readString(log))
                        .as(subcommand)
                        .contains("org.csumbpf.cli.Csumbpf")
                        .doesNotContain("java.lang.runtime.ObjectMethods")
                        .as(subcommand + " loads what only serve and agent need")
                        .doesNotContain(
                                "org.snakeyaml", "org.springframework", "javax.net.ssl", "org.csumbpf.serve.Web");
            }
        }
    }

    private void replace(byte[] bytes) throws IOException {
        // The JVM makes the file read-only.
        Files.delete(archive);
        Files.write(archive, bytes);
    }

    private String command() {
        return prefix.resolve("bin/csumbpf").toString();
    }

    private void runsSilently() {
        assertSilent(Shell.run(command(), "--version"));
    }

    private static void assertSilent(Shell.Result result) {
        assertThat(result.code()).as(result.err()).isZero();
        assertThat(result.err()).isEmpty();
        assertThat(result.out()).matches("csumbpf \\d+\\.\\d+\\.\\d+\\s+");
    }

    /** All Java installations of this machine. */
    private static List<Path> javas() throws IOException {
        try (Stream<Path> homes = Files.list(Path.of("/usr/lib/jvm"))) {
            return homes.filter(home -> !Files.isSymbolicLink(home))
                    .map(home -> home.resolve("bin/java"))
                    .filter(Files::isExecutable)
                    .sorted()
                    .toList();
        }
    }
}
