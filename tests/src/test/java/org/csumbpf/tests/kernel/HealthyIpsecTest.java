// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.kernel;

import static org.csumbpf.tests.kernel.DoctorSays.A;
import static org.csumbpf.tests.kernel.DoctorSays.B;
import static org.csumbpf.tests.kernel.DoctorSays.NO_DOCKER;
import static org.csumbpf.tests.kernel.DoctorSays.SMALL;
import static org.csumbpf.tests.kernel.DoctorSays.doctor;
import static org.csumbpf.tests.kernel.DoctorSays.ids;
import static org.csumbpf.tests.kernel.DoctorSays.whilePinging;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import org.assertj.core.api.AutoCloseableSoftAssertions;
import org.csumbpf.tests.lab.EspLab;
import org.csumbpf.tests.lab.Limit;
import org.csumbpf.tests.lab.Pings;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.extension.ExtendWith;

/** Hosts with IPsec with which nothing is wrong: doctor names no error. Those without are those of HealthyHostsTest. */
@Tag("vm")
@Tag("test-all")
@Order(9)
@ExtendWith(KernelLog.class)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class HealthyIpsecTest {
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
     * @param warnings all that doctor gives on b
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

    @Test
    @Order(1)
    @DisplayName("doctor: healthy hosts with IPsec")
    void healthy() {
        try (EspLab lab = new EspLab("DEVICES=docker", "NAT=none");
                AutoCloseableSoftAssertions softly = new AutoCloseableSoftAssertions()) {
            for (Healthy row : HEALTHY) {
                try {
                    script(row.script);
                    exactly(whilePinging(lab, SMALL).get(lab.b), row.name, row.warnings, softly);
                } catch (AssertionError e) {
                    softly.fail(row.name, e);
                } finally {
                    script(END + row.undo);
                }
            }
        }
    }

    @Test
    @Order(2)
    @DisplayName("doctor: healthy labs")
    void labs() {
        healthyLab(List.of("GUARD=nft"), "eth0", List.of());
        healthyLab(List.of("NAT=both"), "eth0", List.of("--mode", "recompute", "--hook", "clsact"));
        healthyLab(List.of("FAMILY=6", "OVERLAY_MTU=1404"), "eth0", List.of());
        healthyLab(List.of("FAMILY=6", "OVERLAY_MTU=1404", "NAT=none", "GUARD=nft"), null, List.of());
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
                exactly(doctor(lab.b, NO_DOCKER), name, List.of(), softly);
                exactly(doctor(lab.a, NO_DOCKER), name + ", on a", List.of(), softly);
                exactly(doctor(lab.nat, NO_DOCKER), name + ", on the host between them", List.of(), softly);
            }
        }
    }

    private static void exactly(JsonNode tree, String what, List<String> warnings, AutoCloseableSoftAssertions softly) {
        JsonNode findings = tree.get("findings");
        softly.assertThat(ids(findings, "error"))
                .as("errors: %s, of %s", what, findings.toPrettyString())
                .isEmpty();
        softly.assertThat(ids(findings, "warning"))
                .as("warnings: %s, of %s", what, findings.toPrettyString())
                .containsExactlyInAnyOrderElementsOf(warnings);
    }

    private static void script(String script) {
        Shell.run("bash", "-c", PRELUDE + script).ok();
    }
}
