# SPDX-License-Identifier: Apache-2.0
# What the benchmarks share; to be sourced. A subject is a way to deal with wrong checksums. Each has hosts of its own,
# all up at the same time and in all else alike, so that a round is a packet generator pointed at one subject after the
# other:
#
#   csumbpf-bench-SUBJECT-a        …-nat                            …-b
#   10.98.0.2 -------- 10.98.0.1 | 203.0.113.1 -------- 203.0.113.2
#   outside 198.51.100.10
#   10.0.9.1 in VXLAN 4109                                  10.0.9.2 in VXLAN 4109
#
# All links are veth pairs that take no work off the hosts (no segmentation, no checksums), as between real machines.

bench=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
checkout=$(readlink -f "$bench/../..")
csumbpf=${CSUMBPF:-$checkout/bin/csumbpf}
results=${CSUMBPF_RESULTS:-$checkout/tests/target/bench}
mkdir -p "$results"
work=$(mktemp -d)
namespaces=() attached=() processes=()

fail() { echo "$(basename "$0"): $*" >&2; exit 1; }

say() { echo "== $(date +%T) $*"; }

cleanup() {
	local one
	for one in "${processes[@]}"; do kill "$one" 2>/dev/null || true; done
	# Where the machine goes with the namespaces, nobody misses this.
	if [ ! -d /run/results ]; then
		for one in "${attached[@]}"; do "$csumbpf" --netns "$one" detach eth0 >/dev/null || true; done
	fi
	for one in "${namespaces[@]}"; do ip netns del "$one" 2>/dev/null || true; done
	rm -rf "$work"
}
trap cleanup EXIT

# frames BYTES wrong|right|none: 16 VXLAN packets as they come out of the NAT, BYTES of IP each, and what their checksum is.
frames() {
	/usr/bin/python3 - "$@" <<-'END'
		import sys
		from scapy.all import IP, UDP, Ether, Raw
		size, kind = int(sys.argv[1]), sys.argv[2]
		inner = bytes.fromhex("0800000000100d00" "ffffffffffff" "020000000901" "88b5")
		inner += bytes(n * 7 % 256 for n in range(size - 28 - len(inner)))
		for port in range(50000, 50016):
		    packet = IP(src="10.98.0.2", dst="203.0.113.2") / UDP(sport=port, dport=4789) / Raw(inner)
		    if kind == "right":
		        packet.src = "198.51.100.10"
		    if kind == "none":
		        packet[UDP].chksum = 0
		    packet = IP(bytes(packet))
		    packet.src = "198.51.100.10"
		    del packet.chksum
		    print(bytes(Ether(dst="02:00:00:00:00:0b", src="02:00:00:00:00:01") / packet).hex())
	END
}

in_host() { ip netns exec "csumbpf-bench-$1" "${@:2}"; }

# Of the modes named, those that this csumbpf has.
modes() {
	local mode help
	help=$("$csumbpf" attach --help)
	for mode; do
		if grep -qE "^ +$mode( \(default\))?:" <<<"$help"; then printf '%s ' "$mode"; fi
	done
}

# hosts SUBJECT udpcsum|noudpcsum: its three hosts. ESP=yes: with ESP in transport mode between a and b.
hosts() {
	local subject=$1 checksums=$2 host device mtu=1450
	[ "${ESP-}" != yes ] || mtu=1424
	for host in a nat b; do
		ip netns add "csumbpf-bench-$subject-$host"
		namespaces+=("csumbpf-bench-$subject-$host")
		# Nothing but the benchmark's own packets.
		in_host "$subject-$host" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
		ip -n "csumbpf-bench-$subject-$host" link set lo up
	done
	local a=csumbpf-bench-$subject-a nat=csumbpf-bench-$subject-nat b=csumbpf-bench-$subject-b
	ip -n "$nat" link add eth0 type veth peer name eth0 netns "$a"
	ip -n "$nat" link add eth1 type veth peer name eth0 address 02:00:00:00:00:0b netns "$b"
	for device in "$a eth0" "$nat eth0" "$nat eth1" "$b eth0"; do
		set -- $device
		ip netns exec "$1" ethtool -K "$2" tso off tx off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off >/dev/null
		ip -n "$1" link set "$2" up
	done
	gro "$subject" on
	ip -n "$a" addr add 10.98.0.2/24 dev eth0
	ip -n "$nat" addr add 10.98.0.1/24 dev eth0
	ip -n "$nat" addr add 203.0.113.1/24 dev eth1
	ip -n "$b" addr add 203.0.113.2/24 dev eth0
	ip -n "$a" route add default via 10.98.0.1
	ip -n "$b" route add default via 203.0.113.1
	ip netns exec "$nat" sysctl -qw net.ipv4.ip_forward=1
	[ -f "$work/nat.o" ] || clang -O2 -Wall -target bpf "-I/usr/include/$(uname -m)-linux-gnu" -DINSIDE="bpf_htonl(0x0a620002)" \
		-DOUTSIDE="bpf_htonl(0xc633640a)" -c "$bench/nat.bpf.c" -o "$work/nat.o"
	for device in eth0 eth1; do
		ip netns exec "$nat" tc qdisc add dev $device clsact
		ip netns exec "$nat" tc filter add dev $device ingress bpf direct-action object-file "$work/nat.o" section tc
	done
	if [ "${ESP-}" = yes ]; then
		esp "$a" 10.98.0.2 203.0.113.2 0x1002 0x1001
		esp "$b" 203.0.113.2 198.51.100.10 0x1001 0x1002
	fi
	overlay "$a" 10.98.0.2 203.0.113.2 1
	overlay "$b" 203.0.113.2 198.51.100.10 2
}

overlay() { # namespace local remote end
	ip -n "$1" link add vxlan0 address 02:00:00:00:09:0"$4" mtu "$mtu" type vxlan id 4109 dstport 4789 local "$2" nolearning "$checksums"
	bridge -n "$1" fdb append 00:00:00:00:00:00 dev vxlan0 dst "$3"
	ip -n "$1" addr add "10.0.9.$4/24" dev vxlan0
	ip -n "$1" link set vxlan0 up
	ip -n "$1" neigh add "10.0.9.$((3 - $4))" lladdr 02:00:00:00:09:0$((3 - $4)) dev vxlan0
}

esp() { # namespace local remote spi-out spi-in
	local aead="rfc4106(gcm(aes))" key=0x0102030405060708090a0b0c0d0e0f1011121314
	ip -n "$1" -batch - <<-END
		xfrm state add src $2 dst $3 proto esp spi $4 reqid 1 mode transport replay-window 0 aead $aead $key 64
		xfrm state add src $3 dst $2 proto esp spi $5 reqid 1 mode transport replay-window 0 aead $aead $key 64
		xfrm policy add src $2 dst $3 proto udp dport 4789 dir out tmpl src $2 dst $3 proto esp reqid 1 mode transport
	END
}

gro() { # subject on|off
	local end
	for end in a b; do in_host "$1-$end" ethtool -K eth0 gro "$2" >/dev/null; done
}

# attach SUBJECT OPTIONS...: csumbpf on both ends.
attach() {
	local subject=$1 end
	shift
	for end in a b; do
		"$csumbpf" --netns "csumbpf-bench-$subject-$end" attach eth0 --vni 4109 "$@" >/dev/null
		attached+=("csumbpf-bench-$subject-$end")
	done
}

# nft_rule SUBJECT [PROOF]: the rival that a knowledgeable user types, on both ends.
nft_rule() {
	local end
	for end in a b; do
		in_host "$1-$end" nft -f - <<-END
			table ip rival {
				chain pre {
					type filter hook prerouting priority -350
					${2-} udp dport 4789 @th,96,24 0x00100d udp checksum set 0
				}
			}
		END
	done
}

# received SUBJECT: prints how many packets have come to the VXLAN device of b.
received() { in_host "$1-b" cat /sys/class/net/vxlan0/statistics/rx_packets; }

# The time that the softirqs of CPU 0 have had in a thread of their own, in nanoseconds. (What they do elsewhere is in
# the time of the process whose packets they are, here the generator.)
ksoftirqd=$(pgrep -x 'ksoftirqd/0')
softirqs() { local time; read -r time _ <"/proc/$ksoftirqd/schedstat"; echo "$time"; }

# send SUBJECT COUNT FRAMES: packets per second and CPU nanoseconds a packet, all of it, from the generator's system call
# to b's VXLAN device, in $rate and $cost; and how many came, in $got.
send() {
	local before softirq wall cpu
	[ -x "$work/flood" ] || gcc -O2 -Wall -o "$work/flood" "$bench/flood.c"
	before=$(received "$1") softirq=$(softirqs)
	read -r wall cpu < <(in_host "$1-nat" taskset -c 0 "$work/flood" eth1 "$2" cpu <"$3")
	softirq=$(($(softirqs) - softirq))
	sleep 0.05
	got=$(($(received "$1") - before))
	read -r rate cost < <(awk "BEGIN { print $2 / $wall, ($cpu * 1e9 + $softirq) / $2 }")
}

# in_turn ROUND SUBJECT...: the subjects in this round's order: each is once the first, and every other round goes backwards.
in_turn() {
	local round=$1 n order
	shift
	n=$((round % $#))
	order="${*:n + 1} ${*:1:n}"
	if [ $((round % 2)) = 1 ]; then
		order=$(tr ' ' '\n' <<<"$order" | tac | tr '\n' ' ')
	fi
	echo "$order"
}

# iperf SUBJECT OPTIONS...: TCP from a to b. Bits a second and CPU nanoseconds (both ends and all between) a KiB, in
# $rate and $cost.
iperf() {
	local softirq
	softirq=$(softirqs)
	in_host "$1-a" iperf3 -c 10.0.9.2 -J "${@:2}" >"$work/iperf" || fail "$1: no TCP through the overlay: $(grep '"error"' "$work/iperf")"
	softirq=$(($(softirqs) - softirq))
	read -r rate cost < <(/usr/bin/python3 - "$work/iperf" $softirq <<-'END'
		import json, sys
		end = json.load(open(sys.argv[1]))["end"]
		received, cpu = end["sum_received"], end["cpu_utilization_percent"]
		busy = (cpu["host_total"] + cpu["remote_total"]) / 100 * end["sum_sent"]["seconds"] * 1e9 + int(sys.argv[2])
		print(received["bits_per_second"], busy / (received["bytes"] / 1024))
	END
	)
}

serve_iperf() { # subject
	# Not in_host: a function in the background is a shell, and its end is not iperf3's.
	ip netns exec "csumbpf-bench-$1-b" iperf3 -s >/dev/null 2>&1 </dev/null &
	processes+=($!)
}

# pings SUBJECT -> how many of three come back
pings() { { in_host "$1-a" ping -q -c 3 -i 0.2 -W 1 10.0.9.2 || true; } | sed -n 's/.* \([0-9]*\) received.*/\1/p'; }

# sort_subjects FILE: its lines in the order of the subjects in the array order, which the array label has names for.
sort_subjects() {
	local subject
	for subject in "${order[@]}"; do grep -P "^\Q${label[$subject]}\E\t" "$1" || true; done
}
