#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The whole path on this host's kernel: VXLAN whose checksums a NAT has made wrong, without ESP (which this kernel need
# not have; esp.sh has it), so little else is done to a packet and what repairs it weighs most. In turn, as ratios to
# the same path without checksums (noudpcsum), which is the limit:
#   path-packets-SIZE  packets per second from one CPU into the receiver's VXLAN device, and path-cpu-SIZE: its CPU time
#                      for one
#   path-tcp, path-tcp-gro, path-tcp-cpu  TCP through NAT and overlay (iperf3), with the receiver's GRO off and on, and
#                                         CPU time of both ends
# Mode observe repairs nothing, so it gets packets whose checksums are right, and no TCP.
# ROUNDS=20 TCP_ROUNDS=10 COUNT=60000 MODES="…" SIZES="100 1450" TCP="off on" SECONDS_OF_TCP=1 change it.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

ROUNDS=${ROUNDS:-20} COUNT=${COUNT:-60000} TCP_ROUNDS=${TCP_ROUNDS:-10} SECONDS_OF_TCP=${SECONDS_OF_TCP:-1}
MODES=$(modes ${MODES:-auto zero adjust recompute observe})

packets() { # bytes
	local size=$1 round subject kind
	for kind in wrong right none; do frames "$size" $kind >"$work/$kind"; done
	send broken 1000 "$work/wrong"
	[ "$got" = 0 ] || fail "$got of 1000 packets with wrong checksums came through with nothing attached"
	rm -f "$work/rate" "$work/cost"
	for ((round = 0; round <= ROUNDS; round++)); do
		for subject in $(in_turn $round "${order[@]}"); do
			case $subject in
			limit) kind=none ;;
			observe | checked) kind=right ;;
			*) kind=wrong ;;
			esac
			send "$subject" "$COUNT" "$work/$kind"
			[ "$got" = "$COUNT" ] || fail "$subject: $got of $COUNT packets came"
			[ $round != 0 ] || continue # it warms up
			printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$rate" >>"$work/rate"
			printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$cost" >>"$work/cost"
		done
	done
	sort_subjects "$work/rate" | "$bench/result" "path-packets-$size" "${label[limit]}" "packets/s" higher "Packets per second, $size bytes, VXLAN without ESP"
	sort_subjects "$work/cost" | "$bench/result" "path-cpu-$size" "${label[limit]}" "ns/packet" lower "CPU time per packet, $size bytes, VXLAN without ESP" \
		"The generator's system call, the softirq in it, and ksoftirqd's share: all from the veth to the VXLAN device."
}

tcp() { # off|on
	local round subject name=path-tcp
	[ "$1" = off ] || name=path-tcp-gro
	rm -f "$work/rate" "$work/cost"
	for subject in "${order[@]}"; do gro "$subject" "$1"; done
	for ((round = 0; round <= TCP_ROUNDS; round++)); do
		for subject in $(in_turn $round "${order[@]}"); do
			if [ "$subject" = observe ] || [ "$subject" = checked ]; then continue; fi
			iperf "$subject" -t "$SECONDS_OF_TCP" -A 0,1
			[ $round != 0 ] || continue
			printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$rate" >>"$work/rate"
			printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$cost" >>"$work/cost"
		done
	done
	sort_subjects "$work/rate" | "$bench/result" $name "${label[limit]}" "bit/s" higher "TCP throughput, VXLAN without ESP, GRO of the outer packets $1"
	sort_subjects "$work/cost" | "$bench/result" $name-cpu "${label[limit]}" "ns/KiB" lower "CPU time of TCP, VXLAN without ESP, GRO of the outer packets $1" \
		"iperf3 on both ends, and ksoftirqd's share on the sender's CPU."
}

declare -A label=([limit]="no checksums (noudpcsum)" [checked]="right checksums, nothing attached" [nft]="nft rule: udp checksum set 0")
order=(limit checked)
for mode in $MODES; do
	label[$mode]="csumbpf, $mode"
	[ "$mode" != observe ] || label[observe]+=" (right checksums)"
	order+=("$mode")
done
order+=(nft)

say "path.sh: ${#order[@]} subjects, $ROUNDS rounds, kernel $(uname -r)"
for subject in broken "${order[@]}"; do
	hosts "$subject" "$([ "$subject" = limit ] && echo noudpcsum || echo udpcsum)"
	gro "$subject" off
	case $subject in
	limit | checked | broken) ;;
	nft) nft_rule nft ;;
	*) attach "$subject" --unverified --mode "$subject" ;;
	esac
	case $subject in
	broken | checked | observe) [ "$(pings "$subject")" = 0 ] || fail "$subject: a ping came through the NAT" ;;
	*) [ "$(pings "$subject")" = 3 ] || fail "$subject: pings are lost" ;;
	esac
	serve_iperf "$subject"
done
for size in ${SIZES-100 1450}; do
	say "packets of $size bytes"
	packets "$size"
done
for state in ${TCP-off on}; do
	say "TCP, GRO $state"
	tcp "$state"
done
