#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lab.sh up|down|encrypt|associate|break ID|mend ID|exec HOST COMMAND...: three hosts in network namespaces, like those of a
# Docker Swarm with an encrypted overlay. For break and mend see break.sh.
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
#   NAT=b|both|none       both: a is behind the NAT, too; its public address is 198.51.100.10 or 2001:db8:a::2. none: nat
#                         only routes
#   DEVICES=plain|docker  the VXLAN devices. docker: as Docker makes them, with learning and permanent entries for the other
#                         end, so that packets of its MAC address are dropped if they come from another host
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
#   OVERLAY=lab|none      none: no ESP and no VXLAN, because Docker makes them (tests/swarm), or 'encrypt' does
#   B=namespace|host      host: b is this machine itself, the network namespace of process 1 (tests/systemd)
set -euo pipefail

LINK=${LINK:-virtio}
VNIS=${VNIS:-4109}
PORT=${PORT:-4789}
OVERLAY_MTU=${OVERLAY_MTU:-1424}
FAMILY=${FAMILY:-4}
NAT=${NAT:-b}
DEVICES=${DEVICES:-plain}
UNDERLAY=${UNDERLAY:-plain}
ENCAP=${ENCAP:-none}
REPLAY_WINDOW=${REPLAY_WINDOW:-0}
PATH_MTU=${PATH_MTU:-1500}
GUARD=${GUARD:-iptables}
GRO=${GRO:-on}
OVERLAY=${OVERLAY:-lab}
B=${B:-namespace}
HOLDERS=/run/csumbpf-lab.holders

fail() { echo "lab.sh: $*" >&2; exit 1; }

here=$(dirname "$(readlink -f "$0")")
. "$here/limit.sh"
. "$here/overlay.sh"
. "$here/underlay.sh"
. "$here/break.sh"

# OUTER: the address on the host itself; PUBLIC: the one that the other host uses; GATEWAY: that of nat on this link.
case $FAMILY/$NAT in
4/b | 4/none) A_OUTER=203.0.113.2 A_PUBLIC=203.0.113.2 A_GATEWAY=203.0.113.1 ;;
4/both) A_OUTER=10.98.0.2 A_PUBLIC=198.51.100.10 A_GATEWAY=10.98.0.1 ;;
6/b | 6/none) A_OUTER=2001:db8:a::2 A_PUBLIC=2001:db8:a::2 A_GATEWAY=2001:db8:a::1 ;;
6/both) A_OUTER=fd00:98::2 A_PUBLIC=2001:db8:a::2 A_GATEWAY=fd00:98::1 ;;
*) fail "FAMILY is 4 or 6, NAT is b, both or none" ;;
esac
case $FAMILY in
4) B_OUTER=10.99.0.2 B_PUBLIC=203.0.113.10 B_GATEWAY=10.99.0.1 PREFIX=24 IPTABLES=iptables NFT_FAMILY=ip ;;
6) B_OUTER=fd00:99::2 B_PUBLIC=2001:db8:beef::2 B_GATEWAY=fd00:99::1 PREFIX=64 IPTABLES=ip6tables NFT_FAMILY=ip6 ;;
esac
[ "$NAT" != none ] || B_PUBLIC=$B_OUTER

# Not 'ip netns exec', because that hides /sys/fs/bpf.
in_host() {
	local host=$1
	shift
	nsenter --net="/run/netns/csumbpf-$host" -- "$@"
}

# Starting a process takes 30 ms on an emulated machine, so the script starts few: give, stack, address and encrypted
# print lines for 'ip -batch', and one shell configures each host, all three at once.

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

# address DEVICE ADDRESS
address() {
	echo "link set $1 up"
	echo "addr add $2/$PREFIX dev $1$([ "$FAMILY" = 4 ] || echo " nodad")"
}

up() {
	# xfrm_user: while the first 'ip xfrm' loads it, the kernel refuses the connection of another namespace's (ECONNREFUSED).
	local host modules=(vxlan xt_u32 xt_policy xt_mark nft_chain_nat nft_nat xfrm_user) hosts=()
	if [ "$FAMILY" = 4 ]; then modules+=(esp4); else modules+=(esp6); fi
	modprobe -qa "${modules[@]}" || true # built in, or an error below names it
	underlay_modules
	printf 'netns add csumbpf-%s\n' a nat | ip -batch -
	if [ "$B" = host ]; then ip netns attach csumbpf-b 1; else ip netns add csumbpf-b; fi
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
	# The cases count single packets, so each host must know its neighbours first. With -w, ping would end at the first
	# error that it gets: "address unreachable", if a busy machine was too slow for neighbour discovery.
	local end=$((SECONDS + $(limit 60)))
	until in_host a ping -q -c 1 -W 2 $B_PUBLIC >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || fail "b does not answer to a"
		sleep 0.2
	done
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
	protect $B_PUBLIC 1
}

configure_b() {
	tunnel eth0 2 1
	ovs_bridge eth0
	{
		echo link set lo up
		stack eth0 eth1 $outside
		[ "$PATH_MTU" = 1500 ] || echo "link set $outside mtu $PATH_MTU"
		address $outside $B_OUTER
		echo "route add default via $B_GATEWAY"
		encrypted $B_OUTER $A_PUBLIC $SPI_TO_A $SPI_TO_B 2
	} | ip -batch -
	protect $A_PUBLIC 2
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
		stack eth1 eth2 $inside
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
				chain inbound { type nat hook prerouting priority dstnat; }
				chain outbound { type nat hook postrouting priority srcnat; }
			}
			add rule ip onetoone inbound ip daddr $2 dnat to $1
			add rule ip onetoone outbound ip saddr $1 snat to $2
		END
	else
		nft -f - <<-END
			table ip6 onetoone {
				chain inbound { type nat hook prerouting priority dstnat; }
				chain outbound { type nat hook postrouting priority srcnat; }
			}
			add rule ip6 onetoone inbound dnat ip6 prefix to ip6 daddr map { ${2%::*}::/64 : ${1%::*}::/64 }
			add rule ip6 onetoone outbound snat ip6 prefix to ip6 saddr map { ${1%::*}::/64 : ${2%::*}::/64 }
		END
	fi
}

# Makes ESP and VXLAN on a and b, after OVERLAY=none up.
encrypt() {
	encrypted $A_OUTER $B_PUBLIC $SPI_TO_B $SPI_TO_A 1 | in_host a ip -batch -
	encrypted $B_OUTER $A_PUBLIC $SPI_TO_A $SPI_TO_B 2 | in_host b ip -batch -
	in_host a "$0" protect $B_PUBLIC 1
	in_host b "$0" protect $A_PUBLIC 2
}

# The SAs and policies of a and b, as 'up' makes them. For tests that have removed them.
associate() {
	esp "$A_OUTER" "$B_PUBLIC" $SPI_TO_B $SPI_TO_A | in_host a ip -batch -
	esp "$B_OUTER" "$A_PUBLIC" $SPI_TO_A $SPI_TO_B | in_host b ip -batch -
}

down() {
	local host pid
	underlay_stop
	if [ -f $HOLDERS ]; then
		while read -r pid; do kill "$pid" 2>/dev/null || true; done <$HOLDERS
		rm -f $HOLDERS
	fi
	underlay_remove
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
encrypt) encrypt ;;
protect) protect "$2" "$3" ;; # called by encrypt
guard | forward) "$@" ;; # called by break.sh
break | mend) breakage "$1" "${2-}" ;;
associate) associate ;;
configure) configure "$2" ;;
pppd | ovs-down) underlay_command "$1" ;; # called by underlay.sh
exec) shift; in_host "$@" ;;
*) fail "usage: lab.sh up|down|encrypt|associate|break ID|mend ID|exec a|b|nat COMMAND..." ;;
esac
