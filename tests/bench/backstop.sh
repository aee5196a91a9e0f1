#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the backstop costs packets that tc has repaired already, and that it has nothing to do with: packets per second
# with its table to packets per second without, in turns, in one run. With real ESP, in a guest whose clock counts
# instructions, so that the ratio is exact (and one of instructions, not of time): packets of 100 and 1,450 bytes, on a
# host without any other hook in prerouting, and on one with Docker's, which brings conntrack along. Then without ESP,
# by time, on this host's kernel, where little else is done to a packet: the largest share that there can be, and a
# noisy one.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
checkout=$(readlink -f "$here/../..")
lab=$checkout/tests/lab/lab.sh
csumbpf=$checkout/bin/csumbpf

# rounds NUMBER NETNS-OF-SENDER DEVICE NETNS-OF-RECEIVER VXLAN-DEVICE COUNT FRAMES: the ratios of $what, as lines for result
rounds() {
	local ROUNDS=$1 from=$2 device=$3 to=$4 vxlan=$5 count=$6 frames=$7 table round seconds before got ratio
	local with without
	table=$(mktemp)
	ip netns exec "$to" nft list table ip csumbpf >"$table"
	packets() { ip -n "$to" -s -j link show dev "$vxlan" | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'; }
	for ((round = 0; round <= ROUNDS; round++)); do
		for side in $([ $((round % 2)) = 0 ] && echo with without || echo without with); do
			ip netns exec "$to" nft delete table ip csumbpf 2>/dev/null || true
			[ $side = without ] || ip netns exec "$to" nft -f "$table"
			before=$(packets)
			seconds=$(ip netns exec "$from" taskset -c 0 "$flood" "$device" "$count" <"$frames")
			sleep 0.2
			got=$(($(packets) - before))
			[ $got = "$count" ] || { echo "backstop.sh: $got of $count packets came to $vxlan" >&2; exit 1; }
			printf -v $side %s "$seconds"
		done
		[ $round != 0 ] || continue # it warms up
		printf 'without the table\t%s %d\t1\n' "$what" $round
		printf '%s\t%s %d\t%s\n' "$what" "$what" $round "$(awk "BEGIN { print $without / $with }")"
	done
	ip netns exec "$to" nft delete table ip csumbpf 2>/dev/null || true
	ip netns exec "$to" nft -f "$table"
	rm -f "$table"
}

capture() { # bytes of payload in the overlay
	"$lab" exec nat "$checkout/tests/lab/frames.py" capture eth1 16 >"$work/captured" &
	sleep 2
	# To everybody, of no protocol that anybody answers.
	local frame
	frame=ffffffffffff02000000000988b5$(printf "%0$((2 * $1))d" 0)
	for _ in $(seq 20); do echo "$frame"; done | "$lab" exec a "$checkout/tests/lab/frames.py" send vxlan0
	wait
	# The SAs have no replay window, as Docker's: the same packets may come again and again.
	grep -v ready "$work/captured" >"$work/frames"
}

esp() { # in a guest
	local size hooks
	export LINK=veth
	"$lab" up
	"$csumbpf" --netns csumbpf-b attach eth0 --vni 4109 >/dev/null
	for hooks in none Docker; do
		if [ $hooks = Docker ]; then
			"$lab" exec b iptables -t nat -N DOCKER
			"$lab" exec b iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
		fi
		for size in 50 1400; do
			capture $size
			what="$((size + 50)) bytes, other hooks in prerouting: $hooks"
			rounds 10 csumbpf-nat eth1 csumbpf-b vxlan0 1200 "$work/frames" >>"$work/ratios"
		done
	done
	"$here/result" backstop-esp "without the table" "of the packet rate" higher "What the backstop costs what tc has repaired, with ESP" \
		"A VM whose clock counts instructions: ratios of instructions, not of time." <"$work/ratios"
	"$csumbpf" --netns csumbpf-b detach eth0 >/dev/null
	"$lab" down
}

plain() {
	what="100 bytes"
	local mac frame
	ip netns add csumbpf-bench
	ip -n csumbpf-bench link add w0 type veth peer name w1
	for device in w0 w1 lo; do ip -n csumbpf-bench link set $device up; done
	ip -n csumbpf-bench addr add 10.98.7.2/24 dev w1
	ip -n csumbpf-bench link add vxlan0 type vxlan id 4109 dstport 4789 local 10.98.7.2 nolearning
	ip -n csumbpf-bench link set vxlan0 up
	"$csumbpf" --netns csumbpf-bench attach w1 --vni 4109 >/dev/null
	mac=$(ip -n csumbpf-bench -j link show dev w1 | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)[0]["address"].replace(":", ""))')
	frame=$(/usr/bin/python3 - "$mac" <<-END
		import sys
		from scapy.all import Ether, IP, UDP, Raw
		mac = ":".join(sys.argv[1][i:i + 2] for i in range(0, 12, 2))
		vxlan = bytes.fromhex("0800000000100d00") + bytes.fromhex("ffffffffffff02000000000988b5") + bytes(86)
		print(bytes(Ether(dst=mac, src="02:00:00:00:00:01") / IP(src="10.98.7.1", dst="10.98.7.2") / UDP(sport=50000, dport=4789, chksum=0) / Raw(vxlan)).hex())
	END
	)
	for _ in $(seq 16); do echo "$frame"; done >"$work/frames"
	rounds 15 csumbpf-bench w0 csumbpf-bench vxlan0 300000 "$work/frames" >"$work/ratios"
	"$here/result" backstop-host "without the table" "of the packet rate" higher "What the backstop costs what tc has repaired, without ESP" <"$work/ratios"
	"$csumbpf" --netns csumbpf-bench detach w1 >/dev/null
	ip netns del csumbpf-bench
}

work=$(mktemp -d)
trap 'rm -rf "$work"; ip netns del csumbpf-bench 2>/dev/null || true' EXIT
flood=$work/flood
gcc -O2 -Wall -o "$flood" "$here/flood.c"
case ${1-} in
esp) esp ;;
plain) plain ;;
*)
	out=$checkout/tests/target/bench
	mkdir -p "$out/backstop"
	"$checkout/tests/vm/run" --kernel "${KERNEL:-6.1}" --instructions --timeout 1200 --results "$out/backstop" -- "$here/backstop.sh" esp
	mv "$out"/backstop/*.json "$out/"
	plain
	;;
esac
