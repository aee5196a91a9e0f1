#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Shows and checks what csumbpf is for: an encrypted VXLAN across a 1:1 NAT is dead, csumbpf attach repairs it, detach
# ends that. The second part has a path MTU of 1,460, as on GCE: ESP is fragmented, and tc does not see the decrypted
# packets. Runs where tests/lab/lab.sh runs. Every figure is measured; the first that is not as expected ends the
# script.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab.sh
csumbpf=${CSUMBPF:-$(readlink -f "$here/../..")/bin/csumbpf}
VNI=4109

. "$here/narrate.sh"
. "$here/../lab/limit.sh"

# Sends 20 MB by TCP from a to b. Where nothing is expected to arrive, the seconds are not scaled.
transfer() { # seconds; succeeds if all bytes arrive unchanged
	local seconds=$1 receiver end
	rm -f "$work/received"
	on b timeout "$seconds" socat -u TCP-LISTEN:5001,bind=10.0.9.2,reuseaddr "CREATE:$work/received" 2>/dev/null &
	receiver=$!
	end=$((SECONDS + $(limit 10)))
	until [ -n "$(on b ss -Hltn 'sport = :5001')" ]; do
		[ $SECONDS -lt $end ] || fail "nothing listens on b's port 5001"
		sleep 0.1
	done
	on a timeout "$seconds" socat -u "OPEN:$work/sent" TCP:10.0.9.2:5001,connect-timeout=5 2>/dev/null || true
	wait $receiver || true
	[ -f "$work/received" ] && [ "$(sha256sum <"$work/received")" = "$(sha256sum <"$work/sent")" ]
}

work=$(mktemp -d)
finish() {
	detach_all
	"$lab" down
	rm -rf "$work"
}
trap finish EXIT
head -c 20000000 /dev/urandom >"$work/sent"

say "The lab: host a, a 1:1 NAT, host b behind it. VXLAN $VNI in ESP transport mode between a and b, as Docker makes it."
"$lab" up
show "kernel $(uname -r); a 203.0.113.2 -- NAT -- b 10.99.0.2, outside 203.0.113.10"
show "$(on a ip xfrm state | awk '/aead/ && !n++ { print $2, "icv", $4 } /reqid/ && !m++ { print "esp", $3, $4, $5, $6, $7, $8 }' | paste -sd " ")"
bpffs=no pins=no
if mountpoint -q /sys/fs/bpf; then bpffs=yes; fi
if [ -e /sys/fs/bpf/csumbpf ]; then pins=yes; fi
before_dmesg=$(warnings | wc -l)

say "Before: every packet is decrypted, and then dropped for its UDP checksum."
errors=$(bad_checksums b)
expect "$(loss a 10.0.9.2)" 100 "ping from a to b through the VXLAN: 100 % loss"
rise=$(($(bad_checksums b) - errors))
if [ $rise -gt 0 ]; then good "UdpInCsumErrors on b rose by $rise"; else fail "UdpInCsumErrors on b did not rise"; fi
if transfer 8; then fail "20 MB by TCP came through"; else good "20 MB by TCP: nothing arrives"; fi

say "csumbpf attach eth0 --vni $VNI, on both hosts."
csumbpf_on_both attach eth0 --vni $VNI

say "After: the same packets get through."
errors_a=$(bad_checksums a) errors_b=$(bad_checksums b)
expect "$(loss a 10.0.9.2)" 0 "ping from a to b: 0 % loss"
expect "$(loss b 10.0.9.1)" 0 "ping from b to a: 0 % loss"
began=$(date +%s%N)
if transfer "$(limit 60)"; then
	good "20 MB by TCP: arrives with the same SHA-256, in $((($(date +%s%N) - began) / 1000000)) ms"
else
	fail "20 MB by TCP did not arrive whole"
fi
expect "$(bad_checksums a)/$(bad_checksums b)" "$errors_a/$errors_b" "no new UdpInCsumErrors on a and b"
no_new_warning "$before_dmesg"

say "csumbpf status"
csumbpf_on a status
csumbpf_on b status

say "Second part: the path's MTU is 1,460, as on GCE. Full-size packets travel as two fragments of ESP, and tc does not see them decrypted."
on nat ip link set eth0 mtu 1460
on nat ip link set eth1 mtu 1460
for host in a b; do on $host ip link set eth0 mtu 1460; done
say "csumbpf attach eth0 --vni $VNI --backstop never: tc alone."
csumbpf_on_both attach eth0 --vni $VNI --backstop never
expect "$(loss a 10.0.9.2)" 0 "ping from a to b: 0 % loss"
expect "$(loss a 10.0.9.2 -s 1372)" 100 "ping with 1,400 bytes: 100 % loss"
if transfer 8; then fail "20 MB by TCP came through"; else good "20 MB by TCP: hangs"; fi
say "csumbpf attach eth0 --vni $VNI: with the nftables backstop after tc, which is the default."
csumbpf_on_both attach eth0 --vni $VNI
expect "$(loss a 10.0.9.2 -s 1372)" 0 "ping with 1,400 bytes: 0 % loss"
began=$(date +%s%N)
if transfer "$(limit 60)"; then
	good "20 MB by TCP: arrives with the same SHA-256, in $((($(date +%s%N) - began) / 1000000)) ms"
else
	fail "20 MB by TCP did not arrive whole"
fi
csumbpf_on b status

say "csumbpf detach eth0, on both hosts: dead again, and nothing left behind."
csumbpf_on_both detach eth0
expect "$(loss a 10.0.9.2)" 100 "ping from a to b: 100 % loss"
for host in a b; do
	expect "$("$csumbpf" --netns csumbpf-$host status)" "nothing is attached" "csumbpf status on $host: nothing is attached"
	expect "$(on $host nft list tables | grep -c csumbpf)" 0 "nft on $host: no table csumbpf"
done
if [ $pins = no ] && [ -e /sys/fs/bpf/csumbpf ]; then fail "/sys/fs/bpf/csumbpf is still there"; fi
if [ $bpffs = no ] && mountpoint -q /sys/fs/bpf; then fail "bpffs is still mounted"; fi
no_new_warning "$before_dmesg"
