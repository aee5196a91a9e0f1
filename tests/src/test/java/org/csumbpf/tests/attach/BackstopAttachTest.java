// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The backstop's tables on this host's kernel: what attach creates, changes, refuses and removes. The guests test with
 * ESP what the rules do to packets (org.csumbpf.tests.kernel).
 */
@Tag("root")
class BackstopAttachTest {
    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab(false);
    }

    @AfterEach
    void close() {
        lab.close();
    }

    @Test
    void attachSetsUpBothPathsAndDetachLeavesNothing() {
        String out = lab.csumbpf("attach", "w1", "--vni", "4109").ok().out();
        assertThat(out).contains("added the nftables backstop").contains("path: the nftables backstop alone (IPv4)");
        assertThat(lab.ruleset())
                .contains("table ip csumbpf")
                .contains("udp dport 4789 iif \"w1\" meta ipsec exists")
                .contains("0x100d counter packets 0 bytes 0")
                .as("without an address of IPv6")
                .doesNotContain("table ip6");
        JsonNode status = lab.status().orElseThrow();
        assertThat(status.at("/backstop/state").asText()).isEqualTo("on");
        assertThat(status.at("/backstop/wanted").asText()).isEqualTo("auto");
        assertThat(status.get("host_changes").toString()).contains("nftables");
        String before = lab.ruleset();
        assertThat(lab.csumbpf("attach", "w1", "--vni", "4109").ok().out()).contains("nothing to change");
        assertThat(lab.ruleset()).isEqualTo(before);
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void rulesChangeOnBothPathsInOneTransactionOfNftables() throws Exception {
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        assertThat(generations("vni", "add", "w1", "10-109", "any", "--plaintext", "drop"))
                .isEqualTo(1);
        assertThat(lab.ruleset()).contains("hook input").contains("if2-any-drop".replace("2", ifindex()));
        assertThat(generations("attach", "w1", "--vni", "5,7", "--mode", "observe"))
                .isEqualTo(1);
        assertThat(lab.ruleset()).doesNotContain("hook input").contains("@if2-observe".replace("2", ifindex()));
        assertThat(generations("attach", "w1", "--vni", "5,7", "--mode", "observe"))
                .as("the same again")
                .isZero();
        assertThat(generations("attach", "w1", "--vni", "5", "--backstop", "never", "--force"))
                .isEqualTo(1);
        assertThat(lab.ruleset()).doesNotContain("csumbpf");
        assertThat(generations("vni", "add", "w1", "6")).as("never means never").isZero();
    }

    /** While attach makes program and maps anew, the rules of nftables repair alone: they must not be gone meanwhile. */
    @Test
    void rulesStayWhileWhatIsLostIsAttachedAnew() throws Exception {
        lab.ipv6();
        lab.csumbpf("attach", "w1", "--vni", "5", "--hook", "tcx").ok();
        lab.removePins(".*");
        assertThat(lab.status().orElseThrow().get("problems")).isNotEmpty();
        assertThat(generations("attach", "w1", "--vni", "5", "--hook", "tcx"))
                .as("all pins lost, the same rules")
                .isZero();
        assertThat(lab.status().orElseThrow().get("problems")).isEmpty();
        assertThat(lab.hostChanges()).contains("nftables", "detour");

        Files.delete(lab.pins().resolve("link"));
        assertThat(generations("attach", "w1", "--vni", "6", "--hook", "tcx"))
                .as("hook lost, other rules")
                .isEqualTo(1);
        assertThat(lab.rules()).containsExactly("6 auto");
        assertThat(lab.status().orElseThrow().get("problems")).isEmpty();

        Files.delete(lab.pins().resolve("link"));
        assertThat(generations("attach", "w1", "--vni", "6", "--hook", "tcx", "--backstop", "never", "--force"))
                .as("hook lost, without backstop")
                .isEqualTo(1);
        assertThat(lab.ruleset()).doesNotContain("csumbpf");
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void aFailedAttachLeavesWhatRemainsOfAnotherAsItIs() throws IOException {
        lab.ipv6();
        lab.csumbpf("attach", "w1", "--vni", "5", "--hook", "tcx").ok();
        Files.delete(lab.pins().resolve("link"));
        lab.tc("qdisc", "add", "dev", "w1", "clsact");
        lab.u32Filter(17); // csumbpf's priority
        String before = lab.ruleset();
        lab.csumbpf("attach", "w1", "--vni", "6", "--hook", "clsact").ended(7);
        assertThat(lab.ruleset()).isEqualTo(before);
        lab.csumbpf("restore", "w1").ok();
        assertThat(lab.rules()).containsExactly("5 auto");
        assertThat(lab.status().orElseThrow().get("hook").asText()).isEqualTo("tcx");
        assertThat(lab.status().orElseThrow().get("problems")).isEmpty();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).hasSize(1).first().asString().contains("clsact");
    }

    @Test
    void rulesWithoutPinsGoIfNoneAreAskedFor() throws IOException {
        lab.ipv6();
        lab.csumbpf("attach", "w1", "--vni", "5", "--hook", "tcx").ok();
        lab.removePins(".*");
        Files.delete(lab.pins());
        lab.csumbpf("attach", "w1", "--vni", "5", "--hook", "tcx", "--backstop", "never", "--force")
                .ok();
        assertThat(lab.ruleset()).doesNotContain("csumbpf");
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    private String ifindex() {
        return Integer.toString(lab.ifindex("w1"));
    }

    /** Counts the nftables transactions that a command makes. */
    private long generations(String... command) throws Exception {
        Path log = Files.createTempFile("monitor", null);
        Process monitor = new ProcessBuilder(lab.in("stdbuf", "-oL", "nft", "monitor"))
                .redirectOutput(log.toFile())
                .start();
        try {
            // The monitor listens once it reports a marker.
            AtomicInteger markers = new AtomicInteger();
            Limit.await(
                    "marker that nft monitor saw",
                    Limit.seconds(30),
                    () -> {
                        lab.run("nft", "add", "table", "ip", "marker" + markers.getAndIncrement())
                                .ok();
                        return count(log, "add table ip marker");
                    },
                    seen -> seen > 0);
            // Waits until all markers are reported, so that none is counted below.
            lab.run("nft", "add", "table", "ip", "begin").ok();
            awaitTransaction(log, "begin");
            long before = count(log, "new generation");
            lab.csumbpf(command).ok();
            lab.run("nft", "add", "table", "ip", "end").ok();
            awaitTransaction(log, "end");
            long after = count(log, "new generation");
            for (int i = 0; i < markers.get(); i++) {
                lab.run("nft", "delete", "table", "ip", "marker" + i).ok();
            }
            lab.run("nft", "delete", "table", "ip", "begin").ok();
            lab.run("nft", "delete", "table", "ip", "end").ok();
            return after - before - 1;
        } finally {
            monitor.destroy();
            monitor.waitFor();
            Files.delete(log);
        }
    }

    /** Waits for the line that names the transaction's generation, which is its last line in the log. */
    private static void awaitTransaction(Path log, String table) {
        Limit.await(
                "transaction of table " + table + " in nft monitor's log",
                Limit.seconds(30),
                () -> lines(log),
                lines -> {
                    int added = lines.indexOf("add table ip " + table);
                    return added >= 0
                            && lines.subList(added, lines.size()).stream()
                                    .anyMatch(line -> line.contains("new generation"));
                });
    }

    private static long count(Path log, String text) {
        return lines(log).stream().filter(line -> line.contains(text)).count();
    }

    private static List<String> lines(Path log) {
        try {
            return Files.readAllLines(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void countsStayWhereTheRuleStays() {
        lab.csumbpf("attach", "w1", "--vni", "5,6").ok();
        String set = "if" + ifindex() + "-zero";
        lab.run("nft", "delete element ip csumbpf " + set + " { 5 }").ok();
        lab.run("nft", "add element ip csumbpf " + set + " { 5 counter packets 7 bytes 700 }")
                .ok();
        assertThat(lab.status().orElseThrow().at("/repair_text").asText())
                .isEqualTo("7 packets repaired, 7 of them by the backstop");
        lab.csumbpf("vni", "add", "w1", "8", "9").ok();
        lab.csumbpf("vni", "remove", "w1", "6").ok();
        lab.csumbpf("attach", "w1", "--vni", "5,9-20", "--plaintext", "drop").ok();
        JsonNode counters = lab.json("stats").at("/attachments/0/counters/0");
        assertThat(counters.get("vni").asInt()).isEqualTo(5);
        assertThat(counters.at("/backstop/repaired/packets").asInt()).isEqualTo(7);
        assertThat(counters.at("/backstop/repaired/bytes").asInt()).isEqualTo(700);
        assertThat(lab.csumbpf("stats").ok().out()).contains("vni 5, by the backstop: repaired 7 (700 bytes)");
    }

    @Test
    void aTableOfSomebodyElseIsRefusedAndNotTouched() {
        for (String family : List.of("ip", "ip6")) {
            lab.run("nft", "add table " + family + " csumbpf; add chain " + family + " csumbpf theirs")
                    .ok();
            String theirs = lab.ruleset();
            Shell.Result always = lab.csumbpf("attach", "w1", "--backstop", "always");
            assertThat(always.code()).isEqualTo(5);
            assertThat(always.err())
                    .contains("the nftables table " + family + " csumbpf was not made by csumbpf")
                    .hasLineCount(1);
            assertThat(lab.status()).isEmpty();
            Shell.Result auto = lab.csumbpf("attach", "w1");
            assertThat(auto.code())
                    .as("GRO is off here, so tc alone is nothing")
                    .isEqualTo(5);
            Shell.Result forced = lab.csumbpf("attach", "w1", "--force").ok();
            assertThat(forced.err()).contains("no nftables backstop").contains("fragmented ESP");
            assertThat(lab.status().orElseThrow().at("/backstop/state").asText())
                    .isEqualTo("unavailable");
            assertThat(lab.ruleset()).isEqualTo(theirs);
            lab.csumbpf("detach", "w1").ok();
            assertThat(lab.ruleset()).isEqualTo(theirs);
            lab.run("nft", "delete", "table", family, "csumbpf").ok();
        }
    }

    @Test
    void aFlushByAnotherToolIsNoticedAndRepaired() {
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        String before = lab.ruleset();
        lab.run("nft", "flush", "ruleset").ok();
        JsonNode status = lab.status().orElseThrow();
        assertThat(status.at("/backstop/state").asText()).isEqualTo("lost");
        assertThat(status.at("/path").asText()).isEqualTo("none");
        assertThat(status.get("problems").toString())
                .contains("table ip csumbpf is gone")
                .contains("restore w1");
        lab.csumbpf("restore", "w1").ok();
        assertThat(lab.ruleset()).isEqualTo(before);
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("on");

        lab.run("nft", "flush", "chain", "ip", "csumbpf", "if" + ifindex() + "-repair")
                .ok();
        assertThat(lab.status().orElseThrow().get("problems").toString()).contains("does not match this device");
        lab.csumbpf("vni", "add", "w1", "5").ok();
        assertThat(lab.ruleset()).isEqualTo(before);

        // Flushes only the rules, and with them the mark by which the table is known.
        lab.run("nft", "flush", "table", "ip", "csumbpf").ok();
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("lost");
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        assertThat(lab.ruleset()).isEqualTo(before);
        lab.run("nft", "flush", "table", "ip", "csumbpf").ok();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();

        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        lab.run("nft", "flush", "ruleset").ok();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void addressesOfIpv6BringItsTableAndTheProgramOnLo() {
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        lab.ipv6();
        assertThat(lab.status().orElseThrow().get("problems").toString()).contains("table ip6 csumbpf is gone");
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        JsonNode status = lab.status().orElseThrow();
        assertThat(status.at("/backstop/text").asText()).isEqualTo("IPv4 and IPv6");
        assertThat(status.get("host_changes").toString()).contains("detour");
        assertThat(lab.ruleset()).contains("dup to ::1 device \"lo\" drop");

        lab.csumbpf("attach", "w1", "--vni", "5", "--mode", "zero").ok();
        assertThat(lab.status().orElseThrow().get("host_changes").toString())
                .as("0 needs no detour")
                .doesNotContain("detour");
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        lab.ipIn("link", "set", "lo", "down");
        assertThat(lab.csumbpf("attach", "w1", "--vni", "5").ok().err()).contains("no address ::1");
        assertThat(lab.ruleset()).doesNotContain("table ip6");
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.traces()).isEmpty();
    }

    @Test
    void twoAttachmentsShareTheTablesAndLo() {
        lab.ipv6();
        Shell.run(lab.in("sysctl", "-qw", "net.ipv6.conf.w3.disable_ipv6=0")).ok();
        lab.ipIn("addr", "add", "2001:db8:1::1/64", "dev", "w3", "nodad");
        // As on a kernel before 6.6, where lo's qdisc is shared, too.
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        String alone = lab.ruleset();
        lab.csumbpf("attach", "w3", "--vni", "5,6", "--plaintext", "drop").ok();
        lab.csumbpf("detach", "w3").ok();
        assertThat(lab.ruleset()).isEqualTo(alone);
        lab.csumbpf("attach", "w3", "--vni", "7").ok();
        lab.csumbpf("detach", "w1").ok();
        assertThat(lab.ruleset()).contains("iif \"w3\"").doesNotContain("iif \"w1\"");
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("on");
        lab.run("nft", "add chain ip csumbpf theirs").ok();
        lab.csumbpf("detach", "w3").ok();
        assertThat(lab.ruleset())
                .as("what is not ours stays")
                .contains("chain theirs")
                .doesNotContain("w3");
        lab.run("nft", "delete", "table", "ip", "csumbpf").ok();
        assertThat(lab.traces()).isEmpty();
    }

    /** Decrypted packets come from the uppermost device. Here it is a bridge, because some kernels have no VLANs. */
    @Test
    void aDeviceAboveThatComesLaterIsSeen() {
        lab.ipIn("link", "add", "br0", "type", "bridge");
        lab.ipIn("link", "set", "w1", "master", "br0");
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        assertThat(lab.ruleset()).contains("iif { \"w1\", \"br0\" }");
        lab.ipIn("link", "add", "br1", "type", "bridge");
        lab.ipIn("link", "set", "w1", "master", "br1");
        assertThat(lab.status().orElseThrow().get("problems").toString()).contains("does not match this device");
        lab.csumbpf("attach", "w1", "--vni", "5").ok();
        assertThat(lab.ruleset()).contains("iif { \"w1\", \"br1\" }");
    }

    @Test
    void sixteenThousandVnis() {
        lab.csumbpf("attach", "w1", "--vni", "1-16384").ok();
        assertThat(lab.ruleset().split(" counter packets 0 bytes 0", -1)).hasSize(16_385);
        assertThat(lab.status().orElseThrow().at("/backstop/state").asText()).isEqualTo("on");
        lab.csumbpf("vni", "remove", "w1", "2-16383").ok();
        assertThat(lab.ruleset().split(" counter packets 0 bytes 0", -1)).hasSize(3);
    }

    @Test
    void withoutTheLibraryTcIsAlone() {
        // Mounts a bpffs that does not end with the mount namespace below.
        lab.csumbpf("attach", "w3", "--unverified").ok();
        String library = "$(readlink -f /usr/lib/*/libnftables.so.1)";
        String command = Shell.line(lab.command("attach", "w1", "--force"));
        Shell.Result attach =
                Shell.run("unshare", "-m", "sh", "-c", "mount --bind /dev/null " + library + " && exec " + command);
        assertThat(attach.code()).as(attach.err()).isZero();
        assertThat(attach.err()).contains("libnftables.so.1 cannot be loaded; run 'apt install libnftables1'");
        assertThat(lab.ruleset()).isEmpty();
        assertThat(lab.json("status", "w1").at("/attachments/0/backstop/state").asText())
                .isEqualTo("unavailable");
    }
}
