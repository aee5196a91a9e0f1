# SPDX-License-Identifier: Apache-2.0
# Sourced by lab.sh: the devices between nat and b (UNDERLAY).

# The devices between nat and b that have the addresses.
inside=eth1 outside=eth0
case $UNDERLAY in
vlan) inside=eth1.100 outside=eth0.100 ;;
bond) inside=bond0 outside=bond0 ;;
wireguard | gre | ipip | sit | ip6tnl | ip6gre | ppp) inside=tunnel0 outside=tunnel0 ;;
ovs) outside=br0 ;;
esac

# The kernel's modules that it needs. One that is built in is not found; a device that cannot be made is an error later.
underlay_modules() {
	[ "$UNDERLAY" != bond ] || modprobe -q bonding max_bonds=0
	case $UNDERLAY in
	wireguard | ipip) modprobe -q $UNDERLAY || true ;;
	gre) modprobe -q ip_gre || true ;;
	sit) modprobe -q sit || true ;;
	ip6tnl) modprobe -q ip6_tunnel || true ;;
	ip6gre) modprobe -q ip6_gre || true ;;
	ppp) modprobe -qa ppp_generic ppp_async || true ;;
	ovs) modprobe -q openvswitch || true ;;
	esac
}

# stack CARD SECOND-CARD NAME: lines for 'ip -batch' that make the device NAME from one card, or from two.
stack() {
	local card
	case $UNDERLAY in
	vlan)
		echo "link set $1 up"
		echo "link add link $1 name $3 type vlan id 100"
		;;
	bond)
		echo "link add $3 type bond mode balance-rr miimon 100"
		for card in "$1" "$2"; do
			echo "link set $card down"
			echo "link set $card master $3"
		done
		;;
	esac
}

# The private key of an end of the WireGuard tunnel, 32 bytes. It is constant, because nothing here is secret.
wireguard_key() { printf 'csumbpf-lab-end-%016d' "$1" | base64; }

# tunnel CARD OWN OTHER: makes the device tunnel0 from this end of the link to the other one.
tunnel() {
	case $UNDERLAY in
	ppp) ppp "$2"; return ;;
	wireguard | gre | ipip | sit | ip6tnl | ip6gre) ;;
	*) return 0 ;;
	esac
	ip link set "$1" up
	ip addr add "172.31.0.$2/24" dev "$1"
	if [ "$UNDERLAY" = ip6tnl ] || [ "$UNDERLAY" = ip6gre ]; then
		# The tunnel's own addresses are IPv6, whatever it carries.
		echo 0 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"
		ip addr add "fd00:31::$2/64" dev "$1" nodad
		ip link add tunnel0 type "$UNDERLAY" $([ "$UNDERLAY" = ip6gre ] || echo mode any) \
			local "fd00:31::$2" remote "fd00:31::$3" hoplimit 64 encaplimit none
	elif [ "$UNDERLAY" = wireguard ]; then
		ip link add tunnel0 type wireguard
		wireguard_key "$2" >"/run/csumbpf-lab.key$2" # in a file, because not every guest has /dev/fd
		wg set tunnel0 listen-port 51820 private-key "/run/csumbpf-lab.key$2" peer "$(wireguard_key "$3" | wg pubkey)" \
			allowed-ips 0.0.0.0/0,::/0 endpoint "172.31.0.$3:51820"
	else
		ip link add tunnel0 type "$UNDERLAY" local "172.31.0.$2" remote "172.31.0.$3" ttl 64
	fi
}

# unpacked PACKAGE PROGRAM [ARGUMENT...]: a program of a package that is not installed, on the libraries that it was
# unpacked with.
unpacked() {
	local tree lib
	tree=$("$(dirname "$0")/fetch-package" "$1" "$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')")
	lib=$(echo "$tree"/usr/lib/*-linux-gnu)
	OVS_PKGDATADIR=$tree/usr/share/openvswitch \
		exec "$lib"/ld-linux-*.so.? --library-path "$lib" "$tree/usr/$2" "${@:3}"
}

# ppp END: the device tunnel0 by PPP, over a pseudo-terminal between the two hosts. The pppd of END 1 starts that of the
# other host.
PPP_OPTIONS="ifname tunnel0 noauth local nodefaultroute noccp novj noipv6 asyncmap 0"
ppp() {
	local end=$((SECONDS + $(limit 60)))
	if [ "$1" = 1 ]; then
		# shellcheck disable=SC2086
		(unpacked ppp sbin/pppd $PPP_OPTIONS nodetach 172.31.0.1:172.31.0.2 \
			pty "nsenter --net=/run/netns/csumbpf-b -- '$0' pppd") >/run/csumbpf-lab.pppd.log 2>&1 </dev/null &
		echo $! >>"$HOLDERS"
	fi
	until [ -n "$(ip -o link show dev tunnel0 up 2>/dev/null)" ]; do
		[ $SECONDS -lt $end ] || fail "no PPP: $(tail -n 3 /run/csumbpf-lab.pppd.log)"
		sleep 0.1
	done
}

OVS_STATE=/run/csumbpf-lab.ovs
ovs() { # PROGRAM [ARGUMENT...]
	export OVS_RUNDIR=$OVS_STATE OVS_LOGDIR=$OVS_STATE OVS_DBDIR=$OVS_STATE
	unpacked openvswitch-switch "$@"
}

ovs_bridge() { # CARD
	[ "$UNDERLAY" = ovs ] || return 0
	local database=unix:$OVS_STATE/db.sock
	mkdir -p $OVS_STATE
	(ovs bin/ovsdb-tool create)
	(ovs sbin/ovsdb-server --remote="p$database") >$OVS_STATE/ovsdb-server.log 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
	(ovs bin/ovs-vsctl --db=$database --retry --no-wait init)
	(ovs lib/openvswitch-switch/ovs-vswitchd $database) >$OVS_STATE/ovs-vswitchd.log 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
	ip link set "$1" up
	(ovs bin/ovs-vsctl --db=$database --timeout="$(limit 60)" add-br br0 -- add-port br0 "$1")
}

# Programs that hold what is to be removed.
underlay_stop() {
	if [ -S $OVS_STATE/db.sock ]; then
		# The kernel's datapath outlives the daemon and holds the card.
		in_host b "$0" ovs-down || true
	fi
}

underlay_remove() {
	local host
	# On Linux 5.10 the socket of WireGuard would hold the namespace.
	if [ -d /sys/module/wireguard ]; then
		for host in nat b; do ip -n csumbpf-$host link del tunnel0 2>/dev/null || true; done
	fi
	rm -rf $OVS_STATE
}

# What has to run in a host's network namespace, as 'lab.sh COMMAND'.
underlay_command() {
	case $1 in
	pppd)
		# shellcheck disable=SC2086
		unpacked ppp sbin/pppd $PPP_OPTIONS notty
		;;
	ovs-down) ovs bin/ovs-vsctl --db=unix:$OVS_STATE/db.sock --timeout="$(limit 60)" del-br br0 ;;
	esac
}
