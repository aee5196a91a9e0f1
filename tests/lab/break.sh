# SPDX-License-Identifier: Apache-2.0
# Sourced by lab.sh: 'lab.sh break ID' breaks the overlay of a lab that is up, 'lab.sh mend ID' undoes that. An ID is the
# one of the finding that 'csumbpf doctor' must give, on b unless the line below names another host; ID.WORD is another way
# to break the same. The lab is attached on a and b, unless the line says otherwise.
#
# ID                        what breaks                                                      pings
#   nat-checksum            nothing, but the lab is not attached                              lost
#   conntrack-invalid       b drops invalid packets; not attached                             lost
#   sender-checksum         a writes a wrong UDP checksum before ESP; NAT=none, not attached  lost
#   spi-mismatch            b's SAs have other SPIs                                           lost
#   sa-missing              b has neither SAs nor policies                                    lost
#   sa-address-mismatch     b's SAs are for another of its addresses (Docker: --data-path-addr
#                           differs from the address that the engine listens at)              lost
#   esp-module-disabled     modprobe.d forbids esp4, so that there are no SAs, on both hosts  lost
#   esp-blocked             nat drops ESP                                                     lost
#   esp-blocked.in          nat drops ESP from a                                              lost
#   esp-one-way             b's OUTPUT drops VXLAN before encryption                          lost
#   not-encrypted           b's mark rule is gone                                             lost
#   policy-port-mismatch    b's policy is for another port than the VXLAN devices             lost
#   guard-missing           b's rule against unencrypted packets is gone                      pass
#   replay-or-auth          b has another key                                                 lost
#   replay-or-auth.replay   b has a replay window, and a's sequence numbers begin anew        lost
#   firewall-after-decryption[.nft]  b's INPUT drops VXLAN after decryption                   lost
#   fdb-source-mismatch     nat gives a's packets another source address; DEVICES=docker      lost
#   fdb-source-mismatch.entry  b's FDB entry names another host; DEVICES=docker               lost
#   vxlan-port-conflict     another process has the port, so b's VXLAN devices are down       lost
#   vxlan-orphan            b's VXLAN device is one that Docker left in the host's namespace  lost
#   mtu-fragments           the overlay's MTU is 1,500: full-size ESP is fragmented           pass
#   mtu-blackhole           nat drops packets above 1,400 bytes, without ICMP                 large ones lost
#   fragments-lost          the same as mtu-fragments, and nat drops all but first fragments;
#                           FAMILY=4                                                          large ones lost
#   offload-unsafe          b has an SA for IPComp, which esp4_offload breaks                 pass
#   backstop-lost           b's nftables table of csumbpf is gone                             pass
#   attachment-lost         b's program is off its hook                                       pass, by the backstop
#   chain-ended             a filter before b's program ends the chain; attached on b by
#                           --hook clsact --backstop never                                    lost
#   many-behind-one         on a: a host c is behind b's public address, too; its endpoint is 10.0.9.3.
#                           Pings to c are lost; those to b pass

BREAKAGE=csumbpf-lab-breakage # a table of nftables, and the name of files

breakage() { # break|mend ID
	local function=$1_${2//[-.]/_}
	declare -F "$function" >/dev/null || fail "break.sh has no '$2'"
	"$function"
}

# b_sas [PORT [LOCAL [SPI-OUT SPI-IN]]]: b's SAs and policies anew; KEY and REPLAY_WINDOW are those of esp.
b_sas() {
	b_dissociate
	PORT=${1:-$PORT} esp "${2:-$B_OUTER}" "$A_PUBLIC" "${3:-$SPI_TO_A}" "${4:-$SPI_TO_B}" | in_host b ip -batch -
}
b_dissociate() {
	printf 'xfrm %s flush\n' state policy | in_host b ip -batch -
}
both_sas() {
	printf 'xfrm %s flush\n' state policy | in_host a ip -batch -
	b_dissociate
	associate
}

# hook HOST TYPE HOOK PRIORITY RULE...: a chain in a table of its own. unhook HOST: removes that.
hook() {
	local host=$1 chain="type $2 hook $3 priority $4"
	shift 4
	{
		printf 'table %s %s {\n chain %s { %s; }\n}\n' $NFT_FAMILY $BREAKAGE $BREAKAGE "$chain"
		printf "add rule $NFT_FAMILY $BREAKAGE $BREAKAGE %s\n" "$@"
	} | in_host "$host" nft -f -
}
unhook() { in_host "$1" nft delete table $NFT_FAMILY $BREAKAGE; }
esp_protocol() { [ "$FAMILY" = 4 ] && echo "ip protocol esp" || echo "ip6 nexthdr esp"; }

b_rule() { in_host b "$IPTABLES" "$@"; }

# b's rules of Docker anew.
b_guard() {
	if [ "$GUARD" = nft ]; then
		in_host b nft delete table $NFT_FAMILY docker-overlay
	else
		b_rule -t mangle -F OUTPUT
		b_rule -F INPUT
	fi
	in_host b "$0" guard
}

# b's VXLAN devices anew.
b_devices() {
	local n
	for n in $(seq 0 $(($(wc -w <<<"$VNIS") - 1))); do echo "link del vxlan$n"; done | in_host b ip -force -batch - 2>/dev/null || true
	overlay "$B_OUTER" "$A_PUBLIC" 2 | in_host b ip -batch -
	in_host b "$0" forward "$A_PUBLIC" 2
}

b_pins() { echo "/sys/fs/bpf/csumbpf/$(stat -L -c %i /run/netns/csumbpf-b)/$(in_host b ip -o link show dev $outside | cut -d : -f 1)"; }

break_nat_checksum() { :; }
mend_nat_checksum() { :; }

break_conntrack_invalid() { b_rule -I INPUT -m conntrack --ctstate INVALID -j DROP; }
mend_conntrack_invalid() { b_rule -D INPUT -m conntrack --ctstate INVALID -j DROP; }

# By one of five wrong numbers, because what VXLAN carries has checksums of its own: the right one is nearly constant.
break_sender_checksum() {
	# So many that three of the same in a row, which csumbpf takes for a NAT that maps anew, are rare.
	local n numbers map=
	numbers=$(seq 0 15)
	for n in $numbers; do map+="$n : goto wrong$n, "; done
	{
		echo "table $NFT_FAMILY $BREAKAGE {"
		for n in $numbers; do printf ' chain wrong%s { udp checksum set %s; }\n' $n $((0x1111 + n * 0xd05)); done
		printf ' chain out {\n type filter hook output priority 0\n udp dport %s numgen random mod 16 vmap { %s }\n }\n}\n' "$PORT" "${map%, }"
	} | in_host a nft -f -
}
mend_sender_checksum() { unhook a; }

break_spi_mismatch() { b_sas "$PORT" "$B_OUTER" 0x2001 0x2002; }
mend_spi_mismatch() { b_sas; }

break_sa_missing() { b_dissociate; }
mend_sa_missing() { b_sas; }

# As moby does it: SAs and policies have the address that the engine listens at, peers send to the one of the data path, and
# the SPIs are hashes of what is advertised, so they are the right ones.
break_sa_address_mismatch() {
	local other=10.96.0.2
	[ "$FAMILY" = 4 ] || other=fd00:96::2
	ip -n csumbpf-b link add csl-other type dummy
	ip -n csumbpf-b link set csl-other up
	ip -n csumbpf-b addr add $other/$PREFIX dev csl-other
	b_sas "$PORT" $other
}
mend_sa_address_mismatch() {
	ip -n csumbpf-b link del csl-other
	b_sas
}

break_esp_module_disabled() {
	local end=$((SECONDS + $(limit 30))) module=esp$FAMILY
	printf 'install %s /bin/false\n' $module >/etc/modprobe.d/$BREAKAGE.conf
	printf 'xfrm %s flush\n' state policy | in_host a ip -batch -
	b_dissociate
	# The kernel frees an SA somewhat later.
	until ! [ -e /sys/module/$module ] || rmmod ${module}_offload $module 2>/dev/null || rmmod $module 2>/dev/null; do
		[ $SECONDS -lt $end ] || fail "$module is in use"
		sleep 0.2
	done
	# As Docker, which only logs the error: the policies come, the SAs do not.
	esp "$B_OUTER" "$A_PUBLIC" $SPI_TO_A $SPI_TO_B | grep policy | in_host b ip -batch -
	esp "$A_OUTER" "$B_PUBLIC" $SPI_TO_B $SPI_TO_A | grep policy | in_host a ip -batch -
	! associate 2>/dev/null || fail "SAs can be made although $module is forbidden"
}
mend_esp_module_disabled() {
	rm /etc/modprobe.d/$BREAKAGE.conf
	modprobe esp$FAMILY
	both_sas
}

break_esp_blocked() { hook nat filter forward 0 "$(esp_protocol) counter drop"; }
mend_esp_blocked() { unhook nat; }

break_esp_blocked_in() { hook nat filter forward 0 "iifname eth0 $(esp_protocol) counter drop"; }
mend_esp_blocked_in() { unhook nat; }

break_esp_one_way() { b_rule -I OUTPUT -p udp --dport "$PORT" -j DROP; }
mend_esp_one_way() { b_rule -D OUTPUT -p udp --dport "$PORT" -j DROP; }

break_not_encrypted() {
	if [ "$GUARD" = nft ]; then in_host b nft flush chain $NFT_FAMILY docker-overlay enc-out; else b_rule -t mangle -F OUTPUT; fi
}
mend_not_encrypted() { b_guard; }

break_policy_port_mismatch() { b_sas $((PORT + 1)); }
mend_policy_port_mismatch() { b_sas; }

break_guard_missing() {
	if [ "$GUARD" = nft ]; then in_host b nft flush chain $NFT_FAMILY docker-overlay enc-in; else b_rule -F INPUT; fi
}
mend_guard_missing() { b_guard; }

break_replay_or_auth() { KEY=0x1102030405060708090a0b0c0d0e0f1011121314 b_sas; }
mend_replay_or_auth() { b_sas; }

break_replay_or_auth_replay() { REPLAY_WINDOW="32 replay-seq 0x10000" b_sas; }
mend_replay_or_auth_replay() { b_sas; }

break_firewall_after_decryption() { b_rule -I INPUT -p udp --dport "$PORT" -j DROP; }
mend_firewall_after_decryption() { b_rule -D INPUT -p udp --dport "$PORT" -j DROP; }

# Forgets what nobody thinks of: the packets in ESP.
break_firewall_after_decryption_nft() {
	in_host b nft -f - <<-END
		table inet $BREAKAGE {
			chain input {
				type filter hook input priority 10; policy drop
				iifname lo accept
				meta l4proto { esp, icmp, icmpv6 } accept
				tcp dport 22 accept
			}
		}
	END
}
mend_firewall_after_decryption_nft() { in_host b nft delete table inet $BREAKAGE; }

# Without conntrack, which would translate b's answers, too.
break_fdb_source_mismatch() {
	local other="ip saddr set 203.0.113.77"
	[ "$FAMILY" = 4 ] || other="ip6 saddr set 2001:db8:a::77"
	hook nat filter prerouting -300 "iifname eth0 $(esp_protocol) $other"
}
mend_fdb_source_mismatch() { unhook nat; }

break_fdb_source_mismatch_entry() {
	local other=203.0.113.77
	[ "$FAMILY" = 4 ] || other=2001:db8:a::77
	in_host b bridge fdb replace "$(mac 0 1)" dev vxlan0 dst $other self permanent
}
mend_fdb_source_mismatch_entry() { in_host b bridge fdb replace "$(mac 0 1)" dev vxlan0 dst "$A_PUBLIC" self permanent; }

break_vxlan_port_conflict() {
	local n end=$((SECONDS + $(limit 30))) count
	count=$(wc -w <<<"$VNIS")
	for ((n = 0; n < count; n++)); do ip -n csumbpf-b link set vxlan$n down; done
	# Not in_host, which would be a shell with another process id.
	nsenter --net=/run/netns/csumbpf-b -- /usr/bin/python3 -c 'import signal, socket, sys
s = socket.socket(socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
signal.pause()' "$PORT" "$FAMILY" >/dev/null 2>&1 </dev/null &
	echo $! >/run/$BREAKAGE.pid
	echo $! >>"$HOLDERS"
	until [ -n "$(in_host b ss -Hlnup "sport = $PORT")" ]; do
		[ $SECONDS -lt $end ] || fail "nobody binds port $PORT"
		sleep 0.1
	done
	! ip -n csumbpf-b link set vxlan0 up 2>/dev/null || fail "vxlan0 is up although its port is taken"
}
mend_vxlan_port_conflict() {
	local pid
	read -r pid </run/$BREAKAGE.pid
	kill "$pid"
	while [ -e "/proc/$pid" ]; do sleep 0.1; done
	b_devices
}

orphan() { printf 'vx-%06x-abcde\n' "${VNIS%% *}"; }
break_vxlan_orphan() {
	ip -n csumbpf-b link set vxlan0 down
	ip -n csumbpf-b link set vxlan0 name "$(orphan)"
	ip -n csumbpf-b addr flush dev "$(orphan)"
	ip -n csumbpf-b link set "$(orphan)" up
	! overlay "$B_OUTER" "$A_PUBLIC" 2 | in_host b ip -batch - 2>/dev/null || fail "vxlan0 could be made although its VNI is taken"
}
mend_vxlan_orphan() {
	ip -n csumbpf-b link del "$(orphan)"
	b_devices
}

overlay_mtu() { ip -n csumbpf-a link set vxlan0 mtu "$1"; ip -n csumbpf-b link set vxlan0 mtu "$1"; }
break_mtu_fragments() { overlay_mtu 1500; }
mend_mtu_fragments() { overlay_mtu "$OVERLAY_MTU"; }

break_mtu_blackhole() { hook nat filter forward 0 "meta length > 1400 counter drop"; }
mend_mtu_blackhole() { unhook nat; }

# The kernel counts a packet as failed only after this time.
fragment_time() {
	local host
	for host in a b; do in_host $host sysctl -qw "net.ipv4.ipfrag_time=$1"; done
}

# Not by nftables, because conntrack reassembles before it and fragments again after it.
break_fragments_lost() {
	local device
	# Over IPv6 nothing is fragmented: the sender gets 'packet too big' from its own ESP, and the overlay's sender learns that.
	[ "$FAMILY" = 4 ] || fail "fragments-lost needs FAMILY=4"
	overlay_mtu 1500
	fragment_time 1
	for device in eth0 $inside; do
		cat <<-END
			qdisc add dev $device clsact
			filter add dev $device egress pref 1 protocol ip u32 match u16 0 0x1fff at 6 action ok
			filter add dev $device egress pref 2 protocol ip matchall action drop
		END
	done | in_host nat tc -batch -
}
mend_fragments_lost() {
	printf 'qdisc del dev %s clsact\n' eth0 $inside | in_host nat tc -batch -
	fragment_time 30
	overlay_mtu "$OVERLAY_MTU"
}

break_offload_unsafe() {
	modprobe esp${FAMILY}_offload
	in_host b ip xfrm state add src "$B_OUTER" dst "$B_GATEWAY" proto comp spi 0x2001 reqid 7 mode transport comp deflate
}
mend_offload_unsafe() { in_host b ip xfrm state delete src "$B_OUTER" dst "$B_GATEWAY" proto comp spi 0x2001; }

break_backstop_lost() { in_host b nft delete table $NFT_FAMILY csumbpf; }
mend_backstop_lost() { :; } # by csumbpf restore

break_attachment_lost() {
	rm -f "$(b_pins)/link"
	in_host b tc qdisc del dev $outside clsact 2>/dev/null || true
}
mend_attachment_lost() { :; } # by csumbpf restore

break_chain_ended() { in_host b tc filter add dev $outside ingress pref 1 protocol all matchall action ok; }
mend_chain_ended() { in_host b tc filter del dev $outside ingress pref 1 protocol all matchall; }

# c sends by b's public address, but what is sent there arrives at b. Without conntrack, which lets only one of them through.
break_many_behind_one() {
	[ "$FAMILY" = 4 ] && [ "$DEVICES" = docker ] || fail "many-behind-one needs FAMILY=4 and DEVICES=docker"
	ip netns add csumbpf-c
	{
		echo "link add csl-c type veth peer name eth0 netns csumbpf-c"
		echo "link set csl-c up"
		echo "addr add 10.97.0.1/24 dev csl-c"
	} | in_host nat ip -batch -
	{
		echo "link set lo up"
		address eth0 10.97.0.2
		echo "route add default via 10.97.0.1"
		encrypted 10.97.0.2 "$A_PUBLIC" $SPI_TO_A $SPI_TO_B 2
	} | sed 's/10\.0\.9\.2/10.0.9.3/; s/0a:00:09:02/0a:00:09:03/' | in_host c ip -batch -
	in_host c "$0" guard
	in_host c "$0" forward "$A_PUBLIC" 2
	hook nat filter prerouting -300 "iifname csl-c $(esp_protocol) ip saddr set $B_PUBLIC notrack"
	in_host a bridge fdb append 02:42:0a:00:09:03 dev vxlan0 dst "$B_PUBLIC" self permanent
	in_host a ip neigh add 10.0.9.3 lladdr 02:42:0a:00:09:03 dev vxlan0 nud permanent
}
mend_many_behind_one() {
	in_host a ip neigh del 10.0.9.3 dev vxlan0
	in_host a bridge fdb del 02:42:0a:00:09:03 dev vxlan0 dst "$B_PUBLIC" self
	unhook nat
	in_host nat ip link del csl-c
	ip netns del csumbpf-c
}
