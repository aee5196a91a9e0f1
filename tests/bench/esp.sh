#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same path with real ESP (transport mode, AES-GCM), in a VM with Debian's kernel KERNEL=6.1 whose clock counts the
# instructions that it executes: exact from round to round, and no time. Instructions of AES-NI, which do a lot each,
# count as one, so ESP weighs less here than on a processor, and what repairs a packet weighs more. Ratios only.
#   esp-packets-SIZE  ESP packets that the NAT sends, into the receiver's VXLAN device; esp-tcp: TCP through NAT, ESP
#                     and overlay
# The subjects beside csumbpf's modes: the nft rule, once as it comes (decrypted behind tc, here since GRO is off) and
# once with esp4_offload and GRO, as csumbpf has it; and tc's csum action with esp4_offload, over a detour as in moby
# issue 37115 (VXLAN packets routed to a veth pair, where ingress computes the checksum; they lose their proof of IPsec
# there, so Docker's own guard would drop them), and on the device itself. Without esp4_offload the kernel does not
# route a packet anew that it has decrypted, and neither sees it. Mode auto is one of the others over IPv4, and not
# measured again.
set -euo pipefail

if [ "${1-}" != guest ]; then
	here=$(dirname "$(readlink -f "$0")")
	out=$(readlink -f "$here/../..")/tests/target/bench
	mkdir -p "$out/esp"
	"$here/../vm/run" --kernel "${KERNEL:-6.1}" --instructions --timeout 1500 --results "$out/esp" -- "$here/esp.sh" guest ${ROUNDS-}
	mv "$out"/esp/*.json "$out/"
	exit
fi

. "$(dirname "$(readlink -f "$0")")/lib.sh"
ROUNDS=${2:-10} COUNT=1000 BYTES=1M ESP=yes
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd # the guest has no udev, and bash wants it
# The cipher's modules beforehand: while the guest waits for a file its clock jumps, and the kernel's search for a
# cipher times out.
modprobe -qa gcm ctr ghash_generic ghash_clmulni_intel seqiv cryptd aesni_intel || true
modprobe -qa vxlan esp4 esp4_offload xfrm_user cls_bpf cls_flower act_csum act_mirred sch_ingress veth || true

# capture SUBJECT PAYLOAD FILE: the NAT's packets with that much in the overlay, and the size of one in $size.
capture() {
	in_host "$1-nat" "$checkout/tests/lab/frames.py" capture eth1 16 >"$work/captured" &
	local capturing=$! try frame
	for ((try = 0; try < 300; try++)); do
		if grep -q ready "$work/captured"; then break; fi
		sleep 0.1
	done
	# To everybody, of no protocol that anybody answers.
	frame=ffffffffffff02000000000988b5$(printf "%0$((2 * $2))d" 0)
	for ((try = 0; try < 20; try++)); do echo "$frame"; done | in_host "$1-a" "$checkout/tests/lab/frames.py" send vxlan0
	wait $capturing
	# The SAs have no replay window, as Docker's: the same packets may come again and again.
	grep -v ready "$work/captured" >"$3"
}

csum_detour() { # subject: both ends
	local host end
	for end in a b; do
		host=csumbpf-bench-$1-$end
		ip -n "$host" link add detour0 type veth peer name detour1 address 02:00:00:00:00:d1
		ip -n "$host" link set detour0 up
		ip -n "$host" link set detour1 up
		ip -n "$host" addr add 192.0.2.1/30 dev detour0
		ip -n "$host" neigh add 192.0.2.2 lladdr 02:00:00:00:00:d1 dev detour0
		ip -n "$host" route add default via 192.0.2.2 dev detour0 table 100
		ip -n "$host" rule add pref 10 iif eth0 ipproto udp dport 4789 lookup 100
		ip -n "$host" rule add pref 20 lookup local
		ip -n "$host" rule del pref 0
		in_host "$1-$end" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.detour1.rp_filter=0
		csum_action "$1-$end" detour1
	done
}

csum_action() { # host device
	in_host "$1" tc qdisc add dev "$2" clsact
	in_host "$1" tc filter add dev "$2" ingress protocol ip flower ip_proto udp dst_port 4789 action csum udp
}

declare -A label=([limit]="no checksums (noudpcsum)" [nft]="nft rule, decrypted behind tc" [nftgro]="nft rule, esp4_offload"
	[detour]="tc csum over a veth detour, esp4_offload" [csum]="tc csum on the device, esp4_offload" [limitraw]="no checksums, decrypted behind tc")
MODES=$(modes ${MODES:-zero adjust recompute})
order=(limit limitraw)
for mode in $MODES; do
	label[$mode]="csumbpf, $mode"
	order+=("$mode")
done
order+=(nftgro nft csum detour)

ip netns add csumbpf-bench-try
for ((try = 0; try < 5; try++)); do
	if ip -n csumbpf-bench-try xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 1 mode transport \
		aead "rfc4106(gcm(aes))" 0x0102030405060708090a0b0c0d0e0f1011121314 64; then break; fi
done

say "esp.sh: ${#order[@]} subjects, $ROUNDS rounds, kernel $(uname -r)"
for subject in broken "${order[@]}"; do
	case $subject in limit*) hosts "$subject" noudpcsum ;; *) hosts "$subject" udpcsum ;; esac
	case $subject in
	limit | broken) ;;
	limitraw) gro "$subject" off ;;
	nft) gro nft off; nft_rule nft "meta ipsec exists" ;;
	nftgro) nft_rule nftgro "meta ipsec exists" ;;
	csum) for end in a b; do csum_action csum-$end eth0; done ;;
	detour) csum_detour detour ;;
	*) attach "$subject" --mode "$subject" ;;
	esac
	got=$(pings "$subject")
	if [ "$subject" = broken ]; then expected=0; else expected=3; fi
	[ "$got" = $expected ] || fail "$subject: $got of 3 pings came back, not $expected"
	serve_iperf "$subject"
	say "$subject is up"
done

for payload in 50 1400; do
	capture broken $payload "$work/wrong"
	capture limit $payload "$work/none"
	rm -f "$work/rate"
	for ((round = 0; round <= ROUNDS; round++)); do
		for subject in $(in_turn $round "${order[@]}"); do
			case $subject in limit*) kind=none ;; *) kind=wrong ;; esac
			send "$subject" $COUNT "$work/$kind"
			[ "$got" = $COUNT ] || fail "$subject: $got of $COUNT packets came"
			[ $round = 0 ] || printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$rate" >>"$work/rate"
		done
	done
	sort_subjects "$work/rate" | "$bench/result" esp-packets-$((payload + 50)) "${label[limit]}" "packets per 10⁹ instructions" higher \
		"Packets with ESP, $((payload + 50)) bytes in the overlay's packet" "A VM whose clock counts instructions: ratios of instructions, not of time."
done

rm -f "$work/rate"
for ((round = 0; round <= ROUNDS; round++)); do
	for subject in $(in_turn $round "${order[@]}"); do
		iperf "$subject" -n $BYTES
		[ $round = 0 ] || printf '%s\t%d\t%s\n' "${label[$subject]}" $round "$rate" >>"$work/rate"
	done
done
sort_subjects "$work/rate" | "$bench/result" esp-tcp "${label[limit]}" "bits per 10⁹ instructions" higher \
	"TCP with ESP, both ends and the NAT on one processor" "A VM whose clock counts instructions: ratios of instructions, not of time."
