#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the program costs a packet that comes over a veth, for sizes that no test run takes (jumbo frames), by the
# kernel's own clock around it (kernel.bpf_stats_enabled, which costs some nanoseconds itself, in both): as ratios to a
# program that does nothing and is run behind it, for the same packets. ROUNDS=10 COUNT=100000 SIZES="1450 8950" change
# it.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

ROUNDS=${ROUNDS:-10} COUNT=${COUNT:-100000} SIZES=${SIZES:-1450 8950}
MODES=$(modes ${MODES:-zero adjust recompute observe})
netns=csumbpf-bench-wire

ip netns add $netns
namespaces+=($netns)
ip -n $netns link add w0 mtu 9216 type veth peer name eth0
ip -n $netns link set eth0 mtu 9216 address 02:00:00:00:00:0b
ip netns exec $netns sysctl -qw net.ipv6.conf.all.disable_ipv6=1
for device in w0 eth0; do ip -n $netns link set $device up; done
clang -O2 -target bpf "-I/usr/include/$(uname -m)-linux-gnu" -c "$checkout/tests/src/test/bpf/foreign.bpf.c" -o "$work/empty.o"
ip netns exec $netns tc qdisc add dev eth0 clsact
ip netns exec $netns tc filter add dev eth0 ingress bpf direct-action object-file "$work/empty.o" section tc
gcc -O2 -Wall -o "$work/flood" "$bench/flood.c"
before=$(sysctl -n kernel.bpf_stats_enabled)
trap 'sysctl -qw kernel.bpf_stats_enabled="$before"; cleanup' EXIT
sysctl -qw kernel.bpf_stats_enabled=1

runs() { # NAME: nanoseconds and runs of the program that was loaded last under this name
	bpftool prog show --json | /usr/bin/python3 -c '
import json, sys
last = [p for p in json.load(sys.stdin) if p.get("name") == sys.argv[1]][-1]
print(last.get("run_time_ns", 0), last.get("run_cnt", 0))' "$1"
}

for size in $SIZES; do
	frames "$size" wrong >"$work/frames"
	for ((round = 0; round <= ROUNDS; round++)); do
		for mode in $(in_turn $round $MODES); do
			"$csumbpf" --netns $netns attach eth0 --unverified --backstop never --mode "$mode" >/dev/null
			attached=($netns)
			ip netns exec $netns "$work/flood" w0 1000 <"$work/frames" >/dev/null # adjust learns
			read -r own_ns own_runs < <(runs csumbpf)
			read -r empty_ns empty_runs < <(runs foreign)
			ip netns exec $netns "$work/flood" w0 "$COUNT" <"$work/frames" >/dev/null
			read -r own_ns_now own_runs_now < <(runs csumbpf)
			read -r empty_ns_now empty_runs_now < <(runs foreign)
			[ $((own_runs_now - own_runs)) -ge "$COUNT" ] || fail "the program ran $((own_runs_now - own_runs)) times for $COUNT packets"
			[ $round != 0 ] || continue # it warms up
			printf 'empty program\t%s\t%s\n' "$mode $round" "$(awk "BEGIN { print ($empty_ns_now - $empty_ns) / ($empty_runs_now - $empty_runs) }")"
			printf '%s\t%s\t%s\n' "$mode, $size bytes" "$mode $round" "$(awk "BEGIN { print ($own_ns_now - $own_ns) / ($own_runs_now - $own_runs) }")"
		done
	done >"$work/cost"
	"$bench/result" "program-wire-$size" "empty program" ns lower "The program's cost of a packet of $size bytes, on a veth" \
		"By the kernel's clock around it (bpf_stats), which is in both." <"$work/cost"
done
