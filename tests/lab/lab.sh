#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lab.sh up|down|exec HOST COMMAND...: three hosts in network namespaces, like those of a Docker Swarm with an encrypted
# overlay:
#
#   a (public)                    nat (1:1)                        b (private)
#   203.0.113.2  ------ 203.0.113.1 | 10.99.0.1 ------ 10.99.0.2, known outside as 203.0.113.10
#   10.0.9.1 in VXLAN                                      10.0.9.2 in VXLAN
#
# VXLAN with UDP checksums in ESP in transport mode, marked and policed by the rules that Docker makes. Runs as root in
# a virtual machine with virtio-net cards (LINK=virtio: tests/vm/run --links 2), or on any kernel with ESP on veth pairs
# (LINK=veth). The hosts are a, nat and b; their namespaces are csumbpf-a, csumbpf-nat and csumbpf-b.
#
# The environment varies the lab:
#   VNIS="4109 4110"      the n-th is device vxlan<n-1> with addresses 10.0.<9+n-1>.1 and .2
#   PORT=4789             the UDP port of VXLAN
#   OVERLAY_MTU=1424
#   FAMILY=4|6            of the outer headers; 6: NAT66 rewrites prefixes, 2001:db8:beef:: outside, fd00:99:: inside.
#                         Their sums differ, because equal sums would leave the checksum right
#   NAT=b|both            both: a is behind the NAT, too; its public address is 198.51.100.10 or 2001:db8:a::2
#   UNDERLAY=plain|vlan|bond|wireguard|gre|ipip|sit|ip6tnl|ip6gre|ppp|ovs
#                         the device between nat and b that has their addresses: a card, its VLAN 100, a bond of two
#                         cards that take turns (tests/vm/run --links 3), or the tunnel tunnel0. ovs: b's address is on
#                         br0, a bridge of Open vSwitch whose port is the card
#   ENCAP=none|udp        udp: ESP in UDP, as for NAT traversal (RFC 3948)
#   REPLAY_WINDOW=0       of the SAs, packets
#   PATH_MTU=1500         MTU of the link behind the NAT; with FAMILY=6 of both links, because over IPv6 only senders
#                         fragment. ESP is fragmented if this is less than about OVERLAY_MTU + 76
#   GUARD=iptables|nft    Docker's rules: by iptables (u32), or the nftables table that engines make from 29.6 on
#   GRO=on|off            LINK=veth: whether ESP takes the GRO path
#   OVERLAY=lab|none      none: no ESP and no VXLAN, because Docker makes them (tests/swarm)
set -euo pipefail

LINK=${LINK:-virtio}
VNIS=${VNIS:-4109}
PORT=${PORT:-4789}
OVERLAY_MTU=${OVERLAY_MTU:-1424}
FAMILY=${FAMILY:-4}
NAT=${NAT:-b}
UNDERLAY=${UNDERLAY:-plain}
ENCAP=${ENCAP:-none}
REPLAY_WINDOW=${REPLAY_WINDOW:-0}
PATH_MTU=${PATH_MTU:-1500}
GUARD=${GUARD:-iptables}
GRO=${GRO:-on}
OVERLAY=${OVERLAY:-lab}
# Docker's number for mark and reqid: 0xd0c4e3.
REQID=13681891
KEY=0x0102030405060708090a0b0c0d0e0f1011121314
SPI_TO_A=0x1001
SPI_TO_B=0x1002
HOLDERS=/run/csumbpf-lab.holders

. "$(dirname "$(readlink -f "$0")")/limit.sh"

fail() { echo "lab.sh: $*" >&2; exit 1; }

# OUTER: the address on the host itself; PUBLIC: the one that the other host uses; GATEWAY: that of nat on this link.
case $FAMILY/$NAT in
4/b) A_OUTER=203.0.113.2 A_PUBLIC=203.0.113.2 A_GATEWAY=203.0.113.1 ;;
4/both) A_OUTER=10.98.0.2 A_PUBLIC=198.51.100.10 A_GATEWAY=10.98.0.1 ;;
6/b) A_OUTER=2001:db8:a::2 A_PUBLIC=2001:db8:a::2 A_GATEWAY=2001:db8:a::1 ;;
6/both) A_OUTER=fd00:98::2 A_PUBLIC=2001:db8:a::2 A_GATEWAY=fd00:98::1 ;;
*) fail "FAMILY is 4 or 6, NAT is b or both" ;;
esac
case $FAMILY in
4) B_OUTER=10.99.0.2 B_PUBLIC=203.0.113.10 B_GATEWAY=10.99.0.1 PREFIX=24 IPTABLES=iptables NFT_FAMILY=ip ;;
6) B_OUTER=fd00:99::2 B_PUBLIC=2001:db8:beef::2 B_GATEWAY=fd00:99::1 PREFIX=64 IPTABLES=ip6tables NFT_FAMILY=ip6 ;;
esac

# Not 'ip netns exec', because that hides /sys/fs/bpf.
in_host() {
	local host=$1
	shift
	nsenter --net="/run/netns/csumbpf-$host" -- "$@"
}

# Starting a process takes 30 ms on an emulated machine, so the script starts few: give, enslave, address, esp, overlay
# and encrypted print lines for 'ip -batch', and one shell configures each host, all three at once.

card() { # link end; sets device
	local file address
	for file in /sys/class/net/*/address; do
		# Meanwhile 'ip' moves the cards that were found before.
		{ read -r address <"$file"; } 2>/dev/null || continue
		if [ "$address" = "52:54:00:00:0$1:0$2" ]; then
			device=${file%/address}
			device=${device##*/}
			return
		fi
	done
	fail "no virtio-net card $1/$2; start the VM with --links 2 (3 for a bond)"
}

# give LINK END HOST NAME: gives the end of a link to a host as an interface.
give() {
	local device=csl$1e$2
	if [ "$LINK" = virtio ]; then
		card "$1" "$2"
		# Undoes what the last lab may have left.
		echo "link set $device mtu 1500 xdpgeneric off"
		ethtool -K "$device" gro on >/dev/null
	elif [ "$2" = 1 ]; then
		echo "link add $device type veth peer name csl$1e2"
	fi
	echo "link set $device netns csumbpf-$3 name $4"
}

enslave() { # devices of bond0
	local device
	echo "link add bond0 type bond mode balance-rr miimon 100"
	for device; do
		echo "link set $device down"
		echo "link set $device master bond0"
	done
}

# address DEVICE ADDRESS
address() {
	echo "link set $1 up"
	echo "addr add $2/$PREFIX dev $1$([ "$FAMILY" = 4 ] || echo " nodad")"
}

esp() { # local remote spi-out spi-in
	local aead="rfc4106(gcm(aes))" encap=
	[ "$ENCAP" = none ] || encap="encap espinudp 4500 4500 $([ "$FAMILY" = 4 ] && echo 0.0.0.0 || echo ::)"
	cat <<-END
		xfrm state add src $1 dst $2 proto esp spi $3 reqid $REQID mode transport replay-window $REPLAY_WINDOW aead $aead $KEY 64 $encap
		xfrm state add src $2 dst $1 proto esp spi $4 reqid $REQID mode transport replay-window $REPLAY_WINDOW aead $aead $KEY 64 $encap
		xfrm policy add src $1 dst $2 proto udp dport $PORT mark $REQID dir out tmpl src $1 dst $2 proto esp reqid $REQID mode transport
	END
}

# Opens a socket as IKE daemons do (UDP_ENCAP, UDP_ENCAP_ESPINUDP), on which the kernel decapsulates ESP in UDP.
take_esp_out_of_udp() {
	/usr/bin/python3 -c 'import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
s.bind(("0.0.0.0", 4500))
signal.pause()' >/dev/null 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
}

overlay() { # local remote end
	local vni n=0
	for vni in $VNIS; do
		cat <<-END
			link add vxlan$n mtu $OVERLAY_MTU type vxlan id $vni dstport $PORT local $1 remote $2 nolearning udpcsum
			addr add 10.0.$((9 + n)).$3/24 dev vxlan$n
			link set vxlan$n up
		END
		n=$((n + 1))
	done
}

# Docker's rules: encrypt packets with these VNIs, and drop them if they arrive unencrypted.
guard() {
	local vni header
	if [ "$GUARD" = nft ]; then
		nft -f - <<-END
			table $NFT_FAMILY docker-overlay {
				set encrypted-vnis { typeof @th,96,24; elements = { ${VNIS// /, } } }
				chain enc-out {
					type route hook output priority mangle;
					udp dport $PORT @th,96,24 @encrypted-vnis counter meta mark set $REQID
				}
				chain enc-in {
					type filter hook input priority raw;
					meta secpath missing udp dport $PORT @th,96,24 @encrypted-vnis counter drop
				}
			}
		END
		return
	fi
	# The VNI is at offset 4 after the IP header and the 8 bytes of UDP's.
	header="0>>22&0x3C@12"
	[ "$FAMILY" = 4 ] || header=52
	{
		echo "*mangle"
		for vni in $VNIS; do
			echo "-A OUTPUT -p udp --dport $PORT -m u32 --u32 $header&0xFFFFFF00=$((vni << 8)) -j MARK --set-mark $REQID"
		done
		echo COMMIT
		echo "*filter"
		for vni in $VNIS; do
			echo "-A INPUT -p udp --dport $PORT -m policy --dir in --pol none -m u32 --u32 $header&0xFFFFFF00=$((vni << 8)) -j DROP"
		done
		echo COMMIT
	} | "$IPTABLES-restore" --noflush
}

# The devices between nat and b that have the addresses.
inside=eth1 outside=eth0
case $UNDERLAY in
vlan) inside=eth1.100 outside=eth0.100 ;;
bond) inside=bond0 outside=bond0 ;;
wireguard | gre | ipip | sit | ip6tnl | ip6gre | ppp) inside=tunnel0 outside=tunnel0 ;;
ovs) outside=br0 ;;
esac

up() {
	local host modules=(vxlan xt_u32 xt_policy xt_mark nft_chain_nat nft_nat) hosts=()
	if [ "$FAMILY" = 4 ]; then modules+=(esp4); else modules+=(esp6); fi
	modprobe -qa "${modules[@]}" || true # built in, or an error below names it
	[ "$UNDERLAY" != bond ] || modprobe -q bonding max_bonds=0
	case $UNDERLAY in
	wireguard | ipip) modprobe -q $UNDERLAY || true ;;
	gre) modprobe -q ip_gre || true ;;
	sit) modprobe -q sit || true ;;
	ip6tnl) modprobe -q ip6_tunnel || true ;;
	ip6gre) modprobe -q ip6_gre || true ;;
	ppp) modprobe -qa ppp_generic ppp_async || true ;;
	ovs) modprobe -q openvswitch || true ;;
	esac
	printf 'netns add csumbpf-%s\n' a nat b | ip -batch -
	{
		give 1 1 a eth0
		give 1 2 nat eth0
		give 2 1 nat eth1
		give 2 2 b eth0
		if [ "$UNDERLAY" = bond ]; then
			give 3 1 nat eth2
			give 3 2 b eth1
		fi
	} | ip -batch -
	for host in a nat b; do
		in_host $host "$0" configure $host &
		hosts+=($!)
	done
	for host in "${hosts[@]}"; do wait "$host"; done
	# The cases count single packets, so each host must know its neighbours first. With -w, ping would end at the first error that
	# it gets: "address unreachable", if a busy machine was too slow for neighbour discovery.
	local end=$((SECONDS + $(limit 60)))
	until in_host a ping -q -c 1 -W 2 $B_PUBLIC >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "b does not answer to a"
		sleep 0.2
	done
}

# The private key of an end of the WireGuard tunnel, 32 bytes. It is constant, because nothing here is secret.
wireguard_key() { printf 'csumbpf-lab-end-%016d' "$1" | base64; }

# tunnel CARD OWN OTHER: makes the device tunnel0 from this end of the link to the other one.
tunnel() {
	case $UNDERLAY in
	ppp) ppp "$2"; return ;;
	wireguard | gre | ipip | sit | ip6tnl | ip6gre) ;;
	*) return 0 ;;
	esac
	ip link set "$1" up
	ip addr add "172.31.0.$2/24" dev "$1"
	if [ "$UNDERLAY" = ip6tnl ] || [ "$UNDERLAY" = ip6gre ]; then
		# The tunnel's own addresses are IPv6, whatever it carries.
		echo 0 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
		ip addr add "fd00:31::$2/64" dev "$1" nodad
		ip link add tunnel0 type "$UNDERLAY" $([ "$UNDERLAY" = ip6gre ] || echo mode any) \
			local "fd00:31::$2" remote "fd00:31::$3" hoplimit 64 encaplimit none
	elif [ "$UNDERLAY" = wireguard ]; then
		ip link add tunnel0 type wireguard
		wireguard_key "$2" >"/run/csumbpf-lab.key$2" # in a file, because not every guest has /dev/fd
		wg set tunnel0 listen-port 51820 private-key "/run/csumbpf-lab.key$2" peer "$(wireguard_key "$3" | wg pubkey)" \
			allowed-ips 0.0.0.0/0,::/0 endpoint "172.31.0.$3:51820"
	else
		ip link add tunnel0 type "$UNDERLAY" local "172.31.0.$2" remote "172.31.0.$3" ttl 64
	fi
}

# unpacked PACKAGE PROGRAM [ARGUMENT...]: a program of a package that is not installed, on the libraries that it was unpacked with.
unpacked() {
	local tree lib
	tree=$("$(dirname "$0")/fetch-package" "$1" "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')")
	lib=$(echo "$tree"/usr/lib/*-linux-gnu)
	OVS_PKGDATADIR=$tree/usr/share/openvswitch \
		exec "$lib"/ld-linux-*.so.? --library-path "$lib" "$tree/usr/$2" "${@:3}"
}

# ppp END: the device tunnel0 by PPP, over a pseudo-terminal between the two hosts. The pppd of END 1 starts that of the other host.
PPP_OPTIONS="ifname tunnel0 noauth local nodefaultroute noccp novj noipv6 asyncmap 0"
ppp() {
	local end=$((SECONDS + $(limit 60)))
	if [ "$1" = 1 ]; then
		# shellcheck disable=SC2086
		(unpacked ppp sbin/pppd $PPP_OPTIONS nodetach 172.31.0.1:172.31.0.2 \
			pty "nsenter --net=/run/netns/csumbpf-b -- '$0' pppd") >/run/csumbpf-lab.pppd.log 2>&1 </dev/null &
		echo $! >>"$HOLDERS"
	fi
	until [ -n "$(ip -o link show dev tunnel0 up 2>/dev/null)" ]; do
		[ $SECONDS -lt $end ] || fail "no PPP: $(tail -n 3 /run/csumbpf-lab.pppd.log)"
		sleep 0.1
	done
}

OVS_STATE=/run/csumbpf-lab.ovs
ovs() { # PROGRAM [ARGUMENT...]
	export OVS_RUNDIR=$OVS_STATE OVS_LOGDIR=$OVS_STATE OVS_DBDIR=$OVS_STATE
	unpacked openvswitch-switch "$@"
}

ovs_bridge() { # CARD
	[ "$UNDERLAY" = ovs ] || return 0
	local database=unix:$OVS_STATE/db.sock
	mkdir -p $OVS_STATE
	(ovs bin/ovsdb-tool create)
	(ovs sbin/ovsdb-server --remote="p$database") >$OVS_STATE/ovsdb-server.log 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
	(ovs bin/ovs-vsctl --db=$database --retry --no-wait init)
	(ovs lib/openvswitch-switch/ovs-vswitchd $database) >$OVS_STATE/ovs-vswitchd.log 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
	ip link set "$1" up
	(ovs bin/ovs-vsctl --db=$database --timeout="$(limit 60)" add-br br0 -- add-port br0 "$1")
}

# 'up' runs this in the host's network namespace.
configure() { # host
	local device
	# Only the tests' own packets may be sent.
	if [ "$FAMILY" = 4 ] && [ -e /proc/sys/net/ipv6 ]; then
		echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	fi
	if [ "$LINK" = veth ] && [ "$GRO" = on ]; then
		# A veth uses the GRO path only if GRO is on here and the other end sends whole segments.
		for device in eth0 eth1; do
			[ ! -e "/proc/sys/net/ipv4/conf/$device" ] || ethtool -K $device gro on tso off tx off >/dev/null
		done
	fi
	"configure_$1"
}

configure_a() {
	{
		echo link set lo up
		if [ "$FAMILY" = 6 ] && [ "$PATH_MTU" != 1500 ]; then echo "link set eth0 mtu $PATH_MTU"; fi
		address eth0 $A_OUTER
		echo "route add $B_PUBLIC via $A_GATEWAY" # IPv4: in a's own subnet, but the NAT answers no ARP for it
		encrypted $A_OUTER $B_PUBLIC $SPI_TO_B $SPI_TO_A 1
	} | ip -batch -
	protect
}

configure_b() {
	tunnel eth0 2 1
	ovs_bridge eth0
	{
		echo link set lo up
		case $UNDERLAY in
		vlan)
			echo link set eth0 up
			echo link add link eth0 name $outside type vlan id 100
			;;
		bond) enslave eth0 eth1 ;;
		esac
		[ "$PATH_MTU" = 1500 ] || echo "link set $outside mtu $PATH_MTU"
		address $outside $B_OUTER
		echo "route add default via $B_GATEWAY"
		encrypted $B_OUTER $A_PUBLIC $SPI_TO_A $SPI_TO_B 2
	} | ip -batch -
	protect
}

encrypted() { # local remote spi-out spi-in end
	[ "$OVERLAY" = lab ] || return 0
	esp "$1" "$2" "$3" "$4"
	overlay "$1" "$2" "$5"
}

protect() {
	[ "$OVERLAY" = lab ] || return 0
	guard
	[ "$ENCAP" = none ] || take_esp_out_of_udp
}

configure_nat() {
	if [ "$FAMILY" = 4 ]; then
		echo 1 >/proc/sys/net/ipv4/ip_forward
	else
		echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
	fi
	tunnel eth1 1 2
	# One rule for each direction and host; for IPv6 the rules rewrite the prefix. All rules must exist before the first
	# packet: a connection that began with half of the rules keeps to these, and the other host's packets collide with it
	# and are dropped.
	one_to_one "$A_OUTER" "$A_PUBLIC"
	one_to_one "$B_OUTER" "$B_PUBLIC"
	{
		echo link set lo up
		case $UNDERLAY in
		vlan)
			echo link set eth1 up
			echo link add link eth1 name $inside type vlan id 100
			;;
		bond) enslave eth1 eth2 ;;
		esac
		if [ "$PATH_MTU" != 1500 ]; then
			echo "link set $inside mtu $PATH_MTU"
			[ "$FAMILY" = 4 ] || echo "link set eth0 mtu $PATH_MTU"
		fi
		address eth0 $A_GATEWAY
		address $inside $B_GATEWAY
	} | ip -batch -
}

one_to_one() { # inside outside
	[ "$1" != "$2" ] || return 0
	if [ "$FAMILY" = 4 ]; then
		nft -f - <<-END
			table ip onetoone {
				chain in { type nat hook prerouting priority dstnat; }
				chain out { type nat hook postrouting priority srcnat; }
			}
			add rule ip onetoone in ip daddr $2 dnat to $1
			add rule ip onetoone out ip saddr $1 snat to $2
		END
	else
		nft -f - <<-END
			table ip6 onetoone {
				chain in { type nat hook prerouting priority dstnat; }
				chain out { type nat hook postrouting priority srcnat; }
			}
			add rule ip6 onetoone in dnat ip6 prefix to ip6 daddr map { ${2%::*}::/64 : ${1%::*}::/64 }
			add rule ip6 onetoone out snat ip6 prefix to ip6 saddr map { ${1%::*}::/64 : ${2%::*}::/64 }
		END
	fi
}

down() {
	local host pid
	if [ -S $OVS_STATE/db.sock ]; then
		# The kernel's datapath outlives the daemon and holds the card.
		in_host b "$0" ovs-down || true
	fi
	if [ -f $HOLDERS ]; then
		while read -r pid; do kill "$pid" 2>/dev/null || true; done <$HOLDERS
		rm -f $HOLDERS
	fi
	# On Linux 5.10 the socket of WireGuard would hold the namespace.
	if [ -d /sys/module/wireguard ]; then
		for host in nat b; do ip -n csumbpf-$host link del tunnel0 2>/dev/null || true; done
	fi
	rm -rf $OVS_STATE
	# After a failed "up" some of the namespaces do not exist.
	printf 'netns del csumbpf-%s\n' a nat b | ip -force -batch - 2>/dev/null || true
	[ "$LINK" = virtio ] || return 0
	# The cards return when the last reference to a namespace is gone.
	local end=$((SECONDS + $(limit 60))) cards=(/sys/bus/virtio/drivers/virtio_net/virtio*)
	while [ $SECONDS -le $end ]; do
		if [ "$(cat /sys/class/net/*/address 2>/dev/null | grep -c '^52:54:00:00:0')" = ${#cards[@]} ]; then return 0; fi
		sleep 0.1
	done
	echo "lab.sh: a namespace is still in use; threads that are not in this one:" >&2
	local task own
	own=$(readlink /proc/self/ns/net)
	for task in /proc/[0-9]*/task/*; do
		[ "$(readlink "$task/ns/net" || true)" = "$own" ] || echo "$task $(cat "$task/comm")" >&2
	done
	return 1
}

case ${1-} in
up) up ;;
down) down ;;
configure) configure "$2" ;;
pppd)
	# shellcheck disable=SC2086
	unpacked ppp sbin/pppd $PPP_OPTIONS notty
	;;
ovs-down) ovs bin/ovs-vsctl --db=unix:$OVS_STATE/db.sock --timeout="$(limit 60)" del-br br0 ;;
exec) shift; in_host "$@" ;;
*) fail "usage: lab.sh up|down|exec a|b|nat COMMAND..." ;;
esac
