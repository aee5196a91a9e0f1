// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.assertj.core.api.AutoCloseableSoftAssertions;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Each way to break an overlay that tests/lab/break.sh knows, and what doctor must say: that, and no other error. A lab takes
 * long to come up, so one serves many. Where csumbpf is attached, {@code --fix} must leave all that is not its own alone; what
 * is its own, {@code --fix} must mend.
 *
 * <p>The last class, because the kernel may log "hw csum failure" here: see {@link NatTraversalTest}.
 */
@Tag("vm")
@Order(10)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class DoctorTest {
    private static final String A = "10.0.9.1";
    private static final String B = "10.0.9.2";
    private static final String SECONDS = "4";
    private static final String NOBODY = "/nosuch";
    private static final String FIX = "--fix";

    /** Data of a ping that makes a packet of 1,424 bytes, the overlay's MTU, and of 1,500. */
    private static final int FULL = 1396;

    private static final int TOO_LARGE = 1472;
    private static final int SMALL = 56;

    /**
     * What doctor must say on b.
     *
     * @param breakage as tests/lab/break.sh names it
     * @param id of the finding
     * @param severity error: the only one; otherwise there is no error
     * @param size of the pings' data
     */
    private record Row(String breakage, String id, String severity, int size) {
        static Row error(String breakage) {
            return new Row(breakage, breakage.split("\\.")[0], "error", SMALL);
        }

        static Row error(String breakage, String id) {
            return new Row(breakage, id, "error", SMALL);
        }

        /** Traffic works, or nobody on this host can know that it does not. */
        static Row warning(String breakage) {
            return new Row(breakage, breakage, "warning", SMALL);
        }

        Row sized(int other) {
            return new Row(breakage, id, severity, other);
        }
    }

    private static final List<Row> NOT_ATTACHED = List.of(Row.error("nat-checksum"), Row.error("conntrack-invalid"));

    private static final List<Row> IPSEC = List.of(
            Row.error("spi-mismatch"),
            Row.error("sa-missing"),
            Row.error("sa-address-mismatch"),
            Row.error("esp-blocked"),
            Row.error("esp-blocked.in"),
            Row.error("esp-one-way"),
            Row.error("not-encrypted"),
            Row.error("policy-port-mismatch"),
            Row.warning("guard-missing"),
            Row.error("replay-or-auth"),
            Row.error("replay-or-auth.replay"));

    private static final List<Row> DELIVERY = List.of(
            Row.error("firewall-after-decryption"),
            Row.error("firewall-after-decryption.nft"),
            Row.error("fdb-source-mismatch"),
            Row.error("vxlan-port-conflict"),
            Row.error("vxlan-orphan"));

    private static final List<Row> SIZE = List.of(
            Row.warning("mtu-fragments").sized(TOO_LARGE),
            Row.error("fragments-lost").sized(TOO_LARGE),
            Row.error("mtu-blackhole").sized(FULL));

    /** What the scripts of healthy hosts use, in the guest. b has Docker's overlay with a, and nat is between them. */
    private static final String PRELUDE = """
            set -eu
            a() { nsenter --net=/run/netns/csumbpf-a -- "$@"; }
            nat() { nsenter --net=/run/netns/csumbpf-nat -- "$@"; }
            b() { nsenter --net=/run/netns/csumbpf-b -- "$@"; }
            b_nft() { b nft -f -; }
            key=0x0102030405060708090a0b0c0d0e0f1011121314
            # sa SOURCE DESTINATION SPI REQID MODE [OPTION...]: on b
            sa() {
            	local ends="src $1 dst $2" id="spi $3 reqid $4 mode $5"
            	shift 5
            	b ip xfrm state add $ends proto esp $id aead 'rfc4106(gcm(aes))' $key 128 "$@"
            }
            # behind COMMAND...: until the row ends
            behind() {
            	"$@" >/dev/null 2>&1 </dev/null &
            	echo $! >>/run/healthy.pids
            }
            # datagrams PORT: from nat to b, 20 a second
            datagrams() {
            	behind nsenter --net=/run/netns/csumbpf-nat -- \\
            		bash -c "while :; do echo long enough >/dev/udp/10.99.0.2/$1; sleep 0.05; done"
            }
            # process PORT: has a UDP socket on b
            process() {
            	behind nsenter --net=/run/netns/csumbpf-b -- /usr/bin/python3 -c 'import signal, socket, sys
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("0.0.0.0", int(sys.argv[1])))
            signal.pause()' $1
            	until b ss -Hlnu "sport = $1" | grep -q .; do sleep 0.1; done
            }
            """;

    private static final String END = """
            [ ! -e /run/healthy.pids ] || xargs -r kill </run/healthy.pids 2>/dev/null || true
            rm -f /run/healthy.pids
            """;

    /**
     * A host with which nothing is wrong.
     *
     * @param undo what ends it, so that the lab serves the next one
     * @param warnings all that doctor gives on b, in alphabetical order
     */
    private record Healthy(String name, String script, String undo, List<String> warnings) {
        Healthy(String name, String script, String undo) {
            this(name, script, undo, List.of());
        }

        Healthy warns(String id) {
            return new Healthy(name, script, undo, List.of(id));
        }
    }

    private static final List<Healthy> HEALTHY = List.of(
            new Healthy("another VPN in tunnel mode", """
                    sa 10.99.0.2 10.99.0.1 0x5001 1 tunnel
                    sa 10.99.0.1 10.99.0.2 0x5002 1 tunnel
                    for policy in "src 10.7.0.0/16 dst 10.8.0.0/16 dir out tmpl src 10.99.0.2 dst 10.99.0.1" \
                    	"src 10.99.0.2/32 dst 10.8.0.0/16 dir out tmpl src 10.99.0.2 dst 10.99.0.1" \
                    	"src 10.8.0.0/16 dst 10.7.0.0/16 dir fwd tmpl src 10.99.0.1 dst 10.99.0.2" \
                    	"src 10.8.0.0/16 dst 10.7.0.0/16 dir in tmpl src 10.99.0.1 dst 10.99.0.2"; do
                    	b ip xfrm policy add $policy proto esp reqid 1 mode tunnel
                    done
                    behind nsenter --net=/run/netns/csumbpf-b -- ping -q -i 0.1 10.8.0.1
                    """, """
                    b ip xfrm policy delete src 10.7.0.0/16 dst 10.8.0.0/16 dir out
                    b ip xfrm policy delete src 10.99.0.2/32 dst 10.8.0.0/16 dir out
                    b ip xfrm policy delete src 10.8.0.0/16 dst 10.7.0.0/16 dir fwd
                    b ip xfrm policy delete src 10.8.0.0/16 dst 10.7.0.0/16 dir in
                    b ip xfrm state deleteall reqid 1
                    """),
            new Healthy("a stranger sends ESP that nobody can decrypt", """
                    behind nsenter --net=/run/netns/csumbpf-nat -- /usr/bin/python3 -c 'import socket, time
                    s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 50)
                    while True:
                        s.sendto(bytes([0, 0, 0xbe, 0xef]) + bytes(60), ("10.99.0.2", 0))
                        time.sleep(0.05)'
                    """, "").warns("spi-mismatch"),
            new Healthy("AH for something else", """
                    modprobe -q ah4 || true
                    b ip xfrm state add src 10.99.0.2 dst 10.99.0.1 proto ah spi 0x5003 reqid 3 mode transport \
                    	auth 'hmac(sha1)' 0x0102030405060708090a0b0c0d0e0f1011121314
                    b ip xfrm policy add src 10.99.0.2 dst 10.99.0.1 proto tcp dport 179 dir out \
                    	tmpl src 10.99.0.2 dst 10.99.0.1 proto ah reqid 3 mode transport
                    """, """
                    b ip xfrm policy delete src 10.99.0.2 dst 10.99.0.1 proto tcp dport 179 dir out
                    b ip xfrm state deleteall reqid 3
                    """),
            new Healthy("an xfrm interface", """
                    b ip link add xfrm1 type xfrm dev eth0 if_id 7
                    b ip link set xfrm1 up
                    b ip addr add 10.6.0.2/24 dev xfrm1
                    sa 10.99.0.2 10.99.0.1 0x5004 4 tunnel if_id 7
                    sa 10.99.0.1 10.99.0.2 0x5005 4 tunnel if_id 7
                    b ip xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 7 \
                    	tmpl src 10.99.0.2 dst 10.99.0.1 proto esp reqid 4 mode tunnel
                    behind nsenter --net=/run/netns/csumbpf-b -- ping -q -i 0.1 10.6.0.1
                    """, """
                    b ip xfrm policy delete src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 7
                    b ip xfrm state deleteall reqid 4
                    b ip link del xfrm1
                    """),
            new Healthy("a peer of IKE that does not answer: an SA that is not complete", """
                    behind nsenter --net=/run/netns/csumbpf-b -- ip xfrm monitor acquire
                    b ip xfrm policy add src 10.99.0.2 dst 192.0.2.9 dir out \
                    	tmpl src 10.99.0.2 dst 192.0.2.9 proto esp reqid 5 mode transport
                    behind nsenter --net=/run/netns/csumbpf-b -- ping -q -i 0.1 192.0.2.9
                    """, """
                    # The SA has no SPI yet, by which it could be deleted; it expires.
                    b ip xfrm policy delete src 10.99.0.2 dst 192.0.2.9 dir out
                    """),
            new Healthy(
                    "a policy that blocks", """
                    b ip xfrm policy add src 0.0.0.0/0 dst 192.0.2.0/24 dir out action block
                    behind nsenter --net=/run/netns/csumbpf-b -- bash -c 'while :; do ping -q -c 1 -W 1 192.0.2.1; sleep 0.1; done'
                    """, "b ip xfrm policy delete src 0.0.0.0/0 dst 192.0.2.0/24 dir out\n"),
            new Healthy("an L2TP server with a client behind a NAT", """
                    sa 10.99.0.2 10.99.0.1 0x5006 6 transport encap espinudp 4500 61234 0.0.0.0
                    sa 10.99.0.1 10.99.0.2 0x5007 6 transport encap espinudp 61234 4500 0.0.0.0
                    b ip xfrm policy add src 10.99.0.2 dst 10.99.0.1 proto udp sport 1701 dport 1701 dir out \
                    	tmpl src 10.99.0.2 dst 10.99.0.1 proto esp reqid 6 mode transport
                    process 1701
                    """, """
                    b ip xfrm policy delete src 10.99.0.2 dst 10.99.0.1 proto udp sport 1701 dport 1701 dir out
                    b ip xfrm state deleteall reqid 6
                    """),
            new Healthy("SAs left from an address that b had", """
                    sa 10.95.0.2 203.0.113.2 0x5008 13681891 transport
                    sa 203.0.113.2 10.95.0.2 0x5009 13681891 transport
                    """, """
                    b ip xfrm state delete src 10.95.0.2 dst 203.0.113.2 proto esp spi 0x5008
                    b ip xfrm state delete src 203.0.113.2 dst 10.95.0.2 proto esp spi 0x5009
                    """).warns("sa-address-mismatch"),
            new Healthy("INPUT drops all but what is accepted, and what conntrack calls invalid", """
                    nat nft -f - <<-END
                    	table ip healthy {
                    		chain out {
                    			type filter hook output priority 0
                    			udp dport 10 udp checksum set 0x1111
                    		}
                    	}
                    END
                    b iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
                    b iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                    b iptables -A INPUT -p esp -j ACCEPT
                    b iptables -A INPUT -p icmp -j ACCEPT
                    b iptables -A INPUT -p udp --dport 4789 -m policy --dir in --pol ipsec -j ACCEPT
                    b iptables -P INPUT DROP
                    datagrams 9
                    datagrams 10
                    """, """
                    b iptables -P INPUT ACCEPT
                    b iptables -D INPUT -m conntrack --ctstate INVALID -j DROP
                    b iptables -D INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                    b iptables -D INPUT -p esp -j ACCEPT
                    b iptables -D INPUT -p icmp -j ACCEPT
                    b iptables -D INPUT -p udp --dport 4789 -m policy --dir in --pol ipsec -j ACCEPT
                    nat nft delete table ip healthy
                    """),
            new Healthy("firewalld, which rejects the rest", """
                    b_nft <<-END
                    	table inet healthy {
                    		chain input {
                    			type filter hook input priority 10; policy accept
                    			ct state established,related accept
                    			ct state invalid drop
                    			goto public
                    		}
                    		chain public {
                    			udp dport 4789 accept
                    			meta l4proto { esp, icmp, ipv6-icmp } accept
                    			reject with icmpx type admin-prohibited
                    		}
                    	}
                    END
                    datagrams 9
                    """, "b nft delete table inet healthy\n"),
            new Healthy(
                    "nftables with sets and verdict maps, whose policy is drop",
                    """
                    b_nft <<-END
                    	table inet healthy {
                    		set banned {
                    			type ipv4_addr
                    			flags interval
                    			elements = { 10.99.0.1, 192.0.2.0/24 }
                    		}
                    		chain input {
                    			type filter hook input priority 0; policy drop
                    			meta l4proto { esp, icmp, ipv6-icmp } accept
                    			ip saddr @banned counter drop
                    			udp dport vmap { 4789 : accept, 53 : accept, 9 : drop }
                    		}
                    	}
                    END
                    datagrams 9
                    """,
                    "b nft delete table inet healthy\n"),
            new Healthy("a network that is not encrypted beside", """
                    for end in a:1:2:10.99.0.2 b:2:1:203.0.113.2; do
                    	IFS=: read -r host own other remote <<<"$end"
                    	$host ip link add plain0 address 02:42:0a:00:4d:0$own mtu 1450 type vxlan id 4999 dstport 4789 \
                    		learning proxy l2miss l3miss udpcsum
                    	$host ip addr add 10.0.77.$own/24 dev plain0
                    	$host ip link set plain0 up
                    	$host ip neigh add 10.0.77.$other lladdr 02:42:0a:00:4d:0$other dev plain0 nud permanent
                    	$host bridge fdb append 02:42:0a:00:4d:0$other dev plain0 dst $remote self permanent
                    done
                    b ping -q -c 1 -W 10 10.0.77.1
                    behind nsenter --net=/run/netns/csumbpf-b -- ping -q -i 0.1 10.0.77.1
                    """, "a ip link del plain0\nb ip link del plain0\n"),
            new Healthy("wrong checksums for another socket", """
                    nat nft -f - <<-END
                    	table ip healthy {
                    		chain out {
                    			type filter hook output priority 0
                    			udp dport 514 udp checksum set 0x1111
                    		}
                    	}
                    END
                    process 514
                    datagrams 514
                    """, "nat nft delete table ip healthy\n"),
            new Healthy(
                    "others' fragments",
                    "behind nsenter --net=/run/netns/csumbpf-nat -- ping -q -i 0.1 -s 4000 10.99.0.2\n",
                    ""),
            // Last, because SAs are others after it.
            new Healthy("new keys meanwhile", """
                    behind bash -c '
                    sleep 2
                    for host in csumbpf-a csumbpf-b; do
                    	for sa in "src 10.99.0.2 dst 203.0.113.2 proto esp spi 0x3001" "src 203.0.113.2 dst 10.99.0.2 proto esp spi 0x3002"; do
                    		ip -n $host xfrm state add $sa reqid 13681891 mode transport aead "rfc4106(gcm(aes))" 0x1102030405060708090a0b0c0d0e0f1011121314 64
                    	done
                    done
                    for host in csumbpf-a csumbpf-b; do
                    	ip -n $host xfrm policy update src 10.99.0.2 dst 203.0.113.2 proto udp dport 4789 mark 13681891 dir out \
                    		tmpl src 10.99.0.2 dst 203.0.113.2 proto esp spi 0x3001 reqid 13681891 mode transport
                    	ip -n $host xfrm policy update src 203.0.113.2 dst 10.99.0.2 proto udp dport 4789 mark 13681891 dir out \
                    		tmpl src 203.0.113.2 dst 10.99.0.2 proto esp spi 0x3002 reqid 13681891 mode transport
                    done'
                    """, ""));

    @RegisterExtension
    final KernelLog log = new KernelLog();

    @Test
    @Order(1)
    @DisplayName("doctor: not attached")
    void notAttached() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            softly.assertThat(errors(lab.nat)).as("a host without IPsec").isEmpty();
            softly.assertThat(errors(lab.b)).as("no traffic").isEmpty();
            rows(lab, NOT_ATTACHED, softly);
            lab.a.csumbpf("attach", "eth0").ok();
            fixes(lab, "nat-checksum", softly, "csumbpf", "--netns", lab.b.name, "attach", "eth0");
            well(lab, "attached by doctor", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(2)
    @DisplayName("doctor: IPsec")
    void ipsec() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            softly.assertThat(errors(lab.b)).as("no traffic, attached").isEmpty();
            rows(lab, IPSEC, softly, FIX);
            well(lab, "attached", softly);
        }
    }

    @Test
    @Order(3)
    @DisplayName("doctor: delivery")
    void delivery() {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            rows(lab, DELIVERY, softly, FIX);
            rows(lab, SIZE, softly, FIX);
            well(lab, "attached", softly);
        }
    }

    @Test
    @Tag("test-all")
    @Order(4)
    @DisplayName("doctor: csumbpf itself")
    void attachments() throws IOException {
        try (EspLab lab = new EspLab("DEVICES=docker");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.attach();
            row(lab, Row.error("offload-unsafe"), softly);
            lab.b.csumbpf("restore", "eth0").ok();
            for (String breakage : List.of("backstop-lost", "attachment-lost")) {
                row(lab, Row.error(breakage), softly);
                fixes(lab, breakage, softly, "csumbpf", "--netns", lab.b.name, "restore", "eth0");
                softly.assertThat(lab.b.json("status").path("amiss").asBoolean())
                        .as("amiss after %s", breakage)
                        .isFalse();
            }
            manyBehindOne(lab, softly);
            lab.b.csumbpf("detach", "eth0").ok();
            lab.b
                    .csumbpf("attach", "eth0", "--hook", "clsact", "--backstop", "never")
                    .ok();
            row(lab, Row.error("chain-ended"), softly, FIX);
            lab.b.run("ethtool", "-K", "eth0", "gro", "off").ok();
            fixes(lab, "nat-checksum", softly, "ip", "netns", "exec", lab.b.name, "ethtool", "-K", "eth0", "gro", "on");
            well(lab, "GRO on again", softly);
            // Last, because the module is gone after it.
            row(lab, Row.error("esp-module-disabled"), softly, FIX);
        }
    }

    /** Only Docker knows the nodes' addresses. */
    private static void manyBehindOne(EspLab lab, AutoCloseableSoftAssertions softly) throws IOException {
        Path socket = Files.createTempDirectory("docker").resolve("socket");
        String node =
                "{\"Description\":{\"Hostname\":\"%s\"},\"Status\":{\"State\":\"ready\",\"Addr\":\"203.0.113.10\"}}";
        String nodes = "[" + node.formatted("b") + "," + node.formatted("c") + "]";
        lab.damage("many-behind-one");
        try (FakeDocker docker = new FakeDocker(socket, path -> switch (path) {
                    case "/info" -> "{\"Swarm\":{\"LocalNodeState\":\"active\",\"NodeAddr\":\"203.0.113.2\"}}";
                    case "/nodes" -> nodes;
                    default -> "[]";
                });
                Pings toB = new Pings(lab.a, B);
                Pings toC = new Pings(lab.a, "10.0.9.3")) {
            softly.assertThat(errors(lab.a, socket.toString()))
                    .as("many-behind-one")
                    .containsExactly("many-behind-one");
        }
        lab.mend("many-behind-one");
    }

    @Test
    @Tag("test-all")
    @Order(5)
    @DisplayName("doctor: no NAT, WireGuard")
    void noNat() {
        try (EspLab lab = new EspLab("DEVICES=docker", "NAT=none");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            well(lab, "no NAT, not attached", softly);
            // Which of the two it is shows only once csumbpf computes both ways.
            row(lab, Row.error("sender-checksum", "nat-checksum"), softly);
            lab.attach("--mode", "adjust");
            // Until it has learned what is usual from right packets, adjust repairs the wrong ones, too.
            well(lab, "no NAT, attached", softly);
            row(lab, Row.error("sender-checksum"), softly);
        }
        try (EspLab lab = new EspLab("DEVICES=docker", "UNDERLAY=wireguard");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            lab.onBoth(host ->
                    host.csumbpf("attach", host == lab.b ? "tunnel0" : "eth0").ok());
            well(lab, "WireGuard below", softly);
        }
    }

    /** Others besides those above, on which nothing is wrong and much looks odd. */
    @Test
    @Tag("test-all")
    @Order(6)
    @DisplayName("doctor: healthy hosts with IPsec")
    void healthy() {
        try (EspLab lab = new EspLab("DEVICES=docker", "NAT=none");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            for (Healthy row : HEALTHY) {
                try {
                    script(row.script);
                    exactly(whilePinging(lab, SMALL), row.name, row.warnings, softly);
                } catch (AssertionError e) {
                    softly.fail(row.name, e);
                } finally {
                    script(END + row.undo);
                }
            }
        }
        healthyLab(List.of("GUARD=nft"), "eth0", List.of());
        healthyLab(List.of("NAT=both"), "eth0", List.of("--mode", "recompute", "--hook", "clsact"));
        healthyLab(List.of("FAMILY=6"), "eth0", List.of());
        healthyLab(List.of("FAMILY=6", "NAT=none", "GUARD=nft"), null, List.of());
        healthyLab(List.of("UNDERLAY=vlan"), "eth0.100", List.of());
        healthyLab(List.of("UNDERLAY=ovs"), "br0", List.of());
    }

    /**
     * A lab in which all is well, seen from its three hosts.
     *
     * @param device of b, to which csumbpf is attached; null: to none
     */
    private static void healthyLab(List<String> variations, String device, List<String> options) {
        String[] all = Shell.join(new String[] {"DEVICES=docker"}, variations.toArray(String[]::new));
        try (EspLab lab = new EspLab(all);
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            if (device != null) {
                lab.onBoth(host -> host.csumbpf(Shell.join(
                                new String[] {"attach", host == lab.b ? device : "eth0"},
                                options.toArray(String[]::new)))
                        .ok());
            }
            String name = String.join(" ", variations);
            softly.assertThat(lab.loss(lab.b, A)).as("loss: " + name).isZero();
            try (Pings there = new Pings(lab.a, B);
                    Pings back = new Pings(lab.b, A)) {
                Limit.pause(1000); // as in whilePinging
                exactly(doctor(lab.b, NOBODY), name, List.of(), softly);
                exactly(doctor(lab.a, NOBODY), name + ", on a", List.of(), softly);
                exactly(doctor(lab.nat, NOBODY), name + ", on the host between them", List.of(), softly);
            }
        }
    }

    private static void exactly(
            JsonNode findings, String what, List<String> warnings, AutoCloseableSoftAssertions softly) {
        softly.assertThat(ids(findings, "error"))
                .as("errors: %s, of %s", what, findings.toPrettyString())
                .isEmpty();
        softly.assertThat(ids(findings, "warning"))
                .as("warnings: %s, of %s", what, findings.toPrettyString())
                .containsExactlyElementsOf(warnings);
    }

    private static void script(String script) {
        Shell.run("bash", "-c", PRELUDE + script).ok();
    }

    /** The kernel itself ignores the checksum. Must be the last. */
    @Test
    @Tag("test-all")
    @Order(7)
    @DisplayName("doctor: NAT-T")
    void natTraversal() {
        try (EspLab lab = new EspLab("DEVICES=docker", "ENCAP=udp");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            // The socket that takes ESP out of UDP is opened meanwhile.
            Limit.await("loss of 0", Limit.seconds(60), () -> lab.loss(lab.b, A), loss -> loss == 0);
            well(lab, "ESP in UDP", softly);
            log.leaveOutIfTheKernelWarnsByItself();
        }
    }

    /** @param options of doctor */
    private static void rows(EspLab lab, List<Row> rows, AutoCloseableSoftAssertions softly, String... options) {
        for (Row row : rows) {
            row(lab, row, softly, options);
        }
    }

    private static void row(EspLab lab, Row row, AutoCloseableSoftAssertions softly, String... options) {
        lab.damage(row.breakage);
        String before = configuration(lab.b);
        JsonNode tree = whilePinging(lab, row.size, options);
        softly.assertThat(configuration(lab.b))
                .as("what doctor left of %s", row.breakage)
                .isEqualTo(before);
        lab.mend(row.breakage);
        softly.assertThat(tree.path("steps")).as("steps with %s", row.breakage).isEmpty();
        JsonNode findings = tree.get("findings");
        List<String> wanted = row.severity.equals("error") ? List.of(row.id) : List.of();
        softly.assertThat(ids(findings, "error"))
                .as("errors with %s, of %s", row.breakage, findings.toPrettyString())
                .containsExactlyElementsOf(wanted);
        softly.assertThat(ids(findings, row.severity))
                .as("%ss with %s, of %s", row.severity, row.breakage, findings.toPrettyString())
                .contains(row.id);
    }

    /** What a host has been given, without what traffic changes. */
    private static String configuration(Host host) {
        return host.run(
                        "sh",
                        "-c",
                        "nft -s -t list ruleset; ip -o link; tc qdisc show; tc filter show dev eth0 ingress; ip xfrm policy;"
                                + " ip xfrm state list nokeys | grep '^src'; ethtool -k eth0; cat /etc/modprobe.d/*")
                .out();
    }

    /** While traffic flows, --fix does this one step on b, finds nothing wrong then, and a second time nothing to fix. */
    private static void fixes(EspLab lab, String id, AutoCloseableSoftAssertions softly, String... command) {
        JsonNode tree = whilePinging(lab, SMALL, FIX);
        JsonNode steps = tree.get("steps");
        String what = "fix of " + id + ": " + tree.toPrettyString();
        softly.assertThat(steps).as(what).hasSize(1);
        softly.assertThat(steps.path(0).path("id").asText()).as(what).isEqualTo(id);
        softly.assertThat(steps.path(0).path("outcome").asText()).as(what).isEqualTo("done");
        List<String> words = new ArrayList<>();
        steps.path(0).path("command").forEach(word -> words.add(word.asText()));
        softly.assertThat(words).as(what).containsExactly(command);
        softly.assertThat(ids(tree.get("findings"), "error")).as(what).isEmpty();
        JsonNode again = whilePinging(lab, SMALL, FIX);
        softly.assertThat(again.get("steps"))
                .as("again: %s", again.toPrettyString())
                .isEmpty();
    }

    /** Nothing is wrong on b, and packets pass. */
    private static void well(EspLab lab, String what, AutoCloseableSoftAssertions softly) {
        softly.assertThat(lab.loss(lab.b, A)).as("loss: " + what).isZero();
        JsonNode findings = whilePinging(lab, SMALL).get("findings");
        softly.assertThat(ids(findings, "error"))
                .as("errors: %s, of %s", what, findings.toPrettyString())
                .isEmpty();
    }

    /** What doctor with these options prints on b. */
    private static JsonNode whilePinging(EspLab lab, int size, String... options) {
        try (Pings there = new Pings(lab.a, B, size);
                Pings back = new Pings(lab.b, A, size)) {
            Limit.pause(1000); // SAs and devices are new, and the first packets find that out
            return doctor(lab.b, NOBODY, options);
        }
    }

    private static Set<String> errors(Host host) {
        return errors(host, NOBODY);
    }

    private static Set<String> errors(Host host, String docker) {
        return ids(doctor(host, docker).get("findings"), "error");
    }

    private static JsonNode doctor(Host host, String docker, String... options) {
        Shell.Result result = host.csumbpf(
                Shell.join(new String[] {"--json", "doctor", "--seconds", SECONDS, "--docker", docker}, options));
        JsonNode tree = Host.parse(result.out());
        JsonNode findings = tree.get("findings");
        result.ended(ids(findings, "error").isEmpty() ? 0 : 9);
        for (JsonNode finding : findings) {
            List<String> keys = new ArrayList<>();
            finding.fieldNames().forEachRemaining(keys::add);
            assertThat(keys).contains("id", "severity", "subject", "evidence", "meaning", "remedy", "follows_from");
        }
        return tree;
    }

    private static Set<String> ids(JsonNode findings, String severity) {
        Set<String> ids = new TreeSet<>();
        for (JsonNode finding : findings) {
            if (finding.get("severity").asText().equals(severity)) {
                ids.add(finding.get("id").asText());
            }
        }
        return ids;
    }
}
