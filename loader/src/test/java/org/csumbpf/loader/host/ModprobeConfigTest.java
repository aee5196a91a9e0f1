// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader.host;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The cases are those that 'modprobe -c' of kmod 30 was seen to treat so. */
class ModprobeConfigTest {
    @TempDir
    Path root;

    private Path etc;
    private Path lib;
    private Path commandLine;

    @BeforeEach
    void directories() throws IOException {
        etc = Files.createDirectory(root.resolve("etc"));
        lib = Files.createDirectory(root.resolve("lib"));
        commandLine = root.resolve("cmdline");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "install esp4_offload /bin/false",
                "install esp4-offload /bin/true",
                "install\tesp4_offload\t/usr/bin/false  # not here",
                "  install esp4_offload   /usr/bin/true --force",
                "install esp4_offload true",
                "install esp4_offload \\\n  /bin/false",
                "install esp4_offload /bin/false\r",
                "blacklist esp4_offload",
                "blacklist esp4-offload",
                "blacklist \\\n\tesp4_offload",
                "blacklist esp4\\_offload",
                "options x y\nblacklist esp4_offload more words"
            })
    void disables(String text) throws IOException {
        Path file = Files.writeString(etc.resolve("a.conf"), text);
        assertThat(disabled("esp4_offload")).containsOnlyKeys("esp4_offload");
        assertThat(disabled("esp4-offload").get("esp4-offload")).startsWith(file + ": ");
        assertThat(disabled("esp6_offload")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "#blacklist esp4_offload",
                "# a comment \\\nblacklist esp4_offload",
                "install esp4_offload",
                "install esp4_offload /sbin/modprobe --ignore-install esp4_offload",
                "install esp4_offload /bin/true && /sbin/modprobe --ignore-install esp4_offload",
                "install esp4_offload /bin/falsey",
                "remove esp4_offload /bin/false",
                "BLACKLIST esp4_offload",
                "blacklist esp4_offload\r\n",
                "\0blacklist esp4_offload",
                "blacklist",
                "blacklist esp4_offload2",
                "blacklist \\",
                "\\"
            })
    void disablesNothing(String text) throws IOException {
        Files.writeString(etc.resolve("a.conf"), text);
        assertThat(disabled("esp4_offload")).isEmpty();
    }

    @Test
    void fileAndLine() throws IOException {
        Path file = Files.writeString(lib.resolve("hard.conf"), "# by policy\ninstall   vxlan \\\n /bin/false\n");
        assertThat(disabled("vxlan")).isEqualTo(Map.of("vxlan", file + ": install vxlan /bin/false"));
        Files.writeString(file, "blacklist vxlan \u0007" + "x".repeat(1000));
        assertThat(disabled("vxlan").get("vxlan"))
                .startsWith(file + ": blacklist vxlan ?xxx")
                .hasSizeLessThan(file.toString().length() + 210);
    }

    /** JUnit warns about links out of its directory. */
    @AfterEach
    void links() throws IOException {
        Files.deleteIfExists(etc.resolve("b.conf"));
        Files.deleteIfExists(etc.resolve("endless.conf"));
    }

    @Test
    void earlierDirectoriesHideLaterOnes() throws IOException {
        Files.writeString(lib.resolve("a.conf"), "blacklist one");
        Files.writeString(lib.resolve("b.conf"), "blacklist two");
        Files.writeString(lib.resolve("c.conf"), "blacklist three");
        Files.writeString(lib.resolve("d.conf"), "blacklist four");
        Files.writeString(etc.resolve("a.conf"), "");
        Files.createSymbolicLink(etc.resolve("b.conf"), Path.of("/dev/null"));
        Files.createSymbolicLink(etc.resolve("c.conf"), root.resolve("nowhere"));
        Files.createDirectory(etc.resolve("d.conf"));
        assertThat(disabled("one", "two", "three", "four")).containsOnlyKeys("four");
    }

    @Test
    void theFirstReasonByTheNameOfTheFile() throws IOException {
        Files.writeString(etc.resolve("b.conf"), "blacklist vxlan");
        Path first = Files.writeString(lib.resolve("a.conf"), "install vxlan /bin/true");
        assertThat(disabled("vxlan").get("vxlan")).startsWith(first.toString());
    }

    @Test
    void otherNamesOfFiles() throws IOException {
        for (String name : List.of("a.conf.dpkg-old", "README", ".hidden.conf", "conf")) {
            Files.writeString(etc.resolve(name), "blacklist vxlan");
        }
        assertThat(disabled("vxlan")).isEmpty();
    }

    @Test
    void commandLineOfTheKernel() throws IOException {
        Files.writeString(
                commandLine,
                "BOOT_IMAGE=/vmlinuz quiet modprobe.blacklist=a,esp4-offload module_blacklist=,vxlan ro\n");
        assertThat(disabled("esp4_offload", "vxlan", "b"))
                .isEqualTo(Map.of(
                        "esp4_offload", commandLine + ": modprobe.blacklist=a,esp4-offload",
                        "vxlan", commandLine + ": module_blacklist=,vxlan"));
        Files.writeString(commandLine, "modprobe.blacklist xmodule_blacklist=vxlan module_blacklist=");
        assertThat(disabled("vxlan")).isEmpty();
    }

    @Test
    void whatIsNoConfiguration() throws Exception {
        Files.write(etc.resolve("binary.conf"), bytes());
        Files.createSymbolicLink(etc.resolve("endless.conf"), Path.of("/dev/zero"));
        assertThat(new ProcessBuilder("mkfifo", etc.resolve("pipe.conf").toString())
                        .start()
                        .waitFor())
                .isZero();
        Files.writeString(etc.resolve("z.conf"), "blacklist vxlan");
        assertThat(ModprobeConfig.disabled(
                        List.of("vxlan"), List.of(root.resolve("none"), etc.resolve("z.conf"), etc), commandLine))
                .containsOnlyKeys("vxlan");
        assertThat(ModprobeConfig.disabled(List.of("no_such_module"))).isEmpty();
    }

    private static byte[] bytes() {
        byte[] bytes = new byte[3 << 20];
        new Random(1).nextBytes(bytes);
        return bytes;
    }

    private Map<String, String> disabled(String... modules) {
        return ModprobeConfig.disabled(List.of(modules), List.of(etc, lib), commandLine);
    }
}
