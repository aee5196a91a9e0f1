# SPDX-License-Identifier: Apache-2.0
# Sourced by steps. The lab is that of tests/lab/lab.sh with B=host: this system is b, behind the NAT.

export B=host OVERLAY=none LINK=virtio
began=0
step() {
	[ -z "${step-}" ] || echo "ok      $step ($((SECONDS - began)) s)"
	step=$*
	began=$SECONDS
}

# is_whole STEP: whether all steps run. 'make test' leaves some out, which take minutes, and says so.
is_whole() {
	[ "$(cat "$test/scope")" = all ] || {
		step
		step=
		echo "-       $1: only in make test-all"
		return 1
	}
}

fail() {
	echo "FAILED  $step: $*"
	{
		systemctl --no-pager --lines 0 status csumbpf.service
		journalctl --no-pager -b -o short-monotonic -u csumbpf -u docker -u csumbpf-lab -n 40
		journalctl --no-pager -b -p warning -n 20
	} 2>&1 | cut -c 1-300
	end
}

end() {
	sync
	systemctl --no-block poweroff
	sleep 60
	exit 1
}

all_done() {
	step
	echo "all steps are done"
	end
}

# within SECONDS COMMAND...: waits until the command succeeds; an emulated machine needs several times as long.
within() {
	local limit=$(($1 * 8)) end=$((SECONDS + $1 * 8))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || fail "not within $limit s: $*"
		sleep 0.3
	done
}

in_a() { nsenter --net=/run/netns/csumbpf-a -- "$@"; }

# What a does about its own packets, which the NAT breaks as well, and which are not what is tested: the rule that a
# person would type.
repair_a() {
	in_a nft -f - <<-'END'
		table ip repair {
			chain pre {
				type filter hook prerouting priority -350
				meta ipsec exists udp dport 4789 udp checksum set 0
			}
		}
	END
}

# without_sas COMMAND...: while IPsec has no SAs, of which each that was made after esp4_offload was loaded holds it.
without_sas() {
	local status=0
	ip xfrm state flush && ip xfrm policy flush
	in_a sh -c 'ip xfrm state flush && ip xfrm policy flush'
	"$@" || status=$?
	OVERLAY=lab $test/tests/lab/lab.sh associate
	return $status
}

# traffic_begins, traffic_ends: pings from a to this system all the while; the second sets sent and lost. Those after the
# last one that was answered may be on their way.
traffic_begins() {
	# Not in_a: the process to end is ping itself.
	nsenter --net=/run/netns/csumbpf-a ping -n -i 0.05 10.0.9.2 >$state/pings 2>&1 &
	pings=$!
}
traffic_ends() {
	local all answered
	kill -INT $pings
	wait $pings
	all=$(awk '/packets transmitted/ { print $1 }' $state/pings)
	read -r sent answered < <(sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' $state/pings | sort -nu | awk '{ last = $1; n++ } END { print last + 0, n + 0 }')
	[ "$sent" -gt 0 ] || fail "no ping was answered"
	[ $((all - sent)) -lt 20 ] || fail "none of the last $((all - sent)) pings was answered"
	lost=$((sent - answered))
}

# nothing_lost WHAT: ends the traffic, of which nothing may be lost.
nothing_lost() {
	traffic_ends
	echo "        $lost of $sent pings lost: $*"
	[ "$lost" = 0 ] || fail "$lost of $sent pings were lost: $*"
}

answers() { in_a ping -n -q -c 1 -W 2 10.0.9.2 >/dev/null; }
never_answers() { ! in_a ping -n -q -c 5 -i 0.2 -W 2 10.0.9.2 >/dev/null; }
is_active() { systemctl is-active --quiet "$1"; }
status_of_all() { csumbpf status >/dev/null; }
is_active_or_failed() { [[ $(systemctl is-active csumbpf) = @(active|failed) ]]; }
backstop_is_there() { nft list tables | grep -q csumbpf; }
attached_in_bpffs() { mountpoint -q /sys/fs/bpf && [ -d /sys/fs/bpf/csumbpf ] && attached eth0; }
attached() { csumbpf status 2>/dev/null | grep -q "^$1: attached"; }

# install FILE...: as a user does, with apt. Maintainer scripts may say nothing that is an error.
install() {
	apt-get install -y --allow-downgrades "$@" >$state/installed 2>&1 || fail "apt-get: $(tail -n 20 $state/installed)"
	if grep -iE 'csumbpf.*(error|fail|warning)|exception' $state/installed; then fail "apt-get said so (above)"; fi
}

# install_csumbpf N: the version with this number at its end; remove_csumbpf, purge_csumbpf: as a user does it who has
# the package, or the tarball. prefix and archives: where they have their files.
if compgen -G "$test/files/*.deb" >/dev/null; then
	prefix=/usr archives=/var/cache/csumbpf
	install_csumbpf() { install $test/files/csumbpf_*~"$1"_amd64.deb; }
	remove_csumbpf() { apt-get remove -y csumbpf; }
	purge_csumbpf() { apt-get purge -y csumbpf; }
else
	prefix=/usr/local archives=/usr/local/lib/csumbpf
	install_csumbpf() {
		rm -rf /opt/unpacked
		mkdir /opt/unpacked
		tar -C /opt/unpacked -xf $test/files/csumbpf-*~"$1"-linux-amd64.tar.gz
		/opt/unpacked/*/install.sh >$state/installed 2>&1 || fail "install.sh: $(cat $state/installed)"
	}
	remove_csumbpf() { /usr/local/lib/csumbpf/uninstall.sh; }
	# uninstall.sh names what it has left.
	purge_csumbpf() { rm -rf /etc/csumbpf /var/lib/csumbpf; }
fi

# The files of this system that are no logs, caches of apt and dpkg, or of this test, and no JVM's, which a step
# replaces; programs, filters and rules of the kernel; units.
state_of_host() {
	find / -xdev \( -path /proc -o -path /var/log -o -path /var/cache/apt -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path $state -o -path $test \
		-o -path /tmp -o -path /var/tmp -o -path /run -o -path /var/cache/ldconfig -o -path /var/lib/systemd -o -path /root -o -path /opt/unpacked \
		-o -path /etc/systemd/system -o -path /var/cache/man -o -path /var/backups \) -prune -o -print | awk '/csumbpf/ || !/jdk|java|jvm/' | sort | sed 's/^/file /'
	find /etc/systemd/system -print | sort | sed 's/^/file /'
	find /sys/fs/bpf -mindepth 1 2>/dev/null | sort | sed 's/^/pin /'
	find /run -xdev -maxdepth 1 | sort | sed 's/^/file /'
	lsmod | awk 'NR > 1 { print "module " $1 }' | grep -E 'esp|offload' | sort
	nft list tables | sort
	ip -o link | awk '{ print "link " $2 }' | sort
	tc qdisc show dev eth0 | sed 's/^/eth0 /'
	tc filter show dev eth0 ingress | sed 's/^/eth0 /'
	dpkg-query -W -f 'package ${Package} ${db:Status-Status}\n' | grep csumbpf
}
