# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that show a scene and check it. Needs $lab and $csumbpf. The first result that is not as
# expected ends the script.

bold= dim= green= red= plain=
if [ -n "${CSUMBPF_COLOR-}" ] && [ -z "${NO_COLOR-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() { printf '  %s\n' "$*"; }
good() { printf '  %sok%s %s\n' "$green" "$plain" "$*"; }
fail() { printf '  %sNOT AS EXPECTED%s %s\n' "$red" "$plain" "$*"; exit 1; }
expect() { if [ "$1" = "$2" ]; then good "$3"; else fail "$3: expected $2, got $1"; fi; }
on() { "$lab" exec "$@"; }

# Runs csumbpf on a host and shows the command.
csumbpf_on() { # host arguments
	local host=$1
	shift
	show "${dim}\$ csumbpf --netns csumbpf-$host $*$plain"
	"$csumbpf" --netns "csumbpf-$host" "$@" | sed 's/^/  /'
}
# Runs it on a and b at the same time, because a JVM is slow in an emulated machine. Prints one output after the
# other, each with the time that it took.
csumbpf_on_both() {
	local host outputs status=0
	local -A running
	outputs=$(mktemp -d)
	for host in a b; do
		{
			local began
			began=$(date +%s%N)
			csumbpf_on $host "$@"
			show "$((($(date +%s%N) - began) / 1000000)) ms"
		} >"$outputs/$host" 2>&1 &
		running[$host]=$!
	done
	for host in a b; do
		wait "${running[$host]}" || status=$?
		cat "$outputs/$host"
	done
	rm -r "$outputs"
	return $status
}

# Detaches in the lab only: with LAB=host the host may have attachments of its own.
detach_all() {
	local host
	[ -e /sys/fs/bpf/csumbpf ] || return 0
	for host in a b; do "$csumbpf" --netns csumbpf-$host detach --all >/dev/null 2>&1 || true; done
}

bad_checksums() { on "$1" nstat -asz UdpInCsumErrors | awk '$1 == "UdpInCsumErrors" { print $2 }'; }
loss() { # from to [options of ping]
	local from=$1
	shift
	on "$from" ping -q -c 5 -i 0.2 -W 1 "$@" | sed -n 's/.* \([0-9]*\)% packet loss.*/\1/p'
}
# The kernel's warnings and errors: levels 0 to 4. Those that a busy machine causes in a guest are left out, as
# KernelLog does.
warnings() {
	dmesg --level emerg,alert,crit,err,warn |
		grep -vE '/proc/cgroups lists only v1 controllers|hrtimer: interrupt took|clocksource: Long readout interval' || true
}
no_new_warning() { # their number before
	[ "$(warnings | wc -l)" = "$1" ] || warnings | tail -n 3
	expect "$(warnings | wc -l)" "$1" "no new warning in the kernel's log"
}
