#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# swarm.sh up SUITE|down: starts or ends Docker engines of a Debian suite on hosts a and b of tests/lab, as a swarm
# across its NAT. Runs in a virtual machine (tests/vm/run --links 2 --memory 4096), after tests/swarm/fetch-engine has
# put that suite's engine into the cache.
#
#   a: manager, advertised as 203.0.113.2       b: worker, advertised as 203.0.113.10, its address outside
#   networks: secret (encrypted overlay), plain (overlay), and the ingress network, encrypted, too
#   service: box, a replica on each host, on secret and plain, published on port 8080, where it answers its host's name
#
# An engine uses the network namespace of its host, and has its own root, /run, bpffs and host name (swarm-a, swarm-b). It
# has AppArmor, whose profile docker-default is enforced, unless CSUMBPF_APPARMOR=off.
#
# swarm.sh docker HOST ARGUMENT...   runs a docker command on the engine of a host
# swarm.sh third SUITE               starts an engine on a third host, c, behind the same NAT: 10.97.0.2, outside
#                                    203.0.113.11. It is in no swarm yet: join c
# swarm.sh stop|start HOST           stops or starts an engine
# swarm.sh leave|join HOST           leaves or joins the swarm
# swarm.sh socket HOST               prints the path of the engine's socket
# swarm.sh bpffs HOST                prints where the host's bpffs is
# swarm.sh await                     waits until the service has a replica on both hosts and its names have addresses
# swarm.sh create NETWORK SUBNET     makes an encrypted overlay, and a container on it on each host, both named NETWORK
# swarm.sh remove NETWORK            removes what create made
# swarm.sh vni NETWORK               prints the network's VNI
# swarm.sh address HOST NETWORK      prints the address of the replica on a host
# swarm.sh loss FROM TO NETWORK [SIZE]   prints the loss of 5 pings between replicas, or between what create made, in
#                                    percent
# swarm.sh transfer FROM TO NETWORK MB SECONDS   sends MB by TCP; prints "whole" if they arrive in time with the same
#                                    SHA-256, else "lost"
# swarm.sh names HOST                prints the addresses of the service's name on a host
# swarm.sh published                 prints which replicas answer 8 requests from outside to a's published port
# swarm.sh pings NETWORK             lets the replicas ping each other, both ways, until 'swarm.sh quiet', which prints for
#                                    each way how many were sent, and how many answers came
# swarm.sh load HOST FILE            loads an image into the engine of a host
# swarm.sh secret NAME FILE          makes a secret of the swarm
# swarm.sh deploy STACK FILE...      deploys a stack, with images that are loaded. CSUMBPF_LISTEN: as in csumbpf.yml
# swarm.sh tasks SERVICE STATE       prints the host names whose newest task of the service is in the state: Running, Complete
# swarm.sh agent HOST TARBALL        unpacks the tarball on a host and starts its agent there, as the package's unit does
# swarm.sh end-agent HOST            ends that agent
# swarm.sh logs HOST CONTAINER       prints what a container said
# swarm.sh report                    prints for each engine its log's end, its containers, and what these said
# swarm.sh namespaces HOST|none      shows in /run/docker/netns what the engine of a host has there in its own root: as on a
#                                    host of its own, where csumbpf finds the VXLAN devices by it
# swarm.sh break|mend ID             breaks the overlays, and undoes that. not-encrypted: removes the rule of b's engine
#                                    that marks packets of the network secret for encryption. Others are those of lab.sh
#
# CSUMBPF_KEY_ROTATION=SECONDS: how often the manager changes the keys. The default is 12 hours, for which Docker has no
# option, so the number is changed in a copy of its program.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
lab=$here/../lab/lab.sh
state=/run/csumbpf-swarm
. "$here/../../deploy/package/debian.sh"
. "$here/../lab/limit.sh"

# A line for the process, and one for each network.
# shellcheck disable=SC2016
ADDRESSES='pid {{.State.Pid}}{{range $name, $network := .NetworkSettings.Networks}}
{{$name}} {{$network.IPAddress}}{{end}}'

advertised() {
	case $1 in
	a) echo 203.0.113.2 ;;
	b) echo 203.0.113.10 ;;
	c) echo 203.0.113.11 ;;
	esac
}
own_address() {
	case $1 in
	b) echo 10.99.0.2 ;;
	c) echo 10.97.0.2 ;;
	esac
}

# inside HOST COMMAND...: runs a command in the engine's root and namespaces.
inside() {
	local host=$1
	shift
	nsenter --target "$(<"$state/$host.init")" --mount --uts --pid --net -- /bin/busybox env -i PATH=/usr/sbin:/usr/bin:/bin HOME=/root "$@"
}

docker() { # host arguments
	local host=$1
	shift
	inside "$host" /usr/bin/docker "$@"
}

until_done() { # seconds host command...
	local end=$((SECONDS + $(limit "$1"))) host=$2
	shift 2
	until "$@"; do
		[ $SECONDS -lt $end ] || { tail -n 20 "$state/$host.log" >&2; fail "waited in vain: $*"; }
		sleep 2
	done
}

# A process that does nothing holds the engine's namespaces; everything that runs in them ends with this process.
root() { # host tree
	local ready=$state/$1.ready
	mkfifo "$ready"
	nsenter --net="/run/netns/csumbpf-$1" -- unshare --mount --uts --pid --fork --propagation private bash -euc '
		host=$1 tree=$2
		exec 3>"$3"
		mount --bind "$tree" "$tree"
		mount -t proc proc "$tree/proc"
		mount -t sysfs sysfs "$tree/sys"
		mount -t cgroup2 cgroup2 "$tree/sys/fs/cgroup"
		[ "${CSUMBPF_APPARMOR-}" = off ] || mount -t securityfs securityfs "$tree/sys/kernel/security"
		mount -t bpf bpf "$tree/sys/fs/bpf"
		mount --rbind /lib/modules "$tree/lib/modules"
		mount --rbind /dev "$tree/dev"
		mkdir -p "$tree/var/lib/containerd"
		for directory in run tmp var/lib/docker var/lib/containerd etc/docker; do mount -t tmpfs tmpfs "$tree/$directory"; done
		hostname "swarm-$host"
		cd "$tree"
		pivot_root . old
		exec /bin/busybox chroot . /bin/busybox sh -c "/bin/busybox umount -l /old; /bin/busybox mount --make-rshared /; echo >&3; exec 3>&-; exec /bin/busybox sleep 1000000"
	' - "$1" "$2" "$ready" </dev/null >"$state/$1.root" 2>&1 &
	local parent=$!
	read -r -t "$(limit 20)" <"$ready" || { cat "$state/$1.root" >&2; fail "no root for the engine on $1"; }
	rm "$ready"
	pgrep -P $parent >"$state/$1.init"
}

# Started separately, as by Debian's services, because an engine waits only 15 seconds for one that it starts itself.
containerd() { # host
	inside "$1" /usr/bin/containerd >>"$state/$1.log" 2>&1 </dev/null &
	until_done 120 "$1" inside "$1" /bin/busybox test -S /run/containerd/containerd.sock
}

start() { # host
	# Without a default bridge, because the containers use overlays only.
	inside "$1" /usr/sbin/dockerd --host unix:///run/docker.sock --containerd /run/containerd/containerd.sock --storage-driver overlay2 \
		--bridge none >>"$state/$1.log" 2>&1 </dev/null &
	until_done 120 "$1" inside "$1" /bin/busybox test -S /run/docker.sock
	until_done 120 "$1" answers "$1"
}
answers() { docker "$1" version >/dev/null 2>&1; }

# The engine's socket, as a path of this mount namespace.
socket() { echo "/proc/$(<"$state/$1.init")/root/run/docker.sock"; }

bpffs() { echo "/proc/$(<"$state/$1.init")/root/sys/fs/bpf"; }

stop() { # host
	inside "$1" /bin/busybox sh -c 'kill $(/bin/busybox cat /run/docker.pid)'
	until_done 120 "$1" stopped "$1"
}
stopped() { ! inside "$1" /bin/busybox test -e /run/docker.pid; }

join() { # host
	docker "$1" swarm join --advertise-addr "$(advertised "$1")" --listen-addr "$(own_address "$1"):2377" \
		--token "$(docker a swarm join-token -q worker)" 203.0.113.2:2377 >/dev/null
}

leave() { # host
	docker "$1" swarm leave >/dev/null
	until_done 60 "$1" no_replica "$1"
}
no_replica() { [ -z "$(replica "$1")" ]; }

vni() { docker a network inspect --format '{{index .Options "com.docker.network.driver.overlay.vxlanid_list"}}' "$1"; }

replica() { docker "$1" ps --quiet --filter label=com.docker.swarm.service.name=box --filter status=running | head -n 1; }

await() {
	until_done 300 a running
	until_done 120 a known
}
# The hosts that have a replica of the service, or will have.
hosts() { if [ -e "$state/c.init" ] && docker c info --format '{{.Swarm.LocalNodeState}}' | grep -qx active; then echo a b c; else echo a b; fi; }
# Does not use 'docker service ls', which still counts the replica of a node that left. An emulated engine takes a
# second to answer, which delays the replicas, so no engine is asked before the processes of both replicas exist.
running() {
	local host hosts
	hosts=$(hosts)
	[ "$(pgrep -c -f '^httpd -f -p 80 ')" -ge "$(wc -w <<<"$hosts")" ] || return 1
	for host in $hosts; do found "$host" || return 1; done
}
# Stores what is needed of a replica often, so that the engine is asked once.
found() { # host
	local id
	id=$(replica "$1")
	[ -n "$id" ] || return 1
	docker "$1" inspect --format "$ADDRESSES" "$id" >"$state/$1.replica"
}
# The hosts learn the addresses of each other's containers some time after these have started.
known() {
	local host hosts addresses
	hosts=$(hosts)
	addresses=$(names a)
	[ "$(wc -w <<<"$addresses")" = "$(wc -w <<<"$hosts")" ] || return 1
	for host in $hosts; do [ "$addresses" = "$(names "$host")" ] || return 1; done
}

about() { awk -v key="$3" '$1 == key { print $2 }' "$state/$1.$2"; } # host container key

# The container that is on a network: what create made, or the replica.
on_network() { if [ -e "$state/$1.container-$2" ]; then echo "container-$2"; else echo replica; fi; } # host network

address() { about "$1" "$(on_network "$1" "$2")" "$2"; } # host network

# Runs a command in a container, like docker exec.
in_container() { # host container command...
	local host=$1 container=$2
	shift 2
	inside "$host" /bin/busybox nsenter -t "$(about "$host" "$container" pid)" -m -n -- "$@"
}
in_replica() { # host command...
	local host=$1
	shift
	in_container "$host" replica "$@"
}

create() { # network subnet
	local host
	docker a network create --driver overlay --attachable --opt encrypted --subnet "$2" "$1" >/dev/null
	for host in a b; do
		until_done 120 "$host" runs "$host" "$1"
		docker "$host" inspect --format "$ADDRESSES" "$1" >"$state/$host.container-$1"
	done
}

# An emulated engine may need longer for the network than it allows itself, and runs nothing then.
runs() { # host network
	docker "$1" rm --force "$2" >/dev/null 2>&1 || true
	docker "$1" run --detach --name "$2" --network "$2" lab sh -c 'exec httpd -f -p 81' >/dev/null 2>&1
}

remove() { # network
	local host
	for host in a b; do
		docker "$host" rm --force "$1" >/dev/null
		rm "$state/$host.container-$1"
	done
	until_done 60 a removed "$1"
}
removed() { docker a network rm "$1" >/dev/null 2>&1; }

names() { # host
	in_replica "$1" nslookup tasks.box 127.0.0.11 2>/dev/null | awk '/^Name:/ { n = 1 } n && /^Address/ { print $NF }' | sort -u | xargs
}

loss() { # from to network [size]
	# ping fails if all is lost.
	{ in_container "$1" "$(on_network "$1" "$3")" ping -q -c 5 -i 0.05 -W 1 -s "${4:-56}" "$(address "$2" "$3")" || true; } | sed -n 's/.* \([0-9]*\)% packet loss.*/\1/p'
}

load() { docker "$1" load --quiet <"$2" >/dev/null; } # host file

secret() { docker a secret create "$1" - <"$2" >/dev/null; } # name file

deploy() { # stack file...
	local stack=$1 file files=()
	shift
	for file; do
		inside a /bin/busybox sh -c "/bin/busybox cat >/run/${#files[@]}.yml" <"$file"
		files+=(--compose-file "/run/${#files[@]}.yml")
	done
	inside a /bin/busybox env CSUMBPF_LISTEN="${CSUMBPF_LISTEN-}" \
		/usr/bin/docker stack deploy --resolve-image never "${files[@]}" "$stack" >/dev/null
}

# An engine that is busy shows the tasks of before for some time.
tasks() { # service state
	docker a service ps --format '{{.Node}} {{.CurrentState}}' "$1" | awk -v state="$2" '!seen[$1]++ && $2 == state { print $1 }' | sort | xargs
}

# Each way in a process group of its own, because a ping in a container does not end with the nsenter that began it.
pings() { # network
	local from=a to=b address
	set -m
	for _ in 1 2; do
		address=$(address $to "$1")
		in_container $from "$(on_network $from "$1")" ping -q -i 0.2 "$address" </dev/null >"$state/$from.pings" 2>&1 &
		echo $! >>"$state/pings"
		from=b to=a
	done
}
quiet() {
	local group
	[ -e "$state/pings" ] || return 0
	while read -r group; do kill -INT -- "-$group" 2>/dev/null || true; done <"$state/pings"
	sleep 1
	while read -r group; do kill -KILL -- "-$group" 2>/dev/null || true; done <"$state/pings"
	sed -n 's/^\([0-9]*\) packets transmitted, \([0-9]*\) packets received.*/\1 \2/p' "$state"/[ab].pings
	rm "$state/pings" "$state"/[ab].pings
}

# The engine's root is the host's: so the agent's lock is where an agent in a container has it.
agent() { # host tarball
	inside "$1" /bin/busybox mkdir -p /opt
	inside "$1" /bin/busybox tar -xz -C /opt <"$2"
	# Where busybox is all there is, the command finds its tools so.
	inside "$1" /bin/busybox sh -c '
		set -e
		echo $$ >/run/agent.pid
		/bin/busybox mkdir -p /opt/tools
		/bin/busybox --install -s /opt/tools
		[ -e /bin/sh ] || /bin/busybox ln -sf busybox /bin/sh
		PATH=$PATH:/opt/tools exec /opt/csumbpf-*/csumbpf agent' </dev/null >"$state/$1.agent" 2>&1 &
}
end-agent() { inside "$1" /bin/busybox sh -c 'kill $(/bin/busybox cat /run/agent.pid)'; } # host

logs() { docker "$1" logs "$2" 2>&1; } # host container

# For who reads why a case failed: goes on where a command fails.
report() {
	local host container name
	for host in a b c; do
		[ -e "$state/$host.init" ] || continue
		echo "== engine on $host"
		grep -v 'Could not get operating system' "$state/$host.log" | tail -n 60 || true
		[ ! -e "$state/$host.agent" ] || tail -n 60 "$state/$host.agent"
		docker "$host" ps --all --no-trunc --format '{{.ID}} {{.Names}} {{.Status}}' >"$state/containers" 2>&1 || true
		cat "$state/containers"
		while read -r container name _; do
			case $name in box.*) continue ;; esac
			echo "== $name on $host"
			docker "$host" inspect --format '{{json .State}}' "$container" </dev/null 2>&1 || true
			docker "$host" logs --tail 60 "$container" </dev/null 2>&1 || true
		done <"$state/containers"
	done
}

namespaces() { # host|none
	local shown=/run/docker/netns own file
	mkdir -p $shown
	for file in "$shown"/*; do
		[ ! -e "$file" ] || { umount "$file" && rm "$file"; }
	done
	[ "$1" != none ] || return 0
	# One by one: of another mount namespace the kernel binds nothing but these. mount would resolve /proc/PID/root to /.
	own=/proc/$(<"$state/$1.init")/root$shown
	for file in "$own"/*; do
		: >"$shown/${file##*/}"
		mount --no-canonicalize --bind "$file" "$shown/${file##*/}"
	done
}

# Not of 'iptables -S OUTPUT' the whole, because b's engine marks packets of the ingress network, too.
breakage() { # break|mend id
	local vni rules
	case $2/$1 in
	not-encrypted/break)
		# As bytecode or u32 has it: the VNI, or the word that it is in.
		vni=$(vni secret)
		rules=$("$lab" exec b iptables -t mangle -S OUTPUT | grep -e '-j MARK' | grep -E "[ =]($vni|$(printf '0x%x' $((vni << 8))))\b")
		[ "$(wc -l <<<"$rules")" = 1 ] || fail "not one rule marks VNI $vni: $rules"
		echo "${rules#-A }" >"$state/rule"
		mark_rule -D
		;;
	not-encrypted/mend) mark_rule -A ;;
	*) "$lab" "$@" ;;
	esac
}
# The rule has quoted words.
mark_rule() { eval "'$lab' exec b iptables -t mangle $1 $(<"$state/rule")"; }

transfer() { # from to network MB seconds
	local sent received
	sent=$(in_replica "$1" sh -c "head -c ${4}000000 /dev/urandom >/www/file; sha256sum </www/file")
	received=$(in_replica "$2" sh -c "timeout $(limit "$5") wget -q -O - http://$(address "$1" "$3")/file | sha256sum")
	if [ "$received" = "$sent" ]; then echo whole; else echo lost; fi
}

# Sends all requests at once, because those without an answer wait for the time limit.
published() {
	# shellcheck disable=SC2016
	"$lab" exec nat env LIMIT="$(limit 5)" bash -c '
		ask() { timeout "$LIMIT" bash -c "exec 3<>/dev/tcp/203.0.113.2/8080 && printf \"GET / HTTP/1.0\r\n\r\n\" >&3 && tail -n 1 <&3" 2>/dev/null; }
		for try in 1 2 3 4 5 6 7 8; do ask & done
		wait' | sort -u | xargs
}

image() { # -> a tar file
	local tree applet
	tree=$(mktemp -d)
	mkdir -p "$tree"/{bin,www,tmp,proc,sys,dev,etc}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for applet in sh head httpd nslookup ping sha256sum timeout wget; do ln -s busybox "$tree/bin/$applet"; done
	tar -c -C "$tree" .
	rm -rf "$tree"
}

engine() { # host tree
	root "$1" "$2"
	containerd "$1"
	start "$1"
	docker "$1" import - lab <$state/image >/dev/null
}

up() { # suite
	local tree worker
	tree=$("$here/fetch-engine" "$1")
	mkdir -p $state
	# Loads what Docker's rules and overlays use, because the engine's root has no modprobe.
	modprobe -qa overlay bridge br_netfilter veth vxlan ip_vs ip_vs_rr xt_ipvs xt_policy xt_mark xt_u32 xt_bpf xt_addrtype xt_conntrack \
		xt_nat xt_REDIRECT xt_MASQUERADE xt_tcpudp nft_compat nft_chain_nat esp4 xfrm_user || true
	OVERLAY=none "$lab" up
	# Docker's namespace for the ingress network must forward. New namespaces inherit this from the first one, in which an
	# engine usually runs.
	sysctl -qw net.ipv4.ip_forward=1
	# Written to the layer of memory above the cache.
	cp "$(command -v busybox)" "$tree/bin/busybox"
	if [ -n "${CSUMBPF_KEY_ROTATION-}" ]; then "$here/shorten-key-rotation" "$tree/usr/sbin/dockerd" "$CSUMBPF_KEY_ROTATION"; fi
	image >$state/image
	engine b "$tree" &
	worker=$!
	engine a "$tree"
	docker a swarm init --advertise-addr "$(advertised a)" >/dev/null
	docker a network create --driver overlay --attachable --opt encrypted --subnet 10.0.9.0/24 secret >/dev/null
	docker a network create --driver overlay --attachable --subnet 10.0.10.0/24 plain >/dev/null
	echo y | docker a network rm ingress >/dev/null
	until_done 60 a ingress_gone
	docker a network create --driver overlay --ingress --opt encrypted --subnet 10.0.11.0/24 ingress-encrypted >/dev/null
	wait $worker
	join b
	docker a service create --quiet --detach --no-resolve-image --name box --mode global --network secret --network plain --publish 8080:80 \
		--stop-grace-period 1s --env 'NODE={{.Node.Hostname}}' lab sh -c 'echo $NODE >/www/index.html; exec httpd -f -p 80 -h /www' >/dev/null 2>&1
	await
}
third() { # suite
	ip netns add csumbpf-c
	{
		echo "link add csl-c type veth peer name eth0 netns csumbpf-c"
		echo "link set csl-c up"
		echo "addr add 10.97.0.1/24 dev csl-c"
	} | "$lab" exec nat ip -batch -
	"$lab" exec nat nft -f - <<-END
		add rule ip onetoone inbound ip daddr $(advertised c) dnat to $(own_address c)
		add rule ip onetoone outbound ip saddr $(own_address c) snat to $(advertised c)
	END
	{
		echo "link set lo up"
		echo "link set eth0 up"
		echo "addr add $(own_address c)/24 dev eth0"
		echo "route add default via 10.97.0.1"
	} | "$lab" exec c ip -batch -
	"$lab" exec c sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	# The NAT answers no ARP for it, as for b.
	"$lab" exec a ip route add "$(advertised c)" via 203.0.113.1
	engine c "$("$here/fetch-engine" "$1")"
}
ingress_gone() { ! docker a network inspect ingress >/dev/null 2>&1; }

down() {
	local host
	for host in a b c; do
		[ ! -f "$state/$host.init" ] || kill -KILL "$(<"$state/$host.init")" 2>/dev/null || true
	done
	ip netns del csumbpf-c 2>/dev/null || true
	rm -rf $state
	"$lab" down
}

case ${1-} in
up | third | start | stop | socket | bpffs | leave | join | await | create | remove | vni | address | loss | transfer | names | published | pings | quiet | agent | end-agent | logs | report | namespaces | load | secret | deploy | tasks | docker | down)
	command=$1
	shift
	$command "$@"
	;;
break | mend) breakage "$@" ;;
*) fail "unknown command '${1-}'; see the head of $here/swarm.sh" ;;
esac
