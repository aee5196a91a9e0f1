// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.csumbpf.loader.BpfProgram;
import org.csumbpf.loader.RawMap;
import org.csumbpf.loader.TestContext;
import org.csumbpf.maps.BpfMap;
import org.csumbpf.maps.Codecs;
import org.csumbpf.maps.Peer;
import org.csumbpf.maps.PeerKey;
import org.csumbpf.maps.Vni;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code csumbpf serve} with real attachments. Test runs give packets to their programs. */
@Tag("root")
class ServeTest {
    private static final Pattern SERIES = Pattern.compile("([a-z_]+)(?:\\{(.*)})? \\S+");
    private static final Pattern LABEL = Pattern.compile("([a-z]+)=\"[^\"]*\"");

    private static final int ETH_HLEN = 14;

    private Lab lab;

    @BeforeEach
    void open() {
        lab = new Lab();
    }

    @AfterEach
    void close() {
        lab.close();
    }

    /** Compares every line of the metrics, except what differs between machines. */
    @Test
    void servesJustThisText() throws IOException {
        busy();
        try (ServeProcess serve = new ServeProcess(lab, "--max-peers", "10")) {
            serve.awaitLog(line -> line.contains("event=bad_checksum"));
            String text = serve.scrape()
                    .replace(lab.name, "NETNS")
                    .replaceAll("(id|tag|hook|java|version)=\"[^\"]*\"", "$1=\"*\"")
                    .replaceAll("(?m)^(csumbpf_peer_last_seen\\S*) .*", "$1 *")
                    // Not every kernel has these, and some errors are only in newer ones.
                    .replaceAll("(?m)^.*csumbpf_host_xfrm_in_errors_total.*\n", "");
            try (InputStream expected = ServeTest.class.getResourceAsStream("/metrics.txt")) {
                assertThat(text).isEqualTo(new String(expected.readAllBytes(), StandardCharsets.UTF_8));
            }
        }
    }

    /** The first table of docs/metrics.md lists all metrics that are served, and no others. */
    @Test
    void theTableInTheDocsIsWhatIsServed() throws IOException {
        Map<String, Set<String>> documented = new TreeMap<>();
        Map<String, String> types = new TreeMap<>();
        String docs = Files.readString(Shell.CHECKOUT.resolve("docs/metrics.md"));
        for (String line :
                docs.substring(0, docs.indexOf("\n## Only with the agent")).split("\n")) {
            Matcher row = Pattern.compile("\\| `(csumbpf_\\w+)` \\| (\\w+)[^|]* \\| ([^|]*)\\|.*")
                    .matcher(line);
            if (row.matches()) {
                Set<String> labels = new TreeSet<>(List.of(row.group(3).strip().split(", ")));
                labels.remove("");
                documented.put(row.group(1), labels);
                types.put(row.group(1), row.group(2));
            }
        }
        busy();
        String enabled = "kernel.bpf_stats_enabled";
        String before = Shell.run("sysctl", "-n", enabled).ok().out().strip();
        Shell.run("sysctl", "-qw", enabled + "=1").ok();
        try (ServeProcess serve = new ServeProcess(lab, "--max-peers", "10")) {
            Map<String, Set<String>> served = new TreeMap<>();
            Map<String, String> servedTypes = new TreeMap<>();
            for (String line : serve.scrape().split("\n")) {
                Matcher series = SERIES.matcher(line);
                if (series.matches()) {
                    Set<String> labels = new TreeSet<>();
                    Matcher label = LABEL.matcher(series.group(2) == null ? "" : series.group(2));
                    while (label.find()) {
                        labels.add(label.group(1));
                    }
                    served.put(series.group(1), labels);
                } else if (line.startsWith("# TYPE ")) {
                    servedTypes.put(line.split(" ")[2], line.split(" ")[3]);
                }
            }
            if (!served.containsKey("csumbpf_host_xfrm_in_errors_total")) {
                assertThat(Files.exists(Path.of("/proc/net/xfrm_stat"))).isFalse();
                documented.remove("csumbpf_host_xfrm_in_errors_total");
                types.remove("csumbpf_host_xfrm_in_errors_total");
                servedTypes.remove("csumbpf_host_xfrm_in_errors_total");
            }
            assertThat(served).isEqualTo(documented);
            assertThat(servedTypes).isEqualTo(types);
        } finally {
            Shell.run("sysctl", "-qw", enabled + "=" + before).ok();
        }
    }

    @Test
    void followsWhatAttachVniAndDetachDo() {
        try (ServeProcess serve = new ServeProcess(lab)) {
            assertThat(serve.scrape()).contains("csumbpf_build_info").doesNotContain("csumbpf_attached");
            serve.scrape();
            assertThat(serve.log().stream().filter(line -> line.contains("nothing is attached")))
                    .hasSize(1);

            lab.csumbpf("attach", "w1", "--vni", "4109", "--unverified").ok();
            assertThat(serve.value("csumbpf_attached", "interface=\"w1\"", "netns=\"" + lab.name + "\""))
                    .isEqualTo(1);
            assertThat(serve.value("csumbpf_rules")).isEqualTo(1);
            assertThat(serve.value("csumbpf_packets_total", "vni=\"4110\"")).isNaN();

            lab.csumbpf("vni", "add", "w1", "4110", "--unverified").ok();
            assertThat(serve.value("csumbpf_packets_total", "vni=\"4110\"")).isZero();

            send("ipv4 observe, wrong checksum", 3);
            assertThat(serve.value("csumbpf_packets_total", "vni=\"4109\"", "path=\"tc\"", "outcome=\"repaired\""))
                    .as("once, and then it has no checksum any more")
                    .isEqualTo(1);
            assertThat(serve.value("csumbpf_packets_total", "vni=\"4109\"", "path=\"tc\"", "outcome=\"zero\""))
                    .isEqualTo(2);
            var peer = Lab.parse(
                            lab.csumbpf("stats", "w1", "--peers", "--json").ok().out())
                    .at("/attachments/0/peers/0");
            String delta = peer.get("delta").asText();
            assertThat(delta).matches("0x[0-9a-f]{4}").isNotEqualTo("0xffff");
            assertThat(serve.awaitLog(line -> line.contains("event=bad_checksum")))
                    .contains(" delta=" + delta);
            assertThat(peer.get("looked_seconds").asDouble())
                    .isBetween(peer.get("last_seen_seconds").asDouble(), 60.0);
            assertThat(lab.csumbpf("stats", "w1", "--peers").ok().out()).containsPattern(" - +" + delta + " .* ago");

            lab.csumbpf("attach", "w3", "--unverified").ok();
            assertThat(serve.value("csumbpf_attached", "interface=\"w3\"")).isEqualTo(1);
            lab.csumbpf("detach", "--all").ok();
            assertThat(serve.value("csumbpf_attached")).isNaN();
            assertThat(serve.value("csumbpf_packets_total")).isNaN();
            assertThat(serve.log().stream().filter(line -> line.contains("resolved: nothing")))
                    .hasSize(1);
        }
    }

    @Test
    void aPinOrAnInterfaceThatVanishesIsReportedOnceAndRepaired() throws IOException {
        lab.csumbpf("attach", "w1", "--unverified").ok();
        try (ServeProcess serve = new ServeProcess(lab)) {
            assertThat(serve.value("csumbpf_attached")).isEqualTo(1);
            Files.delete(lab.pins().resolve("first_counters"));
            assertThat(serve.value("csumbpf_attached")).isEqualTo(1);
            assertThat(serve.value("csumbpf_packets_total")).isNaN();
            serve.scrape();
            assertThat(serve.log().stream().filter(line -> line.contains("a pin is missing")))
                    .hasSize(1);
            lab.csumbpf("attach", "w1", "--unverified").ok();
            assertThat(serve.value("csumbpf_packets_total")).isZero();
            assertThat(serve.log().stream().filter(line -> line.matches(".*resolved: .*a pin is missing.*")))
                    .hasSize(1);

            lab.ipIn("link", "del", "w1");
            assertThat(serve.value("csumbpf_attached", "interface=\"w1\"")).isZero();
            lab.ipIn("link", "add", "w0", "type", "veth", "peer", "name", "w1");
            lab.csumbpf("attach", "w1", "--unverified").ok();
            assertThat(serve.value("csumbpf_attached", "interface=\"w1\"")).isEqualTo(1);
        }
    }

    @Test
    void eventsAreLoggedAsJsonToo() {
        lab.csumbpf("attach", "w1", "--vni", "4109").ok();
        try (ServeProcess serve = new ServeProcess(lab, "--log-format", "json")) {
            send("ipv4 observe, wrong checksum", 1);
            String line = serve.awaitLog(l -> l.contains("plaintext"));
            var event = Lab.parse(line);
            assertThat(event.get("event").asText()).isEqualTo("plaintext");
            assertThat(event.get("netns").asText()).isEqualTo(lab.name);
            assertThat(event.get("interface").asText()).isEqualTo("w1");
            assertThat(event.get("vni").asInt()).isEqualTo(4109);
            assertThat(event.get("peer").asText()).isEqualTo("198.51.100.7");
            assertThat(serve.value("csumbpf_events_total", "type=\"plaintext\""))
                    .isEqualTo(1);
            send("ipv4 observe, wrong checksum", 1000);
            assertThat(serve.value("csumbpf_events_lost_total", "type=\"plaintext\""))
                    .as("nothing new")
                    .isZero();
        }
    }

    @Test
    void sigtermEndsItAndLeavesTheDataPath() {
        lab.csumbpf("attach", "w1", "--unverified").ok();
        try (ServeProcess serve = new ServeProcess(lab)) {
            HttpResponse<String> openMetrics = serve.get("/metrics", "Accept", "application/openmetrics-text");
            assertThat(openMetrics.body()).endsWith("# EOF\n");
            assertThat(serve.get("/-/healthy").statusCode()).isEqualTo(200);
            assertThat(serve.get("/-/ready").statusCode()).isEqualTo(200);
            assertThat(serve.terminate()).isZero();
            assertThat(serve.log().get(serve.log().size() - 1)).contains("attachments stay");
        }
        assertThat(lab.status().orElseThrow().get("state").asText()).isEqualTo("attached");
    }

    @Test
    void aPortThatIsTakenIsAUsersMistake() {
        try (ServeProcess first = new ServeProcess(lab)) {
            String taken = "127.0.0.1:" + first.uri("/").getPort();
            Shell.Result second = lab.csumbpf("serve", "--listen", taken);
            assertThat(second.code()).isEqualTo(5);
            assertThat(second.err().lines()).hasSize(1);
            assertThat(second.err())
                    .contains("listen on " + taken + " failed: ")
                    .contains("--listen");
        }
        assertThat(lab.csumbpf("serve", "--listen", "nonsense").code()).isEqualTo(2);
    }

    /** Mode observe leaves wrong checksums, which explains the host's errors, however many come while serve reads. */
    @Test
    void errorsThatComeWhileItReadsAreExplained() throws Exception {
        byte[] frame = packets().get("ipv4 observe, wrong checksum");
        String hex = HexFormat.of().formatHex(frame);
        String mac = HexFormat.ofDelimiter(":").formatHex(frame, 0, 6);
        lab.ipIn("link", "set", "w1", "address", mac);
        lab.ipIn("addr", "add", destination(frame) + "/24", "dev", "w1");
        lab.ipIn("route", "add", "default", "dev", "w1");
        lab.ipIn("link", "add", "vx", "type", "vxlan", "id", "4109", "dstport", "4789", "dev", "w1");
        lab.ipIn("link", "set", "vx", "up");
        String frames = Shell.CHECKOUT.resolve("tests/lab/frames.py").toString();
        List<Process> flood = ProcessBuilder.startPipeline(
                List.of(new ProcessBuilder("yes", hex), new ProcessBuilder(lab.in("python3", frames, "send", "w0"))));
        try (ServeProcess serve = new ServeProcess(lab)) {
            lab.csumbpf("attach", "w1", "--vni", "4109", "--mode", "observe", "--unverified")
                    .ok();
            // A duration, not a limit: several windows of serve, under load all the time.
            long end = System.nanoTime() + 25_000_000_000L;
            do {
                assertThat(serve.value("csumbpf_off_path")).as("off path").isZero();
            } while (System.nanoTime() < end);
            assertThat(serve.value("csumbpf_host_udp_checksum_errors_total"))
                    .as("UdpInCsumErrors")
                    .isGreaterThan(10_000);
            assertThat(lab.status().orElseThrow().get("repair").asText()).isEqualTo("broken");
        } finally {
            flood.forEach(Process::destroy);
        }
    }

    private static String destination(byte[] frame) throws IOException {
        return InetAddress.getByAddress(Arrays.copyOfRange(frame, ETH_HLEN + 16, ETH_HLEN + 20))
                .getHostAddress();
    }

    /** -Dcsumbpf.serve.scrapes=100000 for the long run. */
    @Test
    void memoryStaysFlat() {
        busy();
        int scrapes = Integer.getInteger("csumbpf.serve.scrapes", 2000);
        try (ServeProcess serve = new ServeProcess(lab)) {
            for (int i = 0; i < 1000; i++) {
                serve.scrape();
            }
            long before = serve.residentKb();
            for (int i = 0; i < scrapes; i++) {
                serve.scrape();
            }
            long after = serve.residentKb();
            System.out.printf("%d scrapes: %d kB before, %d kB after%n", scrapes, before, after);
            assertThat((double) after).isLessThan(before * 1.2);
            assertThat(after).isLessThan(80 * 1024);
        }
    }

    /** Four series for each of 16,384 peers fit into the heap of serve. */
    @Test
    void peersWithoutEndAreServedInABoundedHeap() {
        lab.csumbpf("attach", "w1", "--vni", "4109", "--mode", "observe", "--unverified")
                .ok();
        byte[] frame = packets().get("ipv4 observe, wrong checksum");
        try (BpfProgram program = BpfProgram.fromPin(lab.pins().resolve("program"))) {
            for (int peer = 0; peer < 20_000; peer++) {
                // The last two bytes of the outer source address.
                frame[ETH_HLEN + 14] = (byte) (peer >> 8);
                frame[ETH_HLEN + 15] = (byte) peer;
                program.testRun(frame, TestContext.PLAIN, 1);
            }
        }
        try (ServeProcess serve = new ServeProcess(lab, "--max-peers", "16384")) {
            long peers = 0;
            for (int i = 0; i < 3; i++) {
                peers = serve.scrape()
                        .lines()
                        .filter(line -> line.startsWith("csumbpf_peer_packets_total{"))
                        .count();
            }
            assertThat(peers).as("the map is full; its LRU keeps a little free").isBetween(15_000L, 16_384L);
            assertThat(serve.residentKb()).isLessThan(96 * 1024);
        }
    }

    /** Of senders with more than one destination the sums count. */
    @Test
    void peersWithTheMostPacketsHaveSeries() throws IOException {
        lab.csumbpf("attach", "w1", "--vni", "4109,4110", "--unverified").ok();
        try (RawMap raw = RawMap.fromPin(lab.pins().resolve("peers"))) {
            BpfMap<PeerKey, Peer> peers = BpfMap.shared(raw, Codecs.PEER_KEY, Codecs.PEER);
            for (int n = 0; n < 3000; n++) {
                for (int destination = 1; destination <= 2; destination++) {
                    peers.put(
                            new PeerKey(
                                    new Vni(4109 + n % 2),
                                    InetAddress.getByName("10.0." + n / 250 + "." + (1 + n % 250)),
                                    InetAddress.getByName("192.0.2." + destination)),
                            new Peer(1000 + n, 5L * n, destination, 7_000_000_000L + n, 0, 0, 0, false));
                }
            }
        }
        try (ServeProcess serve = new ServeProcess(lab, "--max-peers", "100")) {
            String scraped = serve.scrape();
            assertThat(ServeProcess.valueIn(scraped, "csumbpf_peers")).isEqualTo(6000);
            for (String metric :
                    List.of("packets_total", "bytes_total", "bad_packets_total", "last_seen_timestamp_seconds")) {
                assertThat(scraped.lines().filter(line -> line.startsWith("csumbpf_peer_" + metric + "{")))
                        .hasSize(100);
            }
            for (int n = 2900; n < 3000; n++) {
                String peer = "peer=\"10.0." + n / 250 + "." + (1 + n % 250) + "\"";
                String vni = "vni=\"" + (4109 + n % 2) + "\"";
                assertThat(ServeProcess.valueIn(scraped, "csumbpf_peer_packets_total", peer, vni))
                        .isEqualTo(2 * (1000 + n));
                assertThat(ServeProcess.valueIn(scraped, "csumbpf_peer_bytes_total", peer, vni))
                        .isEqualTo(10 * n);
                assertThat(ServeProcess.valueIn(scraped, "csumbpf_peer_bad_packets_total", peer, vni))
                        .isEqualTo(3);
            }
        }
    }

    /** Two rules, and each outcome that a test run can have. */
    private void busy() {
        lab.csumbpf("attach", "w1", "--vni", "4109", "--mode", "observe", "--unverified")
                .ok();
        lab.csumbpf("vni", "add", "w1", "4110").ok();
        send("ipv4 observe, wrong checksum", 2);
        send("ipv4 observe, right checksum", 1);
        send("ipv4 TCP", 1);
        send("ipv4 ESP", 4);
    }

    /** Runs the attached program on a packet of tests/packets/make_cases.py, by the packet's name. */
    private void send(String name, int times) {
        byte[] frame = packets().get(name);
        try (BpfProgram program = BpfProgram.fromPin(lab.pins().resolve("program"))) {
            program.testRun(frame, TestContext.PLAIN, times);
        }
    }

    private static Map<String, byte[]> packets() {
        Map<String, byte[]> packets = new TreeMap<>();
        try (InputStream in = ServeTest.class.getResourceAsStream("/packets/cases.txt")) {
            String name = "";
            for (String line : new String(in.readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                if (line.startsWith("name: ")) {
                    name = line.substring(6);
                } else if (line.startsWith("in: ")) {
                    packets.put(name, HexFormat.of().parseHex(line.substring(4)));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packets;
    }
}
