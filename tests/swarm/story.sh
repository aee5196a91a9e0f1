#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# story.sh SUITE FOLDER: demonstrates and checks moby issue 37115: a Swarm's encrypted overlay across a 1:1 NAT is dead, one
# 'docker stack deploy' makes it work on every node, also on one that joins later, and another stack ends that and leaves
# nothing. FOLDER has what 'make dist' made. Runs where swarm.sh runs. Every figure is measured; the first that is not as
# described ends the script.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab.sh
swarm=$here/swarm.sh
packages=$2
csumbpf=${CSUMBPF:-$(readlink -f "$here/../..")/bin/csumbpf}

. "$here/../demo/narrate.sh"
. "$here/../lab/limit.sh"
finish() {
	detach_all
	"$swarm" down
}
trap finish EXIT

# A container's first packets wait for the address of the other one.
until_no_loss() { # from to network
	local end=$((SECONDS + $(limit 20)))
	until [ "$("$swarm" loss "$@")" = 0 ]; do
		[ $SECONDS -lt $end ] || fail "$3: packets from $1 to $2 are still lost"
	done
}
# Waits until the newest task of a service is in a state on all these nodes.
until_tasks() { # service state node...
	local service=$1 state=$2 end=$((SECONDS + $(limit 180)))
	shift 2
	until [ "$("$swarm" tasks "$service" "$state")" = "$*" ]; do
		[ $SECONDS -lt $end ] || { "$swarm" docker a service ps --no-trunc "$service"; fail "$service is not $state on $*"; }
		sleep 2
	done
	good "$service is $state on $*"
}
deploy() { # stack file...
	show "${dim}\$ docker stack deploy --resolve-image never -c ${2##*/} $1$plain"
	"$swarm" deploy "$@"
}
# Asks csumbpf in the task of a node, as a person does who has not installed it there.
in_task() { # host arguments
	local host=$1 task
	shift
	task=$("$swarm" docker "$host" ps --quiet --filter name=csumbpf_agent | head -n 1)
	show "${dim}\$ docker exec $task csumbpf $*$plain"
	"$swarm" docker "$host" exec "$task" csumbpf "$@" | sed 's/^/  /'
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

say "The image is on both nodes. One command on the manager:"
version=$(basename "$packages"/csumbpf-*-swarm.yml)
version=${version#csumbpf-}
version=${version%-swarm.yml}
for host in a b; do "$swarm" load $host "$packages/csumbpf-$version-image-$(dpkg --print-architecture).tar"; done
began=$(date +%s%N)
deploy csumbpf "$packages/csumbpf-$version-swarm.yml" "$here/emulated.yml"
until [ "$("$swarm" loss a b secret)" = 0 ]; do
	[ $(($(date +%s%N) - began)) -lt $(($(limit 180) * 1000000000)) ] || fail "packets are still lost"
done
good "0 % loss, $((($(date +%s%N) - began) / 1000000000)) seconds after the command"
until_tasks csumbpf_agent Running swarm-a swarm-b

say "After: the same packets get through. Nothing in Docker has changed, nobody has typed a command of csumbpf."
errors_a=$(bad_checksums a) errors_b=$(bad_checksums b)
expect "$("$swarm" loss a b secret)" 0 "encrypted overlay: ping from a's container to b's: 0 % loss"
expect "$("$swarm" loss b a secret)" 0 "and from b's to a's: 0 % loss"
expect "$("$swarm" loss a b plain)" 0 "unencrypted overlay: 0 % loss"
expect "$("$swarm" transfer a b secret 20 60)" whole "20 MB by TCP from container to container: arrive with the same SHA-256"
expect "$("$swarm" published)" "swarm-a swarm-b" "published port of a: the replicas of a and b answer"
expect "$(bad_checksums a)/$(bad_checksums b)" "$errors_a/$errors_b" "no new UdpInCsumErrors on a and b"
in_task b status

say "A new encrypted network, with a container on each host."
"$swarm" create later 10.0.12.0/24
until_no_loss a b later
good "network later (VNI $("$swarm" vni later)): 0 % loss"

say "A third engine joins: swarm-c, behind the same NAT (10.97.0.2, outside 203.0.113.11). It has the image, and nothing else."
"$swarm" third "$1"
"$swarm" load c "$packages/csumbpf-$version-image-$(dpkg --print-architecture).tar"
"$swarm" join c
until_tasks csumbpf_agent Running swarm-a swarm-b swarm-c
"$swarm" await
until_no_loss a c secret
good "encrypted overlay: ping from a's container to c's: 0 % loss"
until_no_loss b c secret
good "encrypted overlay: ping from b's container to c's, twice through the NAT: 0 % loss"
in_task c status

say "The stack is removed: the repair goes on."
show "${dim}\$ docker stack rm csumbpf$plain"
"$swarm" docker a stack rm csumbpf >/dev/null
expect "$("$swarm" loss a b secret)" 0 "encrypted overlay: 0 % loss"

say "Another stack ends it on every node, and undoes all that csumbpf changed there: dead again."
deploy csumbpf-remove "$packages/csumbpf-$version-swarm-remove.yml"
until_tasks csumbpf-remove_detach Complete swarm-a swarm-b swarm-c
expect "$("$swarm" loss a b secret)" 100 "encrypted overlay: 100 % loss"
expect "$("$swarm" loss a b plain)" 0 "unencrypted overlay: 0 % loss"
for host in a b c; do
	expect "$(on $host nft list tables | grep -c csumbpf)" 0 "nft on $host: no table csumbpf"
	expect "$(ls "$("$swarm" bpffs $host)")" "" "bpffs on $host: empty"
done
