# SPDX-License-Identifier: Apache-2.0
# Sourced by what tells a story and checks it. Needs $lab and $csumbpf; the first thing that is not as told ends the script.

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

# csumbpf on a host, as a part of the story.
csumbpf_on() { # host arguments
	local host=$1
	shift
	show "${dim}\$ csumbpf --netns csumbpf-$host $*$plain"
	"$csumbpf" --netns "csumbpf-$host" "$@" | sed 's/^/  /'
}
# On a and b at once, since a JVM takes its time where it is emulated; told one after the other, with the time that each took.
csumbpf_on_both() {
	local host output status=0
	local -A running
	output=$(mktemp -d)
	for host in a b; do
		{
			local began
			began=$(date +%s%N)
			csumbpf_on $host "$@"
			show "$((($(date +%s%N) - began) / 1000000)) ms"
		} >"$output/$host" 2>&1 &
		running[$host]=$!
	done
	for host in a b; do
		wait "${running[$host]}" || status=$?
		cat "$output/$host"
	done
	rm -r "$output"
	return $status
}

# Only in the lab: with LAB=host there may be attachments of the host's own.
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
# What the kernel warns of; levels 0 to 4.
warnings() { dmesg --level emerg,alert,crit,err,warn; }
