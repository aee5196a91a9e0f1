// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.csumbpf.doctor.DoctorFinding.Severity;
import org.csumbpf.doctor.HostState.Association;
import org.csumbpf.doctor.HostState.Device;
import org.csumbpf.doctor.HostState.Docker;
import org.csumbpf.doctor.HostState.Drop;
import org.csumbpf.doctor.HostState.Forwarding;
import org.csumbpf.doctor.HostState.Policy;
import org.csumbpf.doctor.HostState.Problem;
import org.csumbpf.doctor.HostState.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Each way to break a host gives its own id as the only error. The test of the same name in tests breaks real ones. */
class DoctorTest {
    private static Arguments broken(String id, Consumer<Case> how) {
        return Arguments.of(id, how);
    }

    private static void lost(Case host) {
        host.received = 0;
        host.counters.put("UdpInDatagrams", 0L);
    }

    private static void wrongChecksums(Case host) {
        lost(host);
        host.counters.put("UdpInCsumErrors", 10L);
        host.sockets.put(4789, new Socket(10, false));
    }

    private static void nothingComes(Case host) {
        lost(host);
        host.in = 0;
        host.seen = List.of(Case.esp(true, Case.OWN, Case.PEER, "0x00001002", 10));
    }

    static Stream<Arguments> breakages() {
        return Stream.of(
                broken("nat-checksum", DoctorTest::wrongChecksums),
                broken("nat-checksum", host -> {
                    // Beside many that arrive.
                    host.in = 1000;
                    host.received = 995;
                    host.counters.put("UdpInCsumErrors", 5L);
                    host.sockets.put(4789, new Socket(5, false));
                }),
                broken("nat-checksum", host -> {
                    // Short datagrams are verified before the kernel knows the socket.
                    lost(host);
                    host.counters.put("UdpInCsumErrors", 10L);
                }),
                broken("nat-checksum", host -> {
                    host.in = 1;
                    lost(host);
                    host.counters.put("UdpInCsumErrors", 1L);
                }),
                broken("spi-mismatch", host -> {
                    nothingComes(host);
                    host.counters.put("XfrmInNoStates", 10L);
                    host.seen = List.of(Case.esp(false, Case.PEER, Case.OWN, "0x0000beef", 10));
                }),
                broken("sa-missing", host -> {
                    nothingComes(host);
                    host.saInGone = true;
                    host.saOutGone = true;
                    host.out = 0;
                }),
                broken("sa-missing", host -> {
                    nothingComes(host);
                    host.saInGone = true;
                    host.counters.put("XfrmInNoStates", 10L);
                    host.seen = List.of(Case.esp(false, Case.PEER, Case.OWN, "0x00001001", 10));
                }),
                broken("sa-address-mismatch", host -> {
                    nothingComes(host);
                    host.saIn = "10.5.0.2";
                    host.counters.put("XfrmInNoStates", 10L);
                    host.seen = List.of(Case.esp(false, Case.PEER, Case.OWN, "0x00001001", 10));
                }),
                broken("esp-module-disabled", host -> {
                    nothingComes(host);
                    host.saInGone = true;
                    host.saOutGone = true;
                    host.modules.put("esp4", "loadable");
                    host.disabled.put("esp4", "/etc/modprobe.d/x.conf: install esp4 /bin/false");
                }),
                broken("esp-module-disabled", host -> {
                    nothingComes(host);
                    host.saInGone = true;
                    host.saOutGone = true;
                    host.modules.put("esp4", "unavailable");
                }),
                broken("esp-blocked", host -> {
                    nothingComes(host);
                    host.probes.add(new Probe(Case.PEER, 1500, 3, 3, 0));
                }),
                broken("esp-blocked", host -> {
                    nothingComes(host);
                    host.inBefore = 0; // none ever came
                }),
                broken("esp-one-way", host -> {
                    host.out = 0;
                    host.unsent = 10;
                }),
                broken("not-encrypted", host -> {
                    nothingComes(host);
                    host.out = 0;
                    host.marked.clear();
                    host.seen = List.of(Case.vxlan(true, Case.OWN, Case.PEER, 10));
                }),
                broken("not-encrypted", host -> host.marked.clear()),
                broken("not-encrypted", host -> {
                    nothingComes(host);
                    host.out = 0;
                    host.seen = List.of(Case.vxlan(false, Case.PEER, Case.OWN, 10));
                }),
                broken("not-encrypted", host -> {
                    // Packet sockets see what ESP carried, but nothing was decrypted.
                    nothingComes(host);
                    host.modules.put("esp4_offload", "loaded");
                    host.seen = List.of(Case.vxlan(false, Case.PEER, Case.OWN, 10));
                }),
                broken("not-encrypted", host -> {
                    // esp4_offload keeps packet sockets from telling, and the peer answers pings.
                    nothingComes(host);
                    host.modules.put("esp4_offload", "loaded");
                    host.probes.add(new Probe(Case.PEER, 1500, 3, 3, 0));
                    host.stopped = 10;
                }),
                broken("not-encrypted", host -> {
                    // By what csumbpf counted.
                    nothingComes(host);
                    host.modules.put("esp4_offload", "loaded");
                    host.before.add(Case.plaintext(0));
                    host.attachments.add(Case.plaintext(10));
                }),
                broken("policy-port-mismatch", host -> {
                    nothingComes(host);
                    host.out = 0;
                    host.port = 7789;
                    host.seen = List.of(Case.vxlan(true, Case.OWN, Case.PEER, 10));
                }),
                broken("replay-or-auth", host -> {
                    nothingComes(host); // that packet sockets see
                    host.unauthentic = 10;
                    host.counters.put("XfrmInStateProtoError", 10L);
                }),
                broken("replay-or-auth", host -> {
                    host.replays = 10;
                    host.counters.put("XfrmInStateSeqError", 10L);
                }),
                broken("firewall-after-decryption", host -> {
                    lost(host);
                    host.drops.add(new Drop(
                            "ip filter INPUT", "udp dport 4789 counter packets 10 bytes 1340 drop", 10, true, false));
                }),
                broken("firewall-after-decryption", host -> {
                    lost(host);
                    host.drops.add(new Drop("inet fw in", "", -1, false, false));
                }),
                broken("conntrack-invalid", host -> {
                    lost(host);
                    host.drops.add(new Drop(
                            "inet fw in", "ct state invalid counter packets 10 bytes 1340 drop", 10, false, true));
                }),
                broken("conntrack-invalid", host -> {
                    lost(host);
                    host.counters.put("NfConntrackInvalid", 10L);
                    host.drops.add(new Drop("inet fw in", "ct state invalid drop", -1, false, true));
                }),
                broken("fdb-source-mismatch", host -> {
                    host.received = 0;
                    host.forwardsTo = "203.0.113.77";
                }),
                broken("fdb-source-mismatch", host -> {
                    // The kernel does not compare the source with that of the SA.
                    host.received = 0;
                    host.seen = List.of(Case.esp(false, "203.0.113.77", Case.OWN, "0x00001001", 10));
                }),
                broken("vxlan-port-conflict", host -> {
                    nothingComes(host);
                    host.out = 0;
                    host.up = false;
                    host.seen = List.of();
                    host.sockets.put(4789, new Socket(0, true));
                }),
                broken("vxlan-orphan", host -> host.netns = ""),
                broken("fragments-lost", host -> {
                    host.overlayMtu = 1500;
                    host.counters.put("IpReasmFails", 5L);
                }),
                broken("mtu-blackhole", host -> host.probes.add(new Probe(Case.PEER, 1500, 3, 0, 0))),
                broken("offload-unsafe", host -> {
                    host.harm = "IPComp: compressed packets inside ESP are lost";
                    host.modules.put("esp4_offload", "loaded");
                }),
                broken(
                        "backstop-lost",
                        host -> host.attachments.add(Case.attachment(
                                0, new Problem("backstop_lost", "gone", List.of("csumbpf", "restore", "eth0"))))),
                broken("attachment-lost", host -> {
                    wrongChecksums(host);
                    host.attachments.add(Case.attachment(0, new Problem("hook_lost", "gone", List.of())));
                }),
                broken("chain-ended", host -> {
                    wrongChecksums(host);
                    host.attachments.add(Case.attachment(0, new Problem("program_before", "gone", List.of())));
                }),
                broken("chain-ended", host -> {
                    // With connection tracking no socket counts them.
                    wrongChecksums(host);
                    host.sockets.put(4789, new Socket(0, false));
                    host.before.add(Case.behind("matchall filter, priority 1,"));
                    host.attachments.add(Case.behind("matchall filter, priority 1,"));
                }),
                broken(
                        "many-behind-one",
                        host -> host.docker = new Docker(
                                "28.5.2",
                                true,
                                Case.OWN,
                                4789,
                                Map.of("n1", Case.PEER, "n2", Case.PEER, "n3", Case.OWN),
                                List.of())));
    }

    @ParameterizedTest(name = "{index} {0}")
    @MethodSource("breakages")
    void namesTheCauseAndNothingElse(String id, Consumer<Case> how) {
        Case host = new Case();
        how.accept(host);
        assertThat(host.errors()).as(host.findings().toString()).containsExactly(id);
        assertThat(host.findings().get(0).check().id()).isEqualTo(id);
        assertThat(host.findings().get(0).meaning()).isNotEmpty();
    }

    @Test
    void nothingIsWrongWithAHealthyHost() {
        Case host = new Case();
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).isEmpty();
        assertThat(host.with(Severity.OK)).contains("sa-missing", "esp-blocked", "nat-checksum");
    }

    @Test
    void anIdleHostIsNotCalledWell() {
        Case host = new Case();
        host.in = 0;
        host.out = 0;
        host.received = 0;
        host.counters.clear();
        host.seen = List.of();
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.INFO)).contains("esp-blocked");
        assertThat(host.with(Severity.OK)).doesNotContain("esp-blocked", "nat-checksum");
    }

    @Test
    void withoutDevicesNobodyKnowsWhatArrives() {
        Case host = new Case();
        host.deviceGone = true;
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).containsExactly("counters");
        assertThat(host.with(Severity.OK)).doesNotContain("nat-checksum");
        wrongChecksums(host);
        assertThat(host.errors()).containsExactly("nat-checksum");
        assertThat(host.with(Severity.WARNING)).isEmpty();
    }

    @Test
    void plaintextIsOfANetworkThatPeopleKnow() {
        Case host = new Case();
        host.marked.clear();
        host.docker = Case.dockerWithNetworkBack();
        assertThat(host.errors()).containsExactly("not-encrypted");
        assertThat(host.findings().get(0).evidence()).contains("VNI 4097 (network back)");
    }

    @Test
    void aHostWithoutIpsecHasNothingToJudge() {
        HostState plain = new HostState(
                "",
                "6.12.1",
                List.of(new Device(2, "eth0", "", 1500, List.of(Case.OWN))),
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null,
                null);
        List<DoctorFinding> findings = Doctor.examine(new Watch(plain, plain, 10, List.of(), List.of()));
        assertThat(findings).extracting(DoctorFinding::severity).containsExactly(Severity.INFO);
    }

    @Test
    void errorsOfOtherDatagramsAreNoneOfTheOverlays() {
        Case host = new Case();
        host.counters.put("UdpInCsumErrors", 500L);
        assertThat(host.errors()).isEmpty();
    }

    @Test
    void packetsThatArriveWhileStatesAreReadAreNotLost() {
        Case host = new Case();
        host.in = 100_000;
        host.received = 99_000;
        host.drops.add(new Drop("inet fw in", "", -1, false, false));
        assertThat(host.errors()).isEmpty();
    }

    @Test
    void anotherDropRuleThatCountsIsNoCauseWhilePacketsArrive() {
        Case host = new Case();
        host.drops.add(new Drop("ip filter INPUT", "counter packets 99 bytes 1 drop", 99, false, false));
        assertThat(host.errors()).isEmpty();
    }

    /** The agent examines each host every five minutes, and anybody can send a bundle. */
    @Test
    @Timeout(60)
    void manyPeersTakeLittleTime() {
        int peers = 5_000;
        List<Association> associations = new ArrayList<>();
        List<Forwarding> forwarding = new ArrayList<>();
        List<Policy> policies = new ArrayList<>();
        for (int n = 0; n < peers; n++) {
            String peer = "198.18." + (n >> 8) + "." + (n & 255);
            String spi = String.format("0x%08x", 0x2000 + n);
            associations.add(
                    new Association(spi, 50, peer, Case.OWN, true, false, Watch.DOCKER, Case.MARK, 64, 0, n, 0, 0));
            associations.add(
                    new Association(spi, 50, Case.OWN, peer, true, false, Watch.DOCKER, Case.MARK, 64, 0, n, 0, 0));
            policies.add(new Policy("out", 17, 4789, Case.OWN + "/32", peer + "/32", Case.MARK, true));
            for (int station = 0; station < 10; station++) {
                forwarding.add(new Forwarding("02:42:0a:00:" + station + ":01", peer, true));
            }
            forwarding.add(new Forwarding("02:42:0b:00:00:01", "198.19." + (n >> 8) + "." + (n & 255), true));
        }
        HostState state = new HostState(
                "",
                "6.12.1",
                List.of(new Device(2, "eth0", "", 1500, List.of(Case.OWN))),
                associations,
                policies,
                List.of(new HostState.Vxlan(
                        "x", "vx-001001-abcde", Case.VNI, 4789, true, true, true, true, 1424, 9, 9, 0, forwarding)),
                Map.of(),
                Map.of(),
                new HostState.Firewall(true, List.of(), List.of(Case.VNI), List.of(Case.VNI), Map.of()),
                Map.of("esp4", "loaded"),
                Map.of(),
                "",
                null,
                List.of(),
                Map.of());
        List<DoctorFinding> findings = Doctor.examine(new Watch(state, state, 10, List.of(), List.of()));
        assertThat(findings).filteredOn(DoctorFinding::isError).hasSize(peers);
    }

    /** To compare the entries of each device with those of all others took longer than all else. */
    @Test
    @Timeout(20)
    void manyNetworksTakeLittleTime() {
        Case host = new Case();
        for (int n = 1; n < 2_000; n++) {
            List<Forwarding> forwarding = new ArrayList<>();
            for (int station = 0; station < 100; station++) {
                forwarding.add(new Forwarding("02:42:0a:00:00:" + station, Case.PEER, true));
            }
            host.vxlans.add(new HostState.Vxlan(
                    "n" + n, "vx-" + n, Case.VNI + n, 4789, true, true, true, true, 1424, 9, 9, 0, forwarding));
            host.marked.add(Case.VNI + n);
            host.guarded.add(Case.VNI + n);
        }
        assertThat(host.findings()).noneMatch(DoctorFinding::isError);
    }

    @Test
    void onePeersCauseIsNoneOfAnotherWithALongerAddress() {
        Case host = new Case();
        nothingComes(host);
        host.probes.add(new Probe(Case.PEER, 1500, 3, 3, 0));
        host.forwardsTo = Case.PEER + "1"; // 203.0.113.21 has no SAs
        assertThat(host.errors()).contains("esp-blocked", "sa-missing");
    }

    @Test
    void aPacketFilterKnowsNoChecksums() {
        Case host = new Case();
        lost(host);
        host.drops.add(new Drop("ip filter INPUT", "udp dport 4789 counter drop", 10, true, false));
        assertThat(host.findings().get(0).evidence()).contains("whether their checksums are right is not known");
        host.before.add(Case.attachment(0));
        host.attachments.add(Case.attachment(10));
        assertThat(host.findings().get(0).evidence()).contains("decrypted with right checksums");
    }

    @Test
    void whoeverDoesNotAnswerMayHaveNothingToSay() {
        Case host = new Case();
        host.out = 0;
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).containsExactly("esp-one-way");
    }

    /** Hosts on which something looks like a failure, and is none. */
    static Stream<Arguments> wellEnough() {
        return Stream.of(
                broken("another tunnel beside an overlay that is idle", host -> {
                    host.in = 0;
                    host.out = 0;
                    lost(host);
                    host.received = 0;
                    host.seen = List.of(Case.esp(false, "198.51.100.9", Case.OWN, "0x0000aaaa", 100));
                    host.others.add(Case.other("0x0000aaaa", "198.51.100.9", Case.OWN, 100));
                    host.drops.add(new Drop("ip filter ufw-deny", "counter packets 50 bytes 1 drop", 50, false, false));
                }),
                broken("traffic that goes one way, while the agent looks", host -> nothingComes(host)),
                broken("counters that could not be read at first", host -> {
                    host.countersBefore = false;
                    host.counters.put("UdpInCsumErrors", 70_000L);
                    host.counters.put("XfrmInNoStates", 70_000L);
                    host.counters.put("IpReasmFails", 70_000L);
                }),
                broken("an SPI that nobody knows, from a stranger", host -> {
                    host.counters.put("XfrmInNoStates", 10L);
                    host.seen = new ArrayList<>(host.seen);
                    host.seen.add(Case.esp(false, "198.51.100.9", Case.OWN, "0x0000aaaa", 10));
                }),
                broken("fragments of something else", host -> host.counters.put("IpReasmFails", 50L)),
                broken("what esp4_offload decrypted, from another address than the SA's", host -> {
                    host.modules.put("esp4_offload", "loaded");
                    host.seen = List.of(Case.vxlan(false, "203.0.113.77", Case.OWN, 10));
                }),
                broken("stray packets that conntrack calls invalid", host -> {
                    lost(host);
                    host.in = 1000;
                    host.drops.add(new Drop("inet fw in", "ct state invalid counter drop", 3, false, true));
                }),
                broken("two rules that are alike, one of which dropped much before", host -> {
                    lost(host);
                    host.dropsBefore.add(new Drop("inet fw in", "counter drop", 1000, true, false));
                    host.dropsBefore.add(new Drop("inet fw in", "counter drop", 0, true, false));
                    host.drops.add(new Drop("inet fw in", "counter drop", 1000, true, false));
                    host.drops.add(new Drop("inet fw in", "counter drop", 0, true, false));
                }),
                broken("one forged packet in plaintext", host -> {
                    host.seen = new ArrayList<>(host.seen);
                    host.seen.add(Case.vxlan(false, "198.51.100.9", Case.OWN, 1));
                }),
                broken("plaintext of a guest behind a bridge", host -> {
                    host.seen = new ArrayList<>(host.seen);
                    host.seen.add(Case.vxlan(true, "172.17.0.9", "172.17.0.10", 100));
                }),
                broken("rules that could not be read", host -> {
                    host.marked.clear();
                    host.guarded.clear();
                    host.firewallReadable = false;
                    host.docker = Case.dockerWithNetworkBack();
                }),
                broken("datagrams to others with wrong checksums", host -> {
                    host.in = 10_000;
                    host.received = 600; // merged by GRO
                    host.counters.put("UdpInCsumErrors", 6L);
                }),
                broken(
                        "nodes whose managers see them behind one address",
                        host -> host.docker = new Docker(
                                "28.5.2",
                                true,
                                Case.OWN,
                                4789,
                                Map.of("n1", "198.51.100.1", "n2", "198.51.100.1"),
                                List.of())),
                broken("Open vSwitch beside", host -> {
                    host.harm = "Open vSwitch, device br0: decrypted packets lose their IPsec state there";
                    host.modules.put("esp4_offload", "loaded");
                }),
                broken("an L2TP server beside, whose policy is for UDP", host -> {
                    host.policies.add(Case.ike(1701, "198.51.100.9/32"));
                    host.sockets.put(1701, new Socket(0, true));
                }),
                broken("an L2TP server alone", host -> {
                    host.withoutDocker();
                    host.policies.add(Case.ike(1701, "198.51.100.9/32"));
                    host.sockets.put(1701, new Socket(0, true));
                }),
                broken("another overlay with the same VNI on another port", host -> {
                    host.vxlans.add(Case.other("vxlan.calico", Case.VNI, 8472, "203.0.113.9"));
                }),
                broken("the same, without a peer of Docker's", host -> {
                    host.vxlans.add(Case.other("vxlan.calico", Case.VNI, 8472, "203.0.113.9"));
                    host.policyGone = true;
                }),
                broken("VXLAN that IKE encrypts with one of its peers", host -> {
                    host.withoutDocker();
                    host.policies.add(Case.ike(4789, "203.0.113.2/32"));
                    host.others.add(Case.other("0x0000aaaa", Case.PEER, Case.OWN, 10));
                    host.others.add(Case.other("0x0000bbbb", Case.OWN, Case.PEER, 10));
                    host.vxlans.add(Case.other("vxlan7", 7, 4789, "203.0.113.9"));
                    host.received = 10;
                }),
                broken("VXLAN for which IKE makes SAs on demand", host -> {
                    host.withoutDocker();
                    host.policies.add(Case.ike(4789, "203.0.113.0/24"));
                }),
                broken("an overlay that IKE encrypts, beside Docker's", host -> {
                    host.policies.add(Case.ike(4789, "203.0.113.9/32"));
                    host.others.add(Case.other("0x0000aaaa", "203.0.113.9", Case.OWN, 10));
                    host.others.add(Case.other("0x0000bbbb", Case.OWN, "203.0.113.9", 10));
                    host.vxlans.add(Case.other("vxlan7", 7, 4789, "203.0.113.9"));
                }),
                broken("an overlay for which IKE makes SAs on demand, beside Docker's", host -> {
                    host.policies.add(Case.ike(4789, "203.0.113.0/25"));
                    host.vxlans.add(Case.other("vxlan7", 7, 4789, "203.0.113.9"));
                }),
                broken("SAs of IKE between the same hosts that carry something else", host -> {
                    host.withoutDocker();
                    host.policies.add(Case.ike(4789, "203.0.113.2/32"));
                    host.others.add(Case.other("0x0000aaaa", Case.PEER, Case.OWN, 0));
                    host.others.add(Case.other("0x0000bbbb", Case.OWN, Case.PEER, 10));
                    host.others.add(new HostState.Association(
                            "0x0000cccc", 50, Case.PEER, Case.OWN, true, false, 0, 2, 128, 0, 50, 0, 0));
                    host.counters.put("UdpInDatagrams", 0L);
                    host.drops.add(new Drop("inet fw in", "", -1, false, false));
                }),
                broken("SAs that are left from an address that the host had", host -> {
                    host.others.add(new HostState.Association(
                            "0x0000aaaa", 50, "10.5.0.2", Case.PEER, true, false, 0, Case.MARK, 64, 0, 0, 0, 0));
                }),
                broken("a tunnel with the SPI of an SA for another address", host -> {
                    host.seen = new ArrayList<>(host.seen);
                    host.seen.add(Case.esp(false, "198.51.100.9", Case.OWN, "0x00001002", 10));
                    host.others.add(Case.other("0x00001002", "198.51.100.9", Case.OWN, 10));
                }),
                broken("another tunnel of a peer, which lost its SAs", host -> {
                    host.counters.put("XfrmInNoStates", 10L);
                    host.seen = new ArrayList<>(host.seen);
                    host.seen.add(Case.esp(false, Case.PEER, Case.OWN, "0x0000aaaa", 10));
                }),
                broken("a few packets of many that are reordered", host -> {
                    host.in = 100_000;
                    host.received = 100_000;
                    host.replays = 20;
                    host.counters.put("XfrmInStateSeqError", 20L);
                }),
                broken("ESP is not there, and no container of an encrypted network", host -> {
                    host.withoutDocker();
                    host.port = 4790;
                    host.modules.put("esp4", "unavailable");
                    host.marked.add(9);
                }),
                broken("wrong checksums of others where devices cannot be seen", host -> {
                    host.counters.put("UdpInCsumErrors", 10L);
                    host.marked.clear();
                    host.guarded.clear();
                }),
                broken("long pings are filtered, and long packets came decrypted", host -> {
                    host.probes.add(new Probe(Case.PEER, 1500, 3, 0, 0));
                    host.seen = List.of(new Seen("eth0", false, Case.PEER, Case.OWN, "", Case.VNI, 100, 1474));
                    host.modules.put("esp4_offload", "loaded");
                }),
                broken("forged plaintext, while the peers send ESP", host -> {
                    host.modules.put("esp4_offload", "loaded");
                    host.before.add(Case.plaintext(0));
                    host.attachments.add(Case.plaintext(10));
                }),
                broken("forged plaintext that Docker's guard drops", host -> host.stopped = 10),
                broken("Open vSwitch beside, with esp4_offload in the kernel", host -> {
                    host.harm = "Open vSwitch, device br0: decrypted packets lose their IPsec state there";
                    host.modules.put("esp4_offload", "built_in");
                }),
                broken("a kernel without files of modules", host -> host.modules.put("esp4", "unknown")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("wellEnough")
    void isNoError(String what, Consumer<Case> how) {
        Case host = new Case();
        how.accept(host);
        assertThat(host.errors()).as(host.findings().toString()).isEmpty();
    }

    @Test
    void whatIsWrongWithOnePeerDoesNotExplainAnother() {
        DoctorFinding blocked = DoctorFinding.error(Check.ESP_BLOCKED, "203.0.113.2", "");
        for (String other :
                new String[] {"203.0.113.3", "203.0.113.22", "vx-001001-abcde", "203.0.113.3, 203.0.113.2"}) {
            Doctor.Errors errors = new Doctor.Errors();
            errors.add(DoctorFinding.error(Check.SA_MISSING, other, ""));
            assertThat(errors.concern(blocked)).as(other).isEqualTo(other.matches("vx.*|.*, 203.0.113.2"));
        }
    }

    @Test
    void guardMissingIsAWarning() {
        Case host = new Case();
        host.guarded.clear();
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).containsExactly("guard-missing");
    }

    @Test
    void dockersOwnMtuFits() {
        // 1500 less what VXLAN and ESP with an ICV of 8 bytes add, which is what Docker computes.
        Case host = new Case();
        host.overlayMtu = 1425;
        assertThat(host.with(Severity.WARNING)).containsExactly("mtu-fragments");
        assertThat(host.findings().get(0).evidence()).contains("MTU 1424 fits");
    }

    @Test
    void aWayWithASmallerMtuThatRoutersReportCostsFragmentsOnly() {
        Case host = new Case();
        host.probes.add(new Probe(Case.PEER, 1500, 3, 0, 1400));
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).containsExactly("mtu-fragments");
    }

    @Test
    void whereIcmpIsFilteredNothingIsKnownOfTheMtu() {
        Case host = new Case();
        host.probes.add(new Probe(Case.PEER, 1500, 0, 0, 0));
        host.probes.add(new Probe(Case.PEER, 1500, -1, -1, 0));
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.WARNING)).isEmpty();
    }

    @Test
    void whatPingPrints() {
        String full = """
                ping: local error: message too long, mtu=1400
                3 packets transmitted, 0 received, +3 errors, 100% packet loss, time 400ms""";
        assertThat(Probe.of("a", 1500, "3 packets transmitted, 2 received, 33% packet loss", full))
                .isEqualTo(new Probe("a", 1500, 2, 0, 1400));
        assertThat(Probe.of("a", 1500, "", "ping: not found")).isEqualTo(new Probe("a", 1500, -1, -1, 0));
    }

    @Test
    void checksumsOfWhichNoneAgreeAreTheSenders() {
        Case host = new Case();
        host.before.add(Case.sender(0x1111, 1, false));
        host.attachments.add(Case.sender(0x1111, 11, false));
        assertThat(host.with(Severity.WARNING)).containsExactly("sender-checksum");
    }

    @Test
    void whatModeAdjustLeavesIsLost() {
        Case host = new Case();
        wrongChecksums(host);
        host.before.add(Case.sender(0x1111, 1, false));
        host.attachments.add(Case.left(Case.sender(0x1111, 11, false), 10));
        assertThat(host.errors()).containsExactly("sender-checksum");
    }

    @ParameterizedTest
    @CsvSource({"10, true", "2, false"}) // a NAT that maps anew leaves two
    void aSenderThatWasRightUntilTheWatchBegan(long left, boolean error) {
        Case host = new Case();
        wrongChecksums(host);
        host.before.add(Case.sender(0xffff, 1, true));
        host.attachments.add(Case.left(Case.sender(0xffff, 11, false), left));
        assertThat(host.errors().contains("sender-checksum")).isEqualTo(error);
    }

    @Test
    void checksumsThatNatChangesAgree() {
        Case host = new Case();
        host.before.add(Case.sender(0x1111, 1, false));
        host.attachments.add(Case.sender(0x1111, 11, true));
        assertThat(host.with(Severity.WARNING)).isEmpty();
    }

    @Test
    void remediesWorkWhereverTheyAreTyped() {
        Case host = new Case();
        wrongChecksums(host);
        host.place = "blue";
        assertThat(host.findings().get(0).remedy()).containsExactly("csumbpf", "--netns", "blue", "attach", "eth0");
        host.place = "/mnt/ns";
        host.drops.clear();
        host.counters.clear();
        nothingComes(host);
        assertThat(host.findings().get(0).remedy()).startsWith("nsenter", "--net=/mnt/ns", "--", "tcpdump");
    }

    @Test
    void natTraversalIsWell() {
        Case host = new Case();
        host.inUdp = true;
        assertThat(host.errors()).isEmpty();
        assertThat(host.with(Severity.OK)).contains("nat-t");
    }

    @Test
    void whatCannotBeReadIsSaid() {
        Case host = new Case();
        host.notRead.put("nftables", "libnftables.so.1 cannot be loaded");
        assertThat(host.with(Severity.WARNING)).containsExactly("counters");
    }

    @Test
    void whatFollowsFromACauseIsMarked() {
        Case host = new Case();
        wrongChecksums(host);
        host.attachments.add(Case.attachment(0, new Problem("hook_lost", "gone", List.of())));
        assertThat(host.findings())
                .filteredOn(finding -> finding.check() == Check.NAT_CHECKSUM)
                .singleElement()
                .satisfies(finding -> assertThat(finding.followsFrom()).isEqualTo(Check.ATTACHMENT_LOST));
    }

    @Test
    void twoCausesAreBothNamedInTheOrderOfThePacketsWay() {
        Case host = new Case();
        wrongChecksums(host);
        host.seen = List.of(
                Case.esp(false, Case.PEER, Case.OWN, "0x00001001", 10), Case.vxlan(true, Case.OWN, Case.PEER, 10));
        assertThat(host.errors()).containsExactly("not-encrypted", "nat-checksum");
    }
}
