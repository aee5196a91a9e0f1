#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lab.sh up|down|exec HOST COMMAND...: three hosts in network namespaces, as Docker Swarm's encrypted overlay sees them:
#
#   a (public)                    nat (1:1)                        b (private)
#   203.0.113.2  ------ 203.0.113.1 | 10.99.0.1 ------ 10.99.0.2, known outside as 203.0.113.10
#   10.0.9.1 in VXLAN                                      10.0.9.2 in VXLAN
#
# VXLAN with UDP checksums, ESP in transport mode, marked and policed by the iptables rules that Docker makes. Runs as root
# in a virtual machine with virtio-net cards (LINK=virtio: tests/vm/run --links 2), or on any kernel with ESP on veth
# pairs (LINK=veth). The names of the hosts are a, nat and b; their namespaces are csumbpf-a, csumbpf-nat, csumbpf-b.
set -euo pipefail

LINK=${LINK:-virtio}
VNI=${VNI:-4109}
PORT=${PORT:-4789}
OVERLAY_MTU=${OVERLAY_MTU:-1424}
# The number that Docker uses for mark and reqid: 0xd0c4e3.
REQID=13681891
KEY=0x0102030405060708090a0b0c0d0e0f1011121314
SPI_TO_A=0x1001
SPI_TO_B=0x1002
A_OUTER=203.0.113.2 B_OUTER=10.99.0.2 B_PUBLIC=203.0.113.10

fail() { echo "lab.sh: $*" >&2; exit 1; }

# Not 'ip netns exec': it hides /sys/fs/bpf.
in_host() {
	local host=$1
	shift
	nsenter --net="/run/netns/csumbpf-$host" -- "$@"
}

card() { # link end -> device name
	local address
	for address in /sys/class/net/*/address; do
		if [ "$(cat "$address")" = "52:54:00:00:0$1:0$2" ]; then
			basename "$(dirname "$address")"
			return
		fi
	done
	fail "no virtio-net card $1/$2; start the VM with --links 2"
}

# give LINK END HOST NAME: the end of a link becomes an interface of a host.
give() {
	local device
	if [ "$LINK" = virtio ]; then
		device=$(card "$1" "$2")
	else
		device=csl$1e$2
		[ -e "/sys/class/net/$device" ] || ip link add "$device" type veth peer name "csl$1e$((3 - $2))"
	fi
	ip link set "$device" netns "csumbpf-$3" name "$4"
	in_host "$3" ip link set "$4" up
	if [ "$LINK" = veth ]; then
		# A veth takes the GRO path only with GRO here and whole segments from the other end.
		in_host "$3" ethtool -K "$4" gro on tso off tx off >/dev/null
	fi
}

esp() { # host local remote spi-out spi-in
	local algorithm="rfc4106(gcm(aes))"
	in_host "$1" ip xfrm state add src "$2" dst "$3" proto esp spi "$4" reqid $REQID mode transport replay-window 0 \
		aead "$algorithm" $KEY 64
	in_host "$1" ip xfrm state add src "$3" dst "$2" proto esp spi "$5" reqid $REQID mode transport replay-window 0 \
		aead "$algorithm" $KEY 64
	in_host "$1" ip xfrm policy add src "$2" dst "$3" proto udp dport "$PORT" mark $REQID dir out \
		tmpl src "$2" dst "$3" proto esp reqid $REQID mode transport
	local vni_match="0>>22&0x3C@12&0xFFFFFF00=$((VNI << 8))"
	in_host "$1" iptables -t mangle -A OUTPUT -p udp --dport "$PORT" -m u32 --u32 "$vni_match" -j MARK --set-mark $REQID
	in_host "$1" iptables -A INPUT -p udp --dport "$PORT" -m policy --dir in --pol none -m u32 --u32 "$vni_match" -j DROP
}

overlay() { # host inner-address remote
	in_host "$1" ip link add vxlan0 mtu "$OVERLAY_MTU" type vxlan id "$VNI" dstport "$PORT" nolearning udpcsum
	in_host "$1" bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst "$3"
	in_host "$1" ip addr add "$2/24" dev vxlan0
	in_host "$1" ip link set vxlan0 up
}

up() {
	local host module
	for module in esp4 vxlan xt_u32 xt_policy xt_mark nft_chain_nat nft_nat; do
		modprobe -q "$module" || true # built in, or missed by name below
	done
	for host in a nat b; do
		ip netns add "csumbpf-$host"
		in_host $host ip link set lo up
		# Nothing but the test's own packets, please.
		in_host $host sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
	done
	give 1 1 a eth0
	give 1 2 nat eth0
	give 2 1 nat eth1
	give 2 2 b eth0

	in_host a ip addr add $A_OUTER/24 dev eth0
	in_host a ip route add $B_PUBLIC via 203.0.113.1
	in_host nat ip addr add 203.0.113.1/24 dev eth0
	in_host nat ip addr add 10.99.0.1/24 dev eth1
	in_host b ip addr add $B_OUTER/24 dev eth0
	in_host b ip route add default via 10.99.0.1
	in_host nat sysctl -qw net.ipv4.ip_forward=1
	in_host nat nft -f - <<-END
		table ip onetoone {
			chain in { type nat hook prerouting priority dstnat; ip daddr $B_PUBLIC dnat to $B_OUTER; }
			chain out { type nat hook postrouting priority srcnat; ip saddr $B_OUTER snat to $B_PUBLIC; }
		}
	END
	esp a $A_OUTER $B_PUBLIC $SPI_TO_B $SPI_TO_A
	esp b $B_OUTER $A_OUTER $SPI_TO_A $SPI_TO_B
	overlay a 10.0.9.1 $B_PUBLIC
	overlay b 10.0.9.2 $A_OUTER
}

down() {
	local host
	for host in a nat b; do
		ip netns del "csumbpf-$host" 2>/dev/null || true
	done
}

case ${1-} in
up) up ;;
down) down ;;
exec) shift; in_host "$@" ;;
*) fail "usage: lab.sh up|down|exec a|b|nat COMMAND..." ;;
esac
