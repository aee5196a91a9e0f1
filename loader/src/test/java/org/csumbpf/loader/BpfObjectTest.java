// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.csumbpf.loader.host.KernelRelease;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BpfObjectTest {
    @TempDir
    Path temp;

    @Test
    void whatIsNoElfFileIsRefused() {
        assertThatThrownBy(() -> BpfObject.open("no ELF file".getBytes(), "x"))
                .isInstanceOf(KernelException.class)
                .hasMessageStartingWith("open BPF object x: ");
    }

    @Test
    @Tag("root")
    void aRejectionNamesTheCauseAndKeepsTheLog() throws Exception {
        Path object = temp.resolve("reject.o");
        String multiarch = new String(new ProcessBuilder("gcc", "-print-multiarch")
                        .start()
                        .getInputStream()
                        .readAllBytes())
                .strip();
        int compiled = new ProcessBuilder(
                        "clang",
                        "-O2",
                        "-g",
                        "-target",
                        "bpf",
                        "-idirafter",
                        "/usr/include/" + multiarch,
                        "src/test/bpf/reject.bpf.c",
                        "-c",
                        "-o",
                        object.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertThat(compiled).isZero();
        try (BpfObject rejected = BpfObject.open(Files.readAllBytes(object), "reject")) {
            assertThatThrownBy(rejected::load).isInstanceOfSatisfying(VerifierException.class, e -> {
                assertThat(e.getMessage())
                        .startsWith("load program of reject: EACCES (Permission denied): ")
                        .contains("outside of the packet")
                        .contains("lines omitted)")
                        .doesNotContain("\n");
                assertThat(e.log()).contains("invalid access to packet");
                assertThat(e.log().lines().count()).isGreaterThan(3);
            });
        }
    }

    @Test
    @Tag("root")
    void aProgramOrMapThatIsNotThereIsEmpty() {
        assertThat(BpfProgram.fromId(Integer.MAX_VALUE)).isEmpty();
        assertThat(RawMap.fromId(Integer.MAX_VALUE)).isEmpty();
        assertThatThrownBy(() -> RawMap.fromPin(Path.of("/sys/fs/bpf/csumbpf-no-such-pin")))
                .isInstanceOfSatisfying(
                        KernelException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
    }

    @Test
    @Tag("root")
    void tcxIsThereFromItsKernelOnAndNotBefore() {
        boolean expected = KernelRelease.current().atLeast(6, 6);
        assertThat(Probes.tcx()).isEqualTo(expected ? ProbeResult.SUPPORTED : ProbeResult.UNSUPPORTED);
    }
}
