// SPDX-License-Identifier: Apache-2.0
package org.csumbpf.tests.attach;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.csumbpf.loader.TcxLink;
import org.csumbpf.tests.lab.FakeDocker;
import org.csumbpf.tests.lab.Host;
import org.csumbpf.tests.lab.Lab;
import org.csumbpf.tests.lab.ServeProcess;
import org.csumbpf.tests.lab.Shell;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Hosts with which nothing is wrong, whatever they look like: doctor must find no error, and the warnings that each has
 * here and no others. This kernel may have no ESP; HealthyIpsecTest has hosts that decrypt.
 */
@Tag("root")
@Timeout(300)
class HealthyHostsTest {
    /** What the scripts of the hosts use. A host is the namespace $h, a {@link Lab}. */
    private static final String PRELUDE = """
            set -eu
            host() { nsenter --net=/run/netns/$h -- "$@"; }
            peer() { nsenter --net=/run/netns/$h-peer -- "$@"; }
            nft_host() { host nft -f -; }
            # restore [nft|legacy [ip6]]: rules of iptables from stdin
            restore() { host ${2:-ip}tables-${1:-nft}-restore --noflush; }
            # pair: the host is 10.0.0.2 on w1, and its peer 10.0.0.1
            pair() {
            	ip netns add $h-peer
            	ip -n $h link set w0 netns $h-peer
            	ip -n $h-peer -batch - <<-END
            		link set lo up
            		link set w0 up
            		addr add 10.0.0.1/24 dev w0
            	END
            	ip -n $h link set lo up
            	ip -n $h addr add 10.0.0.2/24 dev w1
            }
            pair6() {
            	pair
            	ip -n $h addr flush dev w1
            	ip -n $h-peer addr flush dev w0
            	host sysctl -qw net.ipv6.conf.w1.disable_ipv6=0
            	peer sysctl -qw net.ipv6.conf.w0.disable_ipv6=0
            	ip -n $h addr add fd00::2/64 dev w1 nodad
            	ip -n $h-peer addr add fd00::1/64 dev w0 nodad
            }
            # vtep NAMESPACE OWN OTHER VNI PORT PREFIX: a VXLAN device as Docker makes it, in a namespace NAMESPACE-box
            vtep() {
            	local made=vx-$(printf %06x $4)-abcde
            	ip netns add $1-box
            	ip -n $1 link add $made address 02:42:0a:09:00:0$2 mtu 1424 type vxlan id $4 dstport $5 \\
            		learning proxy l2miss l3miss udpcsum $(case $6 in *:*) echo "local $6$2" ;; esac)
            	ip -n $1 link set $made netns $1-box
            	ip -n $1-box -batch - <<-END
            		link set lo up
            		link set $made name vxlan0
            		addr add 10.9.0.$2/24 dev vxlan0
            		link set vxlan0 up
            		neigh add 10.9.0.$3 lladdr 02:42:0a:09:00:0$3 dev vxlan0 nud permanent
            	END
            	bridge -n $1-box fdb append 02:42:0a:09:00:0$3 dev vxlan0 dst $6$3 self permanent
            }
            # overlay VNI PORT [PREFIX]: one between host (10.9.0.2) and peer (10.9.0.1), with pings in both directions
            overlay() {
            	vtep $h 2 1 $1 $2 ${3:-10.0.0.}
            	vtep $h-peer 1 2 $1 $2 ${3:-10.0.0.}
            	pings $h-box 10.9.0.1
            	pings $h-peer-box 10.9.0.2
            	ip netns exec $h-box ping -q -c 1 -W 5 10.9.0.1 >/dev/null
            }
            # pings NAMESPACE ADDRESS [OPTION...]: while doctor looks
            pings() {
            	local namespace=$1
            	shift
            	ip netns exec $namespace ping -q -i 0.05 -w 60 "$@" >/dev/null 2>&1 &
            }
            # u32 VNI: how Docker's rules match it, up to engine 20.10
            u32() { echo "-p udp --dport 4789 -m u32 --u32 \\"0>>22&0x3C@12&0xFFFFFF00=$(($1 << 8))\\""; }
            # guard VNI: Docker's rules of an encrypted network
            guard() {
            	restore <<-END
            		*mangle
            		-A OUTPUT $(u32 $1) -j MARK --set-mark 13681891
            		COMMIT
            		*filter
            		-A INPUT -m policy --dir in --pol none $(u32 $1) -j DROP
            		COMMIT
            	END
            }
            # alone VNI: a network in which no other node has a container
            alone() {
            	vtep $h 2 1 $1 4789 10.0.0.
            	bridge -n $h-box fdb del 02:42:0a:09:00:01 dev vxlan0 dst 10.0.0.1 self
            }
            # idle VNI: the same, encrypted, so that doctor looks at IPsec, too
            idle() {
            	guard $1
            	alone $1
            }
            # wrong NAMESPACE PORT: what it sends to this UDP port has a wrong checksum
            wrong() {
            	ip netns exec $1 nft -f - <<-END
            		table ip wrong {
            			chain out {
            				type filter hook output priority 0
            				udp dport $2 udp checksum set 0x1111
            			}
            		}
            	END
            }
            # datagrams NAMESPACE ADDRESS PORT: 50 a second
            datagrams() {
            	ip netns exec $1 timeout 60 bash -c "while :; do echo long enough >/dev/udp/$2/$3; sleep 0.02; done" \\
            		>/dev/null 2>&1 &
            }
            # process PORT: has a UDP socket on the host
            process() {
            	host timeout 60 /usr/bin/python3 -c 'import signal, socket, sys
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind(("0.0.0.0", int(sys.argv[1])))
            signal.pause()' $1 >/dev/null 2>&1 &
            	until host ss -Hlnu "sport = $1" | grep -q .; do sleep 0.05; done
            }
            """;

    private static final String TAKE_DOWN = """
            for netns in $h $h-peer $h-box $h-peer-box; do
            	[ -e /run/netns/$netns ] || continue
            	ip netns pids $netns | xargs -r kill 2>/dev/null || true
            	[ $netns = $h ] || ip netns del $netns
            done
            """;

    private static final String NETWORK = """
            [{"Name": "back", "Options": {"encrypted": "", "com.docker.network.driver.overlay.vxlanid_list": "4097"}}]
            """;

    /**
     * @param script sets the host up
     * @param warnings ids that doctor must give, in alphabetical order
     * @param docker what the engine answers to a path; null: there is none
     * @param beside what runs on the host meanwhile
     */
    private record Healthy(
            String name,
            String script,
            List<String> warnings,
            Function<String, String> docker,
            Function<Lab, AutoCloseable> beside) {
        Healthy warns(String... ids) {
            return new Healthy(name, script, List.of(ids), docker, beside);
        }

        Healthy docker(Function<String, String> answers) {
            return new Healthy(name, script, warnings, answers, beside);
        }

        Healthy beside(Function<Lab, AutoCloseable> work) {
            return new Healthy(name, script, warnings, docker, work);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private static Healthy host(String name, String script) {
        return new Healthy(name, script, List.of(), null, lab -> () -> {});
    }

    private static Healthy swarm(String name, String script, String info, String networks) {
        return host(name, script)
                .docker(path -> path.equals("/info") ? info : path.startsWith("/networks?") ? networks : "{}");
    }

    private static final List<Healthy> HOSTS = List.of(
            // Devices and addresses.
            host("no devices but lo, which is down", "ip -n $h link del w0\nip -n $h link del w2\n"),
            host("lo alone", "ip -n $h link del w0\nip -n $h link del w2\nip -n $h link set lo up\n"),
            host("IPv4, pinged", "pair\npings $h-peer 10.0.0.2\n"),
            host("IPv6 alone, pinged", "pair6\npings $h-peer fd00::2\n"),
            host("500 devices", """
                    pair
                    for n in $(seq 500); do echo "link add br$n type bridge"; done | host ip -batch -
                    """),
            host("odd names", """
                    pair
                    guard 4097
                    for name in -x ';id' "$(printf 'd\\344')" '$(id)' "'" '"' ä; do
                    	ip -n $h link add name "$name" type bridge
                    	ip -n $h link set dev "$name" up
                    done
                    alone 4097
                    ip -n $h-box link add name '-y' type vxlan id 77 dstport 4790
                    """),
            host("large frames", "pair\nip -n $h link set w1 mtu 9001\nidle 4097\npings $h-peer 10.0.0.2 -s 8900\n"),
            host("bridge, macvlan, macvtap, tun, ifb", """
                    pair
                    ip -n $h -batch - <<-END
                    	link add br0 type bridge
                    	link set w2 master br0
                    	link set br0 up
                    	addr add 10.0.1.2/24 dev br0
                    	link add mv0 link w1 type macvlan mode bridge
                    	link add mt0 link w1 type macvtap
                    	link set mv0 up
                    	addr add 10.0.0.3/24 dev mv0
                    	link add ifb0 type ifb
                    	tuntap add t0 mode tun
                    	link set t0 up
                    	addr add 10.0.2.2/24 dev t0
                    END
                    idle 4097
                    pings $h-peer 10.0.0.3
                    """),
            // Overlays that are not encrypted.
            host("a Docker overlay, not encrypted", "pair\noverlay 4097 4789\n"),
            host("the same over IPv6", "pair6\noverlay 4097 4789 fd00::\n"),
            host("encrypted and not encrypted networks beside each other", "pair\nguard 4098\noverlay 4097 4789\n"),
            host("flannel", """
                    pair
                    for end in $h:2:1 $h-peer:1:2; do
                    	IFS=: read -r netns own other <<<"$end"
                    	ip -n $netns -batch - <<-END
                    		link add flannel.1 address 02:42:0a:09:00:0$own type vxlan id 1 dstport 8472 local 10.0.0.$own dev $([ $own = 2 ] && echo w1 || echo w0) nolearning
                    		addr add 10.244.$own.0/32 dev flannel.1
                    		link set flannel.1 up
                    		route add 10.244.$other.0/24 via 10.244.$other.0 dev flannel.1 onlink
                    		neigh add 10.244.$other.0 lladdr 02:42:0a:09:00:0$other dev flannel.1 nud permanent
                    	END
                    	bridge -n $netns fdb append 02:42:0a:09:00:0$other dev flannel.1 dst 10.0.0.$other self permanent
                    done
                    pings $h 10.244.1.0
                    host ping -q -c 1 -W 5 10.244.1.0 >/dev/null
                    """),
            host("another overlay with the VNI of an encrypted one, on another port", """
                    pair
                    idle 4097
                    ip -n $h link add vxlan.calico type vxlan id 4097 dstport 8472 local 10.0.0.2 nolearning
                    ip -n $h link set vxlan.calico up
                    bridge -n $h fdb append 66:00:00:00:00:01 dev vxlan.calico dst 10.0.0.1 self permanent
                    ip -n $h xfrm policy add src 10.0.0.2 dst 10.0.0.9 proto udp dport 4789 mark 13681891 dir out \\
                    	tmpl src 10.0.0.2 dst 10.0.0.9 proto esp reqid 13681891 mode transport
                    """),
            host("a device that takes all VNIs", """
                    pair
                    guard 4097
                    ip -n $h link add vxlan_sys type vxlan external dstport 4789 nolearning udp6zerocsumrx
                    ip -n $h link set vxlan_sys up
                    """),
            host("VXLAN by multicast", """
                    pair
                    guard 4097
                    ip -n $h link add vxlan5 type vxlan id 5 group 239.1.1.1 dev w1 dstport 4789 ttl 4
                    ip -n $h addr add 10.9.0.2/24 dev vxlan5
                    ip -n $h link set vxlan5 up
                    host ping -q -i 0.1 -w 60 10.9.0.77 >/dev/null 2>&1 &
                    """),
            host("VXLAN set down", "pair\nidle 4097\nip -n $h-box link set vxlan0 down\n"),
            host("5,000 forwarding entries", """
                    pair
                    guard 4098
                    overlay 4097 4789
                    for n in $(seq 5000); do
                    	printf 'fdb append 02:42:0a:0a:%02x:%02x dev vxlan0 dst 10.1.%d.%d self permanent\\n' \\
                    		$((n / 256)) $((n % 256)) $((n / 256)) $((n % 256))
                    done | bridge -n $h-box -batch -
                    """),
            host("an encrypted network that only this host has", "pair\nidle 4097\n"),
            host("another host on the same machine, with the same VNI", """
                    pair
                    guard 4097
                    vtep $h-peer 1 2 4097 4789 10.0.0.
                    bridge -n $h-peer-box fdb append 02:42:0a:09:00:03 dev vxlan0 dst 10.0.0.3 self permanent
                    """),
            host("guests whose overlay has the VNI of an encrypted one of the host", """
                    pair
                    guard 4097
                    vtep $h-peer 1 2 4097 4789 10.0.0.
                    ip -n $h addr del 10.0.0.2/24 dev w1
                    ip -n $h link add br0 type bridge
                    ip -n $h link set w1 master br0
                    ip -n $h link set br0 up
                    ip -n $h addr add 10.0.0.77/24 dev br0
                    ip -n $h-peer neigh add 10.0.0.2 lladdr 02:00:00:00:00:77 dev w0 nud permanent
                    pings $h-peer-box 10.9.0.2
                    """),
            host("a stranger sends VXLAN with the VNI of an encrypted network", """
                    pair
                    idle 4097
                    vtep $h-peer 1 2 4097 4789 10.0.0.
                    pings $h-peer-box 10.9.0.2
                    """)
                    .warns("not-encrypted"),
            // IPsec of others. SAs cannot be made here.
            host("policies of a VPN in tunnel mode", """
                    pair
                    idle 4097
                    ip -n $h -batch - <<-END
                    	xfrm policy add src 10.7.0.0/16 dst 10.8.0.0/16 dir out tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid 1 mode tunnel
                    	xfrm policy add src 10.8.0.0/16 dst 10.7.0.0/16 dir fwd tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 1 mode tunnel
                    	xfrm policy add src 10.8.0.0/16 dst 10.7.0.0/16 dir in tmpl src 10.0.0.1 dst 10.0.0.2 proto esp reqid 1 mode tunnel
                    	xfrm policy add src 10.0.0.2/32 dst 198.51.100.0/24 dir out action block
                    END
                    pings $h 198.51.100.1
                    """),
            host("an L2TP server, whose policy is for UDP in transport mode", """
                    pair
                    process 1701
                    ip -n $h xfrm policy add src 10.0.0.2 dst 10.0.0.1 proto udp sport 1701 dport 1701 dir out \\
                    	tmpl src 10.0.0.2 dst 10.0.0.1 proto esp reqid 16385 mode transport
                    """),
            host("VXLAN that IKE encrypts with one peer, on demand, and with others not", """
                    pair
                    vtep $h 2 1 4097 4789 10.0.0.
                    vtep $h-peer 1 2 4097 4789 10.0.0.
                    pings $h-box 10.9.0.1
                    ip -n $h -batch - <<-END
                    	xfrm policy add src 10.0.0.2 dst 10.0.0.9 proto udp dport 4789 dir out tmpl src 10.0.0.2 dst 10.0.0.9 proto esp reqid 1 mode transport
                    	xfrm policy add src 10.0.0.2 dst 10.0.0.9 proto udp sport 4789 dir out tmpl src 10.0.0.2 dst 10.0.0.9 proto esp reqid 2 mode transport
                    END
                    bridge -n $h-box fdb append 02:42:0a:09:00:09 dev vxlan0 dst 10.0.0.9 self permanent
                    """),
            // Packet filters.
            host("INPUT drops all but what is accepted, by iptables-nft", """
                    pair
                    idle 4097
                    restore <<-END
                    	*filter
                    	:INPUT DROP [0:0]
                    	-A INPUT -i lo -j ACCEPT
                    	-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                    	-A INPUT -p esp -j ACCEPT
                    	-A INPUT -p udp --dport 4789 -j ACCEPT
                    	-A INPUT -p icmp --icmp-type echo-request -m limit --limit 5/s -j ACCEPT
                    	COMMIT
                    END
                    datagrams $h-peer 10.0.0.2 9
                    pings $h-peer 10.0.0.2
                    """),
            host("the same by iptables-legacy, beside Docker's rules in iptables-nft", """
                    pair
                    idle 4097
                    restore legacy <<-END
                    	*filter
                    	:INPUT DROP [0:0]
                    	-A INPUT -m state --state INVALID -j DROP
                    	-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
                    	-A INPUT -p udp --dport 4789 -j ACCEPT
                    	COMMIT
                    END
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("Docker's rules in iptables-legacy", """
                    pair
                    restore legacy <<-END
                    	*mangle
                    	-A OUTPUT $(u32 4097) -j MARK --set-mark 13681891
                    	COMMIT
                    	*filter
                    	-A INPUT -m policy --dir in --pol none $(u32 4097) -j DROP
                    	COMMIT
                    END
                    alone 4097
                    """),
            host("the rules of engine 20.10: two for the guard", """
                    pair
                    restore <<-END
                    	*mangle
                    	-A OUTPUT $(u32 4097) -j MARK --set-mark 13681891
                    	COMMIT
                    	*filter
                    	-A INPUT -m policy --dir in --pol ipsec $(u32 4097) -j ACCEPT
                    	-A INPUT $(u32 4097) -j DROP
                    	COMMIT
                    END
                    alone 4097
                    """),
            host("the rules of engine 25: bpf for the VNI", """
                    pair
                    vni='-m bpf --bytecode "6,177 0 0 0,64 0 0 12,116 0 0 8,21 0 1 4097,6 0 0 4294967295,6 0 0 0"'
                    restore <<-END
                    	*mangle
                    	-A OUTPUT -p udp --dport 4789 $vni -j MARK --set-xmark 0xd0c4e3
                    	COMMIT
                    	*filter
                    	-A INPUT -p udp --dport 4789 -m policy --dir in --pol none $vni -j DROP
                    	COMMIT
                    END
                    alone 4097
                    """),
            host("the rules of engine 29: nftables", """
                    pair
                    nft_host <<-END
                    	table ip docker-overlay {
                    		set encrypted-vnis { typeof @th,96,24; elements = { 4097, 4098 } }
                    		chain enc-out {
                    			type route hook output priority mangle;
                    			udp dport 4789 @th,96,24 @encrypted-vnis counter meta mark set 13681891
                    		}
                    		chain enc-in {
                    			type filter hook input priority raw;
                    			meta secpath missing udp dport 4789 @th,96,24 @encrypted-vnis counter drop
                    		}
                    	}
                    END
                    alone 4097
                    """),
            host("the same without a network any more", """
                    nft_host <<-END
                    	table ip docker-overlay {
                    		set encrypted-vnis { typeof @th,96,24; }
                    		chain enc-in {
                    			type filter hook input priority raw;
                    			meta secpath missing udp dport 4789 @th,96,24 @encrypted-vnis counter drop
                    		}
                    	}
                    END
                    """),
            host("what Docker makes for bridges and the routing mesh", """
                    pair
                    idle 4097
                    restore <<-END
                    	*nat
                    	:DOCKER - [0:0]
                    	:DOCKER-INGRESS - [0:0]
                    	-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
                    	-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
                    	-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
                    	-A DOCKER-INGRESS -p udp -m udp --dport 53 -j DNAT --to-destination 172.18.0.2:53
                    	-A DOCKER-INGRESS -j RETURN
                    	COMMIT
                    	*raw
                    	-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
                    	COMMIT
                    	*filter
                    	:FORWARD DROP [0:0]
                    	:DOCKER-USER - [0:0]
                    	:DOCKER-ISOLATION-STAGE-1 - [0:0]
                    	:DOCKER-ISOLATION-STAGE-2 - [0:0]
                    	-A FORWARD -j DOCKER-USER
                    	-A FORWARD -j DOCKER-ISOLATION-STAGE-1
                    	-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
                    	-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
                    	-A DOCKER-USER -j RETURN
                    	COMMIT
                    END
                    datagrams $h-peer 10.0.0.2 53
                    """),
            host("nftables with sets, maps and verdict maps", """
                    pair
                    idle 4097
                    nft_host <<-END
                    	table inet fw {
                    		set banned { type ipv4_addr; flags interval; counter; elements = { 192.0.2.0/24, 198.51.100.7 } }
                    		set limits { type ipv4_addr . inet_service; flags dynamic, timeout; timeout 1m; }
                    		map ports { type inet_service : verdict; elements = { 22 : accept, 4789 : jump overlay, 23 : drop } }
                    		chain overlay { ip saddr 10.0.0.0/8 accept; counter drop; }
                    		chain input {
                    			type filter hook input priority filter; policy drop
                    			ct state vmap { established : accept, related : accept, invalid : drop }
                    			iif lo accept
                    			ip saddr @banned counter drop
                    			meta l4proto { icmp, esp, 51 } accept
                    			udp dport vmap @ports
                    			tcp dport vmap @ports
                    			udp dport 500 update @limits { ip saddr . udp dport limit rate over 5/second } drop
                    			limit rate 5/second log prefix "dropped 4789: "
                    			counter comment "udp dport 4789 drop"
                    		}
                    	}
                    END
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("ufw", """
                    pair
                    idle 4097
                    restore <<-END
                    	*filter
                    	:INPUT DROP [0:0]
                    	:ufw-before-input - [0:0]
                    	:ufw-user-input - [0:0]
                    	:ufw-after-input - [0:0]
                    	:ufw-logging-deny - [0:0]
                    	:ufw-not-local - [0:0]
                    	:ufw-skip-to-policy-input - [0:0]
                    	-A INPUT -j ufw-before-input
                    	-A INPUT -j ufw-after-input
                    	-A ufw-before-input -i lo -j ACCEPT
                    	-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                    	-A ufw-before-input -m conntrack --ctstate INVALID -j ufw-logging-deny
                    	-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
                    	-A ufw-before-input -j ufw-not-local
                    	-A ufw-before-input -j ufw-user-input
                    	-A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
                    	-A ufw-not-local -m limit --limit 3/min --limit-burst 10 -j ufw-logging-deny
                    	-A ufw-not-local -j DROP
                    	-A ufw-logging-deny -m limit --limit 3/min --limit-burst 10 -j NFLOG --nflog-prefix "[UFW BLOCK] "
                    	-A ufw-user-input -p udp --dport 4789 -j ACCEPT
                    	-A ufw-user-input -p esp -j ACCEPT
                    	-A ufw-after-input -p udp --dport 137 -j ufw-skip-to-policy-input
                    	-A ufw-skip-to-policy-input -j DROP
                    	COMMIT
                    END
                    datagrams $h-peer 10.0.0.2 137
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("firewalld", """
                    pair
                    idle 4097
                    nft_host <<-END
                    	table inet firewalld {
                    		chain filter_INPUT {
                    			type filter hook input priority filter + 10; policy accept
                    			ct state established,related accept
                    			ct status dnat accept
                    			iifname "lo" accept
                    			ct state invalid drop
                    			jump filter_INPUT_ZONES
                    			reject with icmpx admin-prohibited
                    		}
                    		chain filter_INPUT_ZONES { iifname "w1" goto filter_IN_public; goto filter_IN_public; }
                    		chain filter_IN_public {
                    			jump filter_IN_public_allow
                    			meta l4proto { icmp, ipv6-icmp } accept
                    		}
                    		chain filter_IN_public_allow { udp dport 4789 accept; meta l4proto esp accept; tcp dport 22 accept; }
                    	}
                    END
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("fail2ban, with sets of 2,000 addresses", """
                    pair
                    idle 4097
                    {
                    	echo 'table inet f2b-table {'
                    	echo 'set addr-set-sshd { type ipv4_addr; elements = {'
                    	seq -f '192.0.2.%.0f, ' 1 200 | tr -d '\\n'
                    	for n in $(seq 7); do seq -f "198.18.$n.%.0f, " 1 254 | tr -d '\\n'; done
                    	echo '10.0.0.1 } }'
                    	echo 'chain f2b-chain { type filter hook input priority filter - 1; policy accept'
                    	printf 'tcp dport 22 ip saddr @addr-set-sshd reject with icmp port-unreachable\\n}\\n}\\n'
                    } | nft_host
                    """),
            host("kube-proxy, with 1,500 services", """
                    pair
                    idle 4097
                    {
                    	printf '*nat\\n:KUBE-SERVICES - [0:0]\\n:KUBE-MARK-MASQ - [0:0]\\n'
                    	for n in $(seq 1500); do echo ":KUBE-SVC-$n - [0:0]"; done
                    	echo '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES'
                    	for n in $(seq 1500); do
                    		echo "-A KUBE-SERVICES -d 10.96.$((n / 250)).$((n % 250 + 1))/32 -p udp -m comment --comment \\"ns/svc-$n:dns drop 4789\\" -m udp --dport 53 -j KUBE-SVC-$n"
                    		echo "-A KUBE-SVC-$n ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ"
                    	done
                    	echo '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000'
                    	printf 'COMMIT\\n*filter\\n:KUBE-FIREWALL - [0:0]\\n'
                    	echo '-A INPUT -j KUBE-FIREWALL'
                    	echo '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP'
                    	echo '-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP'
                    	echo COMMIT
                    } | restore
                    """),
            host("nftables has tables with the names of iptables'", """
                    pair
                    nft_host <<-END
                    	table ip filter {
                    		set s { type ipv4_addr; elements = { 192.0.2.1 } }
                    		chain INPUT { type filter hook input priority filter; policy drop; ip saddr @s drop; udp dport { 53, 4789 } accept; }
                    	}
                    	table ip nat {
                    		map m { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.9 } }
                    		chain prerouting { type nat hook prerouting priority dstnat; dnat to tcp dport map @m; }
                    	}
                    END
                    """),
            host("filters of netdev, bridge and arp", """
                    pair
                    idle 4097
                    nft_host <<-END
                    	table netdev edge {
                    		chain in { type filter hook ingress device w1 priority 0; policy accept; udp dport 9 counter drop; }
                    	}
                    	table bridge b {
                    		chain f { type filter hook forward priority 0; policy drop; }
                    	}
                    	table arp a {
                    		chain i { type filter hook input priority 0; policy accept; }
                    	}
                    END
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("packets that conntrack calls invalid are dropped", """
                    pair
                    idle 4097
                    wrong $h-peer 9
                    nft_host <<<'table inet fw { chain in { type filter hook input priority 0; ct state invalid counter drop; ct state new counter; }; }'
                    datagrams $h-peer 10.0.0.2 9
                    """),
            host("a router with NAT", """
                    pair
                    idle 4097
                    host sysctl -qw net.ipv4.ip_forward=1
                    ip -n $h addr add 10.0.3.2/24 dev w2
                    nft_host <<-END
                    	table ip onetoone {
                    		chain in { type nat hook prerouting priority dstnat; ip daddr 10.0.0.50 dnat to 10.0.3.50; }
                    		chain out { type nat hook postrouting priority srcnat; ip saddr 10.0.3.0/24 masquerade; }
                    	}
                    END
                    ip -n $h neigh add 10.0.3.50 lladdr 02:00:00:00:00:50 dev w2 nud permanent
                    ip -n $h addr add 10.0.0.50/32 dev w1
                    datagrams $h-peer 10.0.0.50 4789
                    """),
            // Counters that rise.
            host("datagrams to a closed port", "pair\nidle 4097\ndatagrams $h-peer 10.0.0.2 4790\n"),
            host("wrong checksums of others", """
                    pair
                    idle 4097
                    process 514
                    wrong $h-peer 514
                    datagrams $h-peer 10.0.0.2 514
                    """),
            host(
                    "a socket that is full",
                    "pair\nidle 4097\nprocess 5353\nhost sysctl -qw net.ipv4.udp_rmem_min=256\ndatagrams $h-peer 10.0.0.2 5353\n"),
            host(
                    "fragments that come whole",
                    "pair\nidle 4097\nip -n $h-peer link set w0 mtu 1500\npings $h-peer 10.0.0.2 -s 4000\n"),
            host("fragments of others, of which some are missing", """
                    pair
                    idle 4097
                    ip -n $h-peer link set w0 mtu 1500
                    host sysctl -qw net.ipv4.ipfrag_time=1
                    peer nft -f - <<-END
                    	table netdev lost {
                    		chain out { type filter hook egress device w0 priority 0; ip frag-off & 0x1fff != 0 drop; }
                    	}
                    END
                    pings $h-peer 10.0.0.2 -s 4000
                    sleep 1
                    """).warns("fragments-lost"),
            host(
                    "a process on the port of VXLAN, and no overlay",
                    "pair\nprocess 4789\ndatagrams $h-peer 10.0.0.2 4789\n"),
            // tc.
            host("qdiscs and filters of tc", """
                    pair
                    idle 4097
                    tc -n $h qdisc add dev w1 root handle 1: htb default 10
                    tc -n $h class add dev w1 parent 1: classid 1:10 htb rate 1gbit
                    tc -n $h qdisc add dev w1 ingress
                    tc -n $h filter add dev w1 parent ffff: protocol ip pref 1 u32 match ip protocol 17 0xff classid 1:1
                    """),
            host("tcx program of somebody else", "pair\nidle 4097\n").beside(HealthyHostsTest::foreign),
            // Docker.
            swarm(
                    "Docker without a Swarm",
                    "pair\n",
                    "{\"ServerVersion\": \"29.1.3\", \"Swarm\": {\"LocalNodeState\": \"inactive\"}}",
                    "[]"),
            swarm(
                    "a worker without encrypted networks",
                    "pair\noverlay 4097 4789\n",
                    "{\"ServerVersion\": \"28.5.2\", \"Swarm\": {\"LocalNodeState\": \"active\", \"NodeAddr\": \"10.0.0.2\"}}",
                    "[{\"Name\": \"ingress\", \"Options\": {\"com.docker.network.driver.overlay.vxlanid_list\": \"4097\"}}]"),
            swarm(
                    "a manager behind a NAT that knows an encrypted network and has no container in it",
                    "pair\noverlay 4096 4789\n",
                    "{\"ServerVersion\": \"28.5.2\", \"Swarm\": {\"LocalNodeState\": \"active\", \"NodeAddr\": \"203.0.113.9\","
                            + " \"Cluster\": {\"DataPathPort\": 4789}}}",
                    NETWORK),
            swarm(
                    "a manager with another data path port",
                    "pair\nvtep $h 2 1 4097 7789 10.0.0.\nbridge -n $h-box fdb flush dev vxlan0\nprocess 4789\n",
                    "{\"ServerVersion\": \"28.5.2\", \"Swarm\": {\"LocalNodeState\": \"active\", \"NodeAddr\": \"10.0.0.2\","
                            + " \"Cluster\": {\"DataPathPort\": 7789}}}",
                    NETWORK),
            host("an engine that answers nonsense", "pair\n")
                    .docker(path -> "<html>")
                    .warns("counters"),
            host("an engine that hangs", "pair\n").docker(path -> null).warns("counters"),
            host("an engine that is slow", "pair\n").docker(HealthyHostsTest::slowly),
            // csumbpf itself.
            host("attached by tcx", "pair\nidle 4097\npings $h-peer 10.0.0.2\n")
                    .beside(lab -> attached(lab, "w1", "--vni", "4097", "--hook", "tcx")),
            host("attached by clsact, with a filter of somebody else behind", """
                    pair
                    overlay 4097 4789
                    tc -n $h qdisc add dev w1 clsact
                    tc -n $h filter add dev w1 ingress pref 50000 protocol ip u32 match u32 0 0
                    """)
                    .beside(lab -> attached(lab, "w1", "--vni", "4098", "--hook", "clsact")),
            host(
                            "attached for all VNIs, without the backstop, beside an overlay in plaintext",
                            "pair\noverlay 4097 4789\n")
                    .beside(lab -> attached(lab, "w1", "--unverified", "--backstop", "never")),
            host("attached for IPv6, with the detour", "pair6\noverlay 4097 4789 fd00::\n")
                    .beside(lab -> attached(lab, "w1", "--vni", "4098", "--backstop", "always")),
            host("attached to two devices", "pair\n").beside(lab -> {
                attached(lab, "w1");
                return attached(lab, "w2", "--mode", "observe");
            }),
            host("attached, and serve runs", "pair\nidle 4097\n").beside(lab -> {
                attached(lab, "w1");
                return new ServeProcess(lab);
            }),
            swarm(
                            "the agent runs",
                            "pair\nidle 4097\n",
                            "{\"Swarm\": {\"LocalNodeState\": \"active\", \"NodeAddr\": \"10.0.0.2\"}}",
                            NETWORK)
                    .beside(lab -> ServeProcess.agent(
                            lab,
                            "--docker",
                            HealthyHostsTest.folder.resolve(lab.name).toString())));

    /** Hosts that differ in mounts and programs. Each ends with doctor's JSON. */
    private static final List<Healthy> WORLDS = List.of(
            host("bpffs is not mounted", "add n\numount /sys/fs/bpf\ncsumbpf --netns n --json doctor --seconds 1\n"),
            host("no iptables", """
                    add n
                    touch /run/none
                    for program in /usr/sbin/*tables*-save; do mount --bind /run/none $(readlink -f $program); done
                    csumbpf --netns n --json doctor --seconds 1
                    """),
            host("no libnftables", """
                    add n
                    touch /run/none
                    for library in $(ldconfig -p | sed -n 's/.*libnftables.so.1 .*=> //p'); do mount --bind /run/none $library; done
                    csumbpf --netns n --json doctor --seconds 1
                    """).warns("counters"),
            host("the caller's own namespace, without Docker", """
                    ip link set lo up
                    csumbpf --json doctor --seconds 1
                    """),
            host("files that were namespaces", """
                    add n
                    touch /run/netns/stale
                    mkdir -p /run/docker/netns /run/netns/folder
                    touch /run/docker/netns/1-stale
                    ln -s /nosuch /run/netns/dangling
                    csumbpf --netns n --json doctor --seconds 1
                    """),
            host("ESP is forbidden, and nothing is encrypted", """
                    add n
                    mkdir -p /run/modprobe.d
                    printf 'install esp4 /bin/false\\ninstall esp6 /bin/false\\nblacklist esp4\\n' >/run/modprobe.d/hardening.conf
                    csumbpf --netns n --json doctor --seconds 1
                    """),
            host("ESP is forbidden, and no container of an encrypted network is here", """
                    add n
                    mkdir -p /run/modprobe.d
                    echo 'install esp4 /bin/false' >/run/modprobe.d/hardening.conf
                    ip netns exec n nft -f - <<END
                    table ip docker-overlay {
                    	set encrypted-vnis { typeof @th,96,24; elements = { 77 } }
                    	chain enc-in {
                    		type filter hook input priority raw;
                    		meta secpath missing udp dport 4789 @th,96,24 @encrypted-vnis counter drop
                    	}
                    }
                    END
                    csumbpf --netns n --json doctor --seconds 1
                    """)
                    .warns("esp-module-disabled"));

    @TempDir
    private static Path folder;

    private static final Map<Healthy, Future<Shell.Result>> RESULTS = new HashMap<>();
    private static ExecutorService threads;

    /** Several at a time, because most of what each takes is waiting. */
    @BeforeAll
    static void begin() {
        threads = Executors.newFixedThreadPool(6);
        HOSTS.forEach(host -> RESULTS.put(host, threads.submit(() -> examine(host))));
        WORLDS.forEach(host -> RESULTS.put(host, threads.submit(() -> PrivateWorld.run(host.script()))));
    }

    @AfterAll
    static void end() {
        threads.shutdownNow();
    }

    static List<Healthy> hosts() {
        return HOSTS;
    }

    static List<Healthy> worlds() {
        return WORLDS;
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource({"hosts", "worlds"})
    void hasNoError(Healthy host) throws Exception {
        Shell.Result result = RESULTS.get(host).get();
        assertThat(result.err()).as(result.out()).doesNotContain("\tat ").isEmpty();
        JsonNode findings = Host.parse(result.out()).get("findings");
        assertThat(ids(findings, "error")).as(findings.toPrettyString()).isEmpty();
        assertThat(ids(findings, "warning")).as(findings.toPrettyString()).containsExactlyElementsOf(host.warnings());
        assertThat(result.code()).isZero();
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

    private static Shell.Result examine(Healthy host) throws Exception {
        try (Lab lab = new Lab(false)) {
            try {
                script(lab, PRELUDE + host.script()).ok();
                Path socket = folder.resolve(lab.name);
                try (AutoCloseable docker = host.docker() == null ? () -> {} : new FakeDocker(socket, host.docker());
                        AutoCloseable beside = host.beside().apply(lab)) {
                    return lab.csumbpf("--json", "doctor", "--seconds", "1", "--docker", socket.toString());
                }
            } finally {
                script(lab, TAKE_DOWN);
            }
        }
    }

    private static Shell.Result script(Lab lab, String script) {
        return Shell.run("bash", "-c", "h=" + lab.name + "\n" + script);
    }

    private static AutoCloseable attached(Lab lab, String... arguments) {
        lab.csumbpf(Shell.join(new String[] {"attach"}, arguments)).ok();
        return () -> {};
    }

    private static AutoCloseable foreign(Lab lab) {
        var program = Lab.load(Lab.foreign());
        int ifindex = lab.ifindex("w1");
        TcxLink link = lab.call(() -> TcxLink.attachFirst(program, ifindex));
        return () -> {
            link.close();
            program.close();
        };
    }

    private static String slowly(String path) {
        try {
            Thread.sleep(700);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return path.equals("/info")
                ? "{\"Swarm\": {\"LocalNodeState\": \"active\", \"NodeAddr\": \"10.0.0.2\"}}"
                : "[]";
    }
}
