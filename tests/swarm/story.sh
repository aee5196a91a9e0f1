#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# story.sh SUITE: demonstrates and checks moby issue 37115: a Swarm's encrypted overlay across a 1:1 NAT is dead,
# csumbpf attach makes it work, and detach ends that. Then csumbpf agent does all of it by itself. Runs where swarm.sh
# runs. Every figure is measured; the first that is not as described ends the script.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab.sh
swarm=$here/swarm.sh
csumbpf=${CSUMBPF:-$(readlink -f "$here/../..")/bin/csumbpf}

. "$here/../demo/narrate.sh"
. "$here/../lab/limit.sh"
logs=$(mktemp -d)

declare -A agents
finish() {
	end_agents
	detach_all
	"$swarm" down
}
trap finish EXIT

# Starts csumbpf agent on a host, and waits until it has attached where it must.
agent_on() { # host
	local log=$logs/$1 end=$((SECONDS + $(limit 60)))
	show "${dim}\$ csumbpf --netns csumbpf-$1 agent --docker SOCKET$plain"
	"$csumbpf" --netns "csumbpf-$1" agent --listen 127.0.0.1:0 --docker "$("$swarm" socket "$1")" >"$log" 2>&1 &
	agents[$1]=$!
	until grep -q 'msg="ready"' "$log"; do
		[ $SECONDS -lt $end ] || { cat "$log"; fail "the agent on $1 does not get ready"; }
		sleep 0.5
	done
	sed -n 's/.*msg="attached" interface=\([^ ]*\) reason="\([^"]*\)".*/  attached to \1: \2/p' "$log"
}
end_agents() {
	local host
	for host in "${!agents[@]}"; do
		kill "${agents[$host]}" 2>/dev/null || true
		wait "${agents[$host]}" || true
	done
	agents=()
}
# A container's first packets wait for the address of the other one.
until_no_loss() { # network
	local end=$((SECONDS + $(limit 20)))
	until [ "$("$swarm" loss a b "$1")" = 0 ]; do
		[ $SECONDS -lt $end ] || fail "$1: packets are still lost"
	done
}

say "A Docker Swarm: manager swarm-a (203.0.113.2), and worker swarm-b behind a 1:1 NAT (10.99.0.2, outside 203.0.113.10)."
"$swarm" up "$1"
show "kernel $(uname -r), Docker $("$swarm" docker a version --format '{{.Server.Version}}')"
vni=$("$swarm" vni secret)
ingress=$("$swarm" vni ingress-encrypted)
show "networks: secret (encrypted, VNI $vni), plain (VNI $("$swarm" vni plain)), ingress (encrypted, VNI $ingress)"
show "service box: a replica on each, on secret and plain, published on port 8080"
show "Docker's: $(on b ip xfrm state | awk '/aead/ && !n++ { print $2, "icv", $4 } /reqid/ && !m++ { print "esp", $5, $6, $7, $8 }' | paste -sd " ")"
show "Docker's: $(on a iptables-save -t mangle | grep -m 1 -o -- '-m \(u32\|bpf\).* -j MARK.*' | cut -c 1-100)"

say "Before: whatever crosses the encrypted networks is decrypted, and then dropped for its UDP checksum."
errors=$(bad_checksums b)
expect "$("$swarm" loss a b secret)" 100 "encrypted overlay: ping from a's container to b's: 100 % loss"
rise=$(($(bad_checksums b) - errors))
if [ $rise -ge 5 ]; then good "UdpInCsumErrors on b rose by $rise for 5 pings"; else fail "UdpInCsumErrors on b rose by $rise"; fi
expect "$("$swarm" loss a b plain)" 0 "unencrypted overlay: 0 % loss"
expect "$("$swarm" names a)" "$("$swarm" names b)" "names resolve on both, since that goes another way"
expect "$("$swarm" published)" swarm-a "published port of a: only a's own replica answers"

say "csumbpf attach eth0 --vni $vni,$ingress, on both hosts."
csumbpf_on_both attach eth0 --vni "$vni,$ingress"

say "After: the same packets get through. Nothing in Docker has changed."
errors_a=$(bad_checksums a) errors_b=$(bad_checksums b)
expect "$("$swarm" loss a b secret)" 0 "encrypted overlay: ping from a's container to b's: 0 % loss"
expect "$("$swarm" loss b a secret)" 0 "and from b's to a's: 0 % loss"
expect "$("$swarm" loss a b plain)" 0 "unencrypted overlay: 0 % loss"
expect "$("$swarm" transfer a b secret 20 60)" whole "20 MB by TCP from container to container: arrive with the same SHA-256"
expect "$("$swarm" published)" "swarm-a swarm-b" "published port of a: the replicas of a and b answer"
expect "$(bad_checksums a)/$(bad_checksums b)" "$errors_a/$errors_b" "no new UdpInCsumErrors on a and b"

say "csumbpf status"
csumbpf_on b status

say "csumbpf detach eth0, on both hosts: dead again."
csumbpf_on_both detach eth0
expect "$("$swarm" loss a b secret)" 100 "encrypted overlay: 100 % loss"
expect "$("$swarm" loss a b plain)" 0 "unencrypted overlay: 0 % loss"

say "From here on nobody types anything: csumbpf agent runs on both hosts, as it would as a service."
agent_on a
agent_on b
expect "$("$swarm" loss a b secret)" 0 "encrypted overlay: 0 % loss"
expect "$("$swarm" published)" "swarm-a swarm-b" "published port of a: the replicas of a and b answer"

say "A new encrypted network, with a container on each host."
"$swarm" create later 10.0.12.0/24
until_no_loss later
good "network later (VNI $("$swarm" vni later)): 0 % loss"
csumbpf_on b status

say "Somebody deletes csumbpf's nftables rules on b, and b's engine restarts."
on b nft delete table ip csumbpf
"$swarm" stop b
"$swarm" start b
"$swarm" await
expect "$("$swarm" loss a b secret)" 0 "encrypted overlay: 0 % loss"
if line=$(grep -m 1 'msg="healed"' "$logs/b"); then good "the agent on b: $line"; else fail "the agent on b healed nothing"; fi
end_agents
expect "$("$swarm" loss a b secret)" 0 "the agents have ended, and the repair stays: 0 % loss"
