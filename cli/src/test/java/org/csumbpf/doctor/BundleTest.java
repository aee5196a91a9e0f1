// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.csumbpf.doctor.HostState.Docker;
import org.csumbpf.doctor.HostState.Network;
import org.csumbpf.doctor.HostState.Problem;
import org.csumbpf.doctor.HostState.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BundleTest {
    @TempDir
    private Path folder;

    private static Case rich() {
        Case host = new Case();
        host.docker = new Docker(
                "28.5.2",
                true,
                "198.51.100.7",
                4789,
                Map.of("alpha", Case.OWN, "beta", Case.PEER),
                List.of(new Network("vxlan", List.of(Case.VNI), true, Map.of("alpha-0123456789ab", Case.OWN))));
        host.received = 0;
        host.counters.put("UdpInCsumErrors", 10L);
        host.sockets.put(4789, new Socket(10, false));
        host.attachments.add(Case.attachment(
                3, new Problem("hook_lost", "gone from eth0 at 10.99.0.2", List.of("csumbpf", "restore"))));
        return host;
    }

    private Path saved(String text) throws IOException {
        Path file = folder.resolve("bundle.json");
        Bundle.save(file, text);
        return file;
    }

    @Test
    void isJudgedAsTheHostWas() throws IOException {
        Watch watch = rich().watch();
        Path file = saved(Bundle.write("1.0", watch, List.of(), false));
        Watch read = Bundle.read(file).watch();
        assertThat(List.of(read.before(), read.after(), read.seconds(), read.seen(), read.probes()))
                .isEqualTo(List.of(watch.before(), watch.after(), watch.seconds(), watch.seen(), watch.probes()));
        assertThat(Doctor.examine(Bundle.read(file).watch())).isEqualTo(Doctor.examine(watch));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
                .isEqualTo("rw-------");
    }

    @Test
    void withoutNamesAndAddressesItHasTheSameFindings() throws IOException {
        Watch watch = rich().watch();
        String text = Bundle.write("1.0", watch, List.of(), true);
        assertThat(text)
                .doesNotContain(Case.OWN, Case.PEER, "198.51.100.7", "alpha", "beta", "0123456789ab", "42:0a")
                .contains("127.0.0.1", "vx-001001-abcde", "198.18.0.");
        assertThat(Doctor.examine(Bundle.read(saved(text)).watch()))
                .extracting(DoctorFinding::check, DoctorFinding::severity)
                .isEqualTo(Doctor.examine(watch).stream()
                        .map(finding -> org.assertj.core.groups.Tuple.tuple(finding.check(), finding.severity()))
                        .toList());
    }

    @Test
    void isNotWrittenThroughALink() throws IOException {
        Path target = Files.writeString(folder.resolve("target"), "mine");
        Path link = Files.createSymbolicLink(folder.resolve("bundle.json"), target);
        Bundle.save(link, "x");
        assertThat(target).hasContent("mine");
        assertThat(link).hasContent("x").isRegularFile();
    }

    @Test
    void nothingElseIsReplaced() throws IOException {
        Path empty = Files.createDirectory(folder.resolve("empty"));
        for (Path path : new Path[] {empty, Path.of("/dev/null")}) {
            assertThatThrownBy(() -> Bundle.save(path, "x"))
                    .isInstanceOf(Bundle.UnwritableException.class)
                    .hasMessageContaining("not a regular file");
            assertThat(path).exists();
        }
    }

    @Test
    void itsCommandsAreNoAdvice() {
        Case host = rich();
        host.attachments.clear();
        host.attachments.add(Case.attachment(0, new Problem("hook_lost", "gone", List.of("sh", "-c", "reboot"))));
        host.drops.add(new HostState.Drop("-f /etc/shadow x", "drop", -1, true, false));
        assertThat(host.findings())
                .allSatisfy(finding -> assertThat(finding.remedy()).doesNotContain("sh", "-f"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{}",
                "{",
                "42",
                "\"x\"",
                "{\"format\":1}",
                "{\"format\":2,\"watch\":{\"after\":{}}}",
                "{\"format\":1,\"watch\":[]}",
                "{\"format\":1,\"watch\":{\"after\":{\"devices\":7}}}",
                "{\"format\":1,\"watch\":{\"after\":{\"sockets\":{\"x\":{}}}}}",
                "{\"format\":1,\"watch\":{\"after\":{\"associations\":[{\"packets\":\"many\"}]}}}",
                "{\"format\":1,\"watch\":{\"after\":{\"counters\":{\"a\":1e999}}}}"
            })
    void anythingElseGetsOneLine(String text) throws IOException {
        Path file = saved(text);
        assertThatThrownBy(() -> Bundle.read(file))
                .isInstanceOf(Bundle.UnreadableException.class)
                .satisfies(e ->
                        assertThat(e.getMessage()).startsWith("bundle " + file).doesNotContain("\n"));
    }

    @Test
    void depthAndSizeAreLimited() throws IOException {
        Path deep = saved("{\"format\":1,\"x\":" + "[".repeat(100_000));
        assertThatThrownBy(() -> Bundle.read(deep)).isInstanceOf(Bundle.UnreadableException.class);
        Path long33 = saved(" ".repeat(33 << 20));
        assertThatThrownBy(() -> Bundle.read(long33)).hasMessageContaining("longer than 32 MB");
    }

    /** Whoever made it, no value of a bundle may end the doctor with a stack trace. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"format\":1,\"watch\":{\"after\":{}}}",
                "{\"format\":1,\"watch\":{\"after\":{\"devices\":[null,{}],\"associations\":[{},null],\"policies\":[{}],"
                        + "\"vxlans\":[{\"forwarding\":[{},{\"destination\":\"999.1.1.1\"},null]}],\"firewall\":{\"drops\":[{}]},"
                        + "\"docker\":{\"nodes\":{\"a\":null},\"networks\":[{},null]},\"attachments\":[{\"problems\":[{}],\"peers\":[{}]}],"
                        + "\"counters\":{\"UdpInCsumErrors\":null},\"not_read\":{\"x\":\"y\"}},\"seen\":[{}]}}",
                "{\"format\":1,\"watch\":{\"seen\":[null],\"after\":{\"firewall\":{\"marked\":[null,1]},\"vxlans\":[{\"vni\":1,\"mtu\":2147483647}],"
                        + "\"devices\":[{\"name\":\"eth0\",\"mtu\":-5,\"addresses\":[null,\"1.2.3.4\"]}],"
                        + "\"associations\":[{\"protocol\":50,\"transport\":true,\"source\":\"1.2.3.4\",\"icv_bits\":-8}]}}}"
            })
    void whateverItHoldsIsJudged(String text) throws IOException {
        assertThat(Doctor.examine(Bundle.read(saved(text)).watch())).isNotNull();
    }
}
