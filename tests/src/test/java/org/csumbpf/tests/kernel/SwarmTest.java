// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.csumbpf.tests.kernel.SwarmTraffic.SMALL;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Set;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.HostCounters;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.csumbpf.tests.lab.Swarm;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * A real Docker Swarm across a NAT, whose manager makes new keys every minute. The cases are one story, in order: once
 * the agents run, no command of csumbpf is typed, whatever Docker does.
 */
@Tag("swarm")
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SwarmTest {
    private static final int KEY_ROTATION_SECONDS = 60;
    /** The number of keys that an engine has at a time. */
    private static final int KEYS = 3;

    private static Swarm swarm;
    private static SwarmDoctor doctor;
    private static SwarmTraffic traffic;
    private static long errors;
    private static Set<String> firstSpis;
    private static Set<String> firstOutbound;
    private static ServeProcess onA;
    private static ServeProcess onB;

    @BeforeAll
    static void up() {
        swarm = new Swarm(System.getenv("CSUMBPF_ENGINE"), KEY_ROTATION_SECONDS);
        doctor = new SwarmDoctor(swarm);
        traffic = new SwarmTraffic(swarm);
    }

    @AfterAll
    static void down() {
        for (ServeProcess agent : new ServeProcess[] {onA, onB}) {
            if (agent != null) {
                agent.close();
            }
        }
        if (swarm != null) {
            Shell.here("--netns", swarm.a.name, "detach", "--all");
            Shell.here("--netns", swarm.b.name, "detach", "--all");
            swarm.close();
        }
    }

    @Test
    @Order(1)
    @DisplayName("dead: encrypted overlay, published service")
    void dead() {
        long before = HostCounters.snmp(swarm.b, "UdpInCsumErrors");
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isEqualTo(100);
        assertThat(HostCounters.snmp(swarm.b, "UdpInCsumErrors") - before)
                .as("UdpInCsumErrors for 5 pings")
                .isGreaterThanOrEqualTo(5);
        assertThat(swarm.published()).containsExactly("swarm-a");
        assertThat(swarm.loss(swarm.a, swarm.b, "plain", SMALL))
                .as("loss, unencrypted overlay")
                .isZero();
    }

    @Test
    @Order(2)
    @Tag("by-hand")
    @DisplayName("doctor: dead by NAT")
    void deadByNat() {
        doctor.finds("nat-checksum");
    }

    @Test
    @Order(3)
    @Tag("test-all")
    @DisplayName("doctor: dead by NAT, Docker is not asked")
    void deadByNatWithoutDocker() {
        doctor.findsWithoutDocker("nat-checksum");
    }

    @Test
    @Order(4)
    @Tag("by-hand")
    @DisplayName("alive by attach alone")
    void alive() {
        for (Host host : List.of(swarm.a, swarm.b)) {
            JsonNode found = host.json("discover", "--docker", swarm.socket(host));
            assertThat(found.at("/interfaces/0/interface").asText())
                    .as(found.toString())
                    .isEqualTo("eth0");
            assertThat(found.at("/ports/0/port").asInt()).isEqualTo(4789);
            assertThat(found.get("vnis"))
                    .as(found.toString())
                    .anySatisfy(vni -> {
                        assertThat(vni.get("vni").asText()).isEqualTo(swarm.vni("secret"));
                        assertThat(vni.get("networks").get(0).asText()).isEqualTo("secret");
                        assertThat(vni.get("encrypted").asBoolean()).isTrue();
                    })
                    .anySatisfy(vni -> {
                        assertThat(vni.get("networks").get(0).asText()).isEqualTo("plain");
                        assertThat(vni.get("encrypted").asBoolean()).isFalse();
                    });
        }
        String vnis = swarm.vni("secret") + "," + swarm.vni("ingress-encrypted");
        for (Host host : List.of(swarm.a, swarm.b)) {
            host.csumbpf("attach", "eth0", "--vni", vnis).ok();
        }
        errors = HostCounters.snmp(swarm.b, "UdpInCsumErrors");
        traffic.works();
        assertThat(swarm.transfer(swarm.a, swarm.b, "secret", 20))
                .as("20 MB arrive whole")
                .isTrue();
        assertThat(swarm.names(swarm.a))
                .as("addresses of the service's name")
                .hasSize(2)
                .isEqualTo(swarm.names(swarm.b));
        JsonNode status = swarm.b.json("status", "eth0").at("/attachments/0");
        assertThat(status.get("repair").asText()).isEqualTo("repairing");
    }

    @Test
    @Order(5)
    @Tag("by-hand")
    @Tag("test-all")
    @DisplayName("doctor: alive")
    void aliveByAttach() {
        doctor.findsNothing("healthy");
    }

    /** The peer cannot know why, but sees that plaintext comes, which its guard drops. */
    @Test
    @Order(6)
    @Tag("by-hand")
    @Tag("test-all")
    @DisplayName("doctor: dead by 'iptables -D' of Docker's mark rule")
    void deadWithoutMarkRule() {
        broken("not-encrypted", "(network secret)");
    }

    @Test
    @Order(7)
    @Tag("by-hand")
    @Tag("test-all")
    @DisplayName("doctor: dead by blocked ESP")
    void deadByBlockedEsp() {
        broken("esp-blocked", "");
    }

    private static void broken(String id, String words) {
        swarm.damage(id);
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isEqualTo(100);
        assertThat(swarm.loss(swarm.a, swarm.b, "plain", SMALL)).isZero();
        doctor.finds(id, words);
        swarm.mend(id);
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isZero();
    }

    @Test
    @Order(8)
    @Tag("by-hand")
    @DisplayName("MTU 1,460, as on GCE")
    void fragments() {
        for (String device : List.of("csumbpf-a/eth0", "csumbpf-nat/eth0", "csumbpf-nat/eth1", "csumbpf-b/eth0")) {
            String[] parts = device.split("/");
            Shell.run("ip", "-n", parts[0], "link", "set", parts[1], "mtu", "1460")
                    .ok();
        }
        long before = swarm.b.repaired("backstop");
        traffic.works();
        assertThat(swarm.b.repaired("backstop") - before)
                .as("packets that came in fragments, repaired after tc")
                .isPositive();
    }

    @Test
    @Order(9)
    @Tag("by-hand")
    @DisplayName("dead again by detach")
    void deadAgain() {
        assertThat(HostCounters.snmp(swarm.b, "UdpInCsumErrors"))
                .as("UdpInCsumErrors while attached")
                .isEqualTo(errors);
        detach();
    }

    @Test
    @Order(10)
    @Tag("agents")
    @DisplayName("alive by the agents alone")
    void agents() {
        // Only the manager's, because b gets new ones when it joins again.
        firstSpis = swarm.inboundSpis(swarm.a);
        firstOutbound = swarm.outboundSpis(swarm.a);
        onA = agent(swarm.a);
        onB = agent(swarm.b);
        errors = HostCounters.snmp(swarm.b, "UdpInCsumErrors");
        traffic.works();
        assertThat(onB.value("csumbpf_packets_total", "network=\"secret\"", "path=\"tc\"", "outcome=\"repaired\""))
                .isPositive();
    }

    @Test
    @Order(11)
    @Tag("agents")
    @DisplayName("agents: networks are created, removed, created again")
    void networks() {
        traffic.networksComeAndGo();
        traffic.works();
    }

    @Test
    @Order(12)
    @Tag("agents")
    @DisplayName("agents: an engine restarts")
    void engineRestarts() {
        swarm.stop(swarm.b);
        swarm.start(swarm.b);
        swarm.await();
        traffic.works();
    }

    @Test
    @Order(13)
    @Tag("agents")
    @DisplayName("agents: a node leaves and joins again")
    void leavesAndJoins() {
        swarm.leave(swarm.b);
        swarm.join(swarm.b);
        swarm.await();
        traffic.works();
    }

    @Test
    @Order(14)
    @Tag("agents")
    @DisplayName("agents: keys change")
    void keysChange() {
        assertThat(firstSpis).isNotEmpty();
        assertThat(firstOutbound).hasSize(1);
        Limit.await(
                KEYS + " new keys after " + firstSpis,
                Limit.seconds(4 * KEY_ROTATION_SECONDS),
                () -> swarm.inboundSpis(swarm.a),
                spis -> newOnes(firstSpis, spis) >= KEYS);
        Limit.await(
                "new key to send with after " + firstOutbound,
                Limit.seconds(4 * KEY_ROTATION_SECONDS),
                () -> swarm.outboundSpis(swarm.a),
                spis -> newOnes(firstOutbound, spis) > 0);
        traffic.works();
    }

    /** Node b has joined twice, and Docker has left SAs of before. */
    @Test
    @Order(15)
    @Tag("agents")
    @DisplayName("doctor: alive by the agents")
    void aliveByAgents() {
        doctor.findsNothing("healthy.agents");
    }

    @Test
    @Order(16)
    @Tag("agents")
    @DisplayName("agents end: alive until detach")
    void agentsEnd() {
        assertThat(HostCounters.snmp(swarm.b, "UdpInCsumErrors"))
                .as("UdpInCsumErrors while the agents ran")
                .isEqualTo(errors);
        for (ServeProcess agent : List.of(onA, onB)) {
            assertThat(agent.log())
                    .filteredOn(line -> line.contains("msg=\"attached\""))
                    .as("attached once: %s", agent.log())
                    .hasSize(1);
            assertThat(agent.log()).noneMatch(line -> line.contains("level=error"));
            agent.close();
        }
        traffic.works();
        detach();
    }

    private static ServeProcess agent(Host host) {
        return ServeProcess.agent(host, "--docker", swarm.socket(host));
    }

    private static void detach() {
        for (Host host : List.of(swarm.a, swarm.b)) {
            host.csumbpf("detach", "eth0").ok();
        }
        assertThat(swarm.loss(swarm.a, swarm.b, "secret", SMALL)).isEqualTo(100);
        assertThat(swarm.loss(swarm.a, swarm.b, "plain", SMALL)).isZero();
        assertThat(swarm.b.csumbpf("status").ok().out().strip()).isEqualTo("nothing is attached");
        assertThat(swarm.b.run("nft", "list", "tables").ok().out()).doesNotContain("csumbpf");
    }

    private static long newOnes(Set<String> before, Set<String> now) {
        return now.stream().filter(spi -> !before.contains(spi)).count();
    }
}
