# SPDX-License-Identifier: Apache-2.0
# Sourced by lab.sh: what Docker makes on a and b. VXLAN devices (VNIS, PORT, OVERLAY_MTU, DEVICES), ESP between their hosts (ENCAP,
# REPLAY_WINDOW) and the rules that mark and police them (GUARD).

# Docker's number for mark and reqid: 0xd0c4e3.
REQID=13681891
KEY=0x0102030405060708090a0b0c0d0e0f1011121314
SPI_TO_A=0x1001
SPI_TO_B=0x1002

encrypted() { # local remote spi-out spi-in end
	[ "$OVERLAY" = lab ] || return 0
	esp "$1" "$2" "$3" "$4"
	overlay "$1" "$2" "$5"
}

protect() { # remote end
	[ "$OVERLAY" = lab ] || return 0
	guard
	forward "$1" "$2"
	[ "$ENCAP" = none ] || take_esp_out_of_udp
}

esp() { # local remote spi-out spi-in
	local aead="rfc4106(gcm(aes))" encap=
	[ "$ENCAP" = none ] || encap="encap espinudp 4500 4500 $([ "$FAMILY" = 4 ] && echo 0.0.0.0 || echo ::)"
	cat <<-END
		xfrm state add src $1 dst $2 proto esp spi $3 reqid $REQID mode transport replay-window $REPLAY_WINDOW aead $aead $KEY 64 $encap
		xfrm state add src $2 dst $1 proto esp spi $4 reqid $REQID mode transport replay-window $REPLAY_WINDOW aead $aead $KEY 64 $encap
		xfrm policy add src $1 dst $2 proto udp dport $PORT mark $REQID dir out tmpl src $1 dst $2 proto esp reqid $REQID mode transport
	END
}

# Opens a socket as IKE daemons do (UDP_ENCAP, UDP_ENCAP_ESPINUDP), on which the kernel decapsulates ESP in UDP.
take_esp_out_of_udp() {
	/usr/bin/python3 -c 'import signal, socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_UDP, 100, 2)
s.bind(("0.0.0.0", 4500))
signal.pause()' >/dev/null 2>&1 </dev/null &
	echo $! >>"$HOLDERS"
}

overlay() { # local remote end
	local vni n=0 address= kind="local $1 remote $2 nolearning"
	if [ "$DEVICES" = docker ]; then
		# Without an address, except that a device has to know that it is for IPv6.
		kind="learning proxy l2miss l3miss$([ "$FAMILY" = 4 ] || echo " local $1")"
	fi
	for vni in $VNIS; do
		[ "$DEVICES" = plain ] || address="address $(mac $n "$3")"
		cat <<-END
			link add vxlan$n mtu $OVERLAY_MTU $address type vxlan id $vni dstport $PORT $kind udpcsum
			addr add 10.0.$((9 + n)).$3/24 dev vxlan$n
			link set vxlan$n up
		END
		[ "$DEVICES" = plain ] || echo "neigh add 10.0.$((9 + n)).$((3 - $3)) lladdr $(mac $n $((3 - $3))) dev vxlan$n nud permanent"
		n=$((n + 1))
	done
}

# mac N END: the address of vxlanN, made from its IP address as Docker does.
mac() { printf '02:42:0a:00:%02x:%02x\n' $((9 + $1)) "$2"; }

# DEVICES=docker: tells the devices at which host the other end is.
forward() { # remote end
	[ "$DEVICES" = docker ] || return 0
	local vni n=0
	for vni in $VNIS; do
		echo "fdb append $(mac $n $((3 - $2))) dev vxlan$n dst $1 self permanent"
		n=$((n + 1))
	done | bridge -batch -
}

# Docker's rules: encrypt packets with these VNIs, and drop them if they arrive unencrypted.
guard() {
	local vni header
	if [ "$GUARD" = nft ]; then
		nft -f - <<-END
			table $NFT_FAMILY docker-overlay {
				set encrypted-vnis { typeof @th,96,24; elements = { ${VNIS// /, } } }
				chain enc-out {
					type route hook output priority mangle;
					udp dport $PORT @th,96,24 @encrypted-vnis counter meta mark set $REQID
				}
				chain enc-in {
					type filter hook input priority raw;
					meta secpath missing udp dport $PORT @th,96,24 @encrypted-vnis counter drop
				}
			}
		END
		return
	fi
	# The VNI is at offset 4 after the IP header and the 8 bytes of UDP's.
	header="0>>22&0x3C@12"
	[ "$FAMILY" = 4 ] || header=52
	{
		echo "*mangle"
		for vni in $VNIS; do
			echo "-A OUTPUT -p udp --dport $PORT -m u32 --u32 $header&0xFFFFFF00=$((vni << 8)) -j MARK --set-mark $REQID"
		done
		echo COMMIT
		echo "*filter"
		for vni in $VNIS; do
			echo "-A INPUT -p udp --dport $PORT -m policy --dir in --pol none -m u32 --u32 $header&0xFFFFFF00=$((vni << 8)) -j DROP"
		done
		echo COMMIT
	} | "$IPTABLES-restore" --noflush
}
