#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the story leaves out, on the same lab: where decrypted packets do not reach tc, the modes, rules and the proof,
# each with real ESP.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab.sh
csumbpf=${CSUMBPF:-$(readlink -f "$here/../..")/bin/csumbpf}
export VNI=4109
. "$here/telling.sh"

[ "${LINK:-virtio}" = virtio ] || fail "this one writes to /etc/modprobe.d: only in a virtual machine"
blacklist=/etc/modprobe.d/csumbpf-test.conf
finish() {
	rm -f $blacklist
	detach_all
	"$lab" down
}
trap finish EXIT

attach() { local host=$1; shift; "$csumbpf" --netns "csumbpf-$host" attach eth0 "$@"; }
# field HOST PATH: of the attachment in status --json, as in .counters[0].repaired.packets
field() {
	"$csumbpf" --netns "csumbpf-$1" status eth0 --json \
		| /usr/bin/python3 -c "import json, sys; a = json.load(sys.stdin)['attachments'][0]; print(a$2)"
}
count() { field "$1" "['counters'][0]['$2']['packets']"; }
above() { if [ "$1" -gt "$2" ]; then good "$3 ($1)"; else fail "$3: $1 is not above $2"; fi; }

say "Without esp4_offload decrypted packets do not reach tc: attach refuses, and with --force status tells."
"$lab" up
printf 'install %s /bin/false\n' esp4_offload esp6_offload >$blacklist
code=0
attach b 2>"$blacklist.err" || code=$?
expect $code 5 "attach refuses with exit code 5"
if grep -q "modprobe esp4_offload" "$blacklist.err"; then good "and names the command that mends it"; else fail "no remedy named"; fi
rm -f "$blacklist.err"
attach b --force >/dev/null 2>&1
expect "$(loss a 10.0.9.2)" 100 "attached by force: 100 % loss"
expect "$(field b "['repair']")" bypassed "status says that packets bypass the program"
rm $blacklist

say "Attached to an existing half: once the module can be loaded, the same command mends it."
attach b >/dev/null
attach a >/dev/null
expect "$(loss a 10.0.9.2)" 0 "ping: 0 % loss"

say "Mode recompute: a checksum that the kernel verifies."
for host in a b; do attach $host --mode recompute >/dev/null; done
expect "$(loss a 10.0.9.2)" 0 "ping: 0 % loss"
expect "$(on a ping -q -c 5 -i 0.2 -W 1 -s 1396 10.0.9.2 | sed -n 's/.* \([0-9]*\)% packet loss.*/\1/p')" 0 "1,396-byte pings: 0 % loss"
expect "$("$csumbpf" --netns csumbpf-b stats eth0 --peers | awk '/203.0.113.2/ { print $2, $6 }')" "4109 0x00001002" \
	"the peer is listed with its VNI and the SPI of its SA"

say "Mode observe: counts wrong checksums, repairs none."
attach b --mode observe --vni $VNI >/dev/null
expect "$(loss a 10.0.9.2)" 100 "ping: 100 % loss"
above "$(count b bad)" 0 "bad packets counted"
expect "$(count b repaired)" 0 "none repaired"
expect "$(field b "['repair']")" broken "status says that traffic is broken"

say "A rule for another VNI does not repair this one."
attach b --vni 4110 >/dev/null
expect "$(loss a 10.0.9.2)" 100 "ping: 100 % loss"
"$csumbpf" --netns csumbpf-b vni add eth0 $VNI >/dev/null
expect "$(loss a 10.0.9.2)" 0 "with vni add: 0 % loss"

say "Plaintext VXLAN is never repaired: a sends without IPsec, Docker's own rules on b aside."
on a ip xfrm policy flush
on b iptables -F INPUT
before=$(count b repaired)
on a ping -q -c 3 -i 0.2 -W 1 10.0.9.2 >/dev/null || true
expect "$(field b "['counters'][1]['plaintext']['packets'] + a['counters'][0]['plaintext']['packets'] > 0")" True "plaintext packets seen on b"
expect "$(count b repaired)" "$before" "none of them repaired"
attach b --vni $VNI --plaintext drop >/dev/null
on a ping -q -c 3 -i 0.2 -W 1 10.0.9.2 >/dev/null || true
above "$(count b dropped)" 0 "with --plaintext drop they are dropped"
expect "$(dmesg --level emerg,alert,crit,err,warn | grep -c 'hw csum failure' || true)" 0 "no hw csum failure in the kernel's log"
