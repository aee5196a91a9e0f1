#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command, installed, on each JDK of JDKS: wall time and peak memory (resident) of 'attach', 'status --json' and
# 'vni add', as ratios to 'tc filter add' of the same object, beside what bpftool and nft take for the like; 15
# interleaved rounds. Then what 'serve' takes that is scraped once a second: its memory and its share of a CPU, for
# SERVE_SECONDS=60; and a scrape of a usual host, and of one with as many peers as it can remember (see scrape),
# SCRAPES=15. Each installation has a class-data archive for its JDK, as 'make install' makes it.
set -euo pipefail
. "$(dirname "$(readlink -f "$0")")/lib.sh"

ROUNDS=${ROUNDS:-15} SERVE_SECONDS=${SERVE_SECONDS:-60} SCRAPES=${SCRAPES:-15}
# Of each version the first that is found.
JDKS=${JDKS:-$(for java in /usr/lib/jvm/*-17-*/bin/java /usr/lib/jvm/*-25-*/bin/java; do
	if [ -x "$java" ]; then readlink -f "$java"; fi
done | sort -u)}

version() { "$1" -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p'; }

# timed SUBJECT ROUND COMMAND...: runs it, and notes its seconds and MiB.
timed() {
	local seconds memory said
	said=$("$work/timed" "${@:3}" 2>"$work/stderr") || { cat "$work/stderr" >&2; fail "failed: ${*:3}"; }
	read -r seconds memory <<<"$said"
	[ "$2" != 0 ] || return 0 # it warms up
	printf '%s\t%d\t%s\n' "${label[$1]}" "$2" "$seconds" >>"$work/wall"
	printf '%s\t%d\t%s\n' "${label[$1]}" "$2" "$(awk "BEGIN { print $memory / 1024 }")" >>"$work/memory"
}

serve() { # command
	nsenter --net=/run/netns/csumbpf-bench-serve "$1" serve --listen 127.0.0.1:14790 >/dev/null 2>&1 </dev/null &
	local pid=$! line
	processes+=($pid)
	line=$(nsenter --net=/run/netns/csumbpf-bench-serve /usr/bin/python3 - $pid "$SERVE_SECONDS" <<-'END'
		import os, re, sys, time, urllib.request
		pid, seconds = int(sys.argv[1]), int(sys.argv[2])

		def scrape():
		    urllib.request.urlopen("http://127.0.0.1:14790/metrics", timeout=10).read()

		def cpu():
		    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
		    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

		for _ in range(100):
		    try:
		        scrape()
		        break
		    except OSError:
		        time.sleep(0.1)
		for _ in range(10):  # it warms up
		    scrape()
		    time.sleep(1)
		began, used = time.monotonic(), cpu()
		for n in range(seconds):
		    scrape()
		    time.sleep(max(0, began + n + 1 - time.monotonic()))
		share = (cpu() - used) / (time.monotonic() - began)
		status = open(f"/proc/{pid}/status").read()
		peak, now = (re.search(name + r":\s+(\d+)", status).group(1) for name in ("VmHWM", "VmRSS"))
		print(peak, now, f"{100 * share:.3f}")
	END
	)
	kill $pid
	wait $pid || true
	read -r peak resident share <<<"$line"
}

namespace() {
	ip netns add "$1"
	namespaces+=("$1")
	ip -n "$1" link set lo up
	ip -n "$1" link add eth0 type veth peer name eth1
	ip -n "$1" link set eth0 up
	ip -n "$1" link set eth1 up
	ip netns exec "$1" ethtool -K eth0 gro on >/dev/null
}

[ -n "$JDKS" ] || fail "no JDK 17 or 25 below /usr/lib/jvm; name the java programs in JDKS"
declare -A command=() java=()
order=(filter)
declare -A label=([filter]="tc filter add" [show]="bpftool prog show --json" [update]="bpftool map update" [nft]="nft -f (the rule)")
for one in $JDKS; do
	v=$(version "$one")
	java[$v]=$one
	say "installing for JDK $v"
	CSUMBPF_JAVA=$one "$checkout/cli/src/main/sh/make-dist" "$work/jdk$v"
	command[$v]=$work/jdk$v/bin/csumbpf
	for what in attach "status --json" "vni add"; do
		order+=("$v $what")
		label["$v $what"]="csumbpf $what, JDK $v"
	done
done
order+=(show update nft)

namespace csumbpf-bench-command
namespace csumbpf-bench-rival
namespace csumbpf-bench-serve
in=(nsenter --net=/run/netns/csumbpf-bench-rival)
"${in[@]}" tc qdisc add dev eth0 clsact
object=$checkout/bpf/target/csumbpf.bpf.o
section=$(llvm-objdump -h "$object" | awk '$2 ~ /^(tc|classifier|tcx)/ { print $2; exit }')
mkdir "$work/bpf"
mount -t bpf bpf "$work/bpf"
trap 'umount "$work/bpf"; cleanup' EXIT
bpftool map create "$work/bpf/map" type hash key 8 value 8 entries 16 name csumbpf_bench
gcc -O2 -Wall -o "$work/timed" "$bench/timed.c"
printf 'table ip rival {\n\tchain pre {\n\t\ttype filter hook prerouting priority -350\n\t\tudp dport 4789 @th,96,24 0x00100d udp checksum set 0\n\t}\n}\n' >"$work/rule"

say "command.sh: ${#order[@]} subjects, $ROUNDS rounds"
for ((round = 0; round <= ROUNDS; round++)); do
	# The order is that of the steps, forwards or backwards by JDK: a status needs an attachment.
	versions=(${!command[@]})
	if [ $((round % 2)) = 1 ]; then versions=($(printf '%s\n' "${versions[@]}" | tac)); fi
	for v in "${versions[@]}"; do
		export CSUMBPF_JAVA=${java[$v]}
		timed "$v attach" $round "${command[$v]}" attach eth0 --vni 4109 --netns csumbpf-bench-command
		attached=(csumbpf-bench-command)
		timed "$v status --json" $round "${command[$v]}" status --json --netns csumbpf-bench-command
		timed "$v vni add" $round "${command[$v]}" vni add eth0 4110 --netns csumbpf-bench-command
		"${command[$v]}" detach eth0 --netns csumbpf-bench-command >/dev/null
		attached=()
	done
	timed filter $round "${in[@]}" tc filter add dev eth0 ingress bpf direct-action object-file "$object" section "$section"
	"${in[@]}" tc filter del dev eth0 ingress
	timed show $round bpftool prog show --json
	timed update $round bpftool map update pinned "$work/bpf/map" key 1 0 0 0 0 0 0 0 value 1 0 0 0 0 0 0 0
	timed nft $round "${in[@]}" nft -f "$work/rule"
	"${in[@]}" nft delete table ip rival
done
sort_subjects "$work/wall" | "$bench/result" command-wall "${label[filter]}" s lower "The command: wall time"
sort_subjects "$work/memory" | "$bench/result" command-memory "${label[filter]}" MiB lower "The command: peak memory"

# scrapes NAME TITLE OPTION...: what tests/bench/scrape says of serve on each JDK, as benchmarks NAME, NAME-cpu, NAME-memory.
scrapes() {
	local v name=$1 title=$2 subjects=()
	for v in $(printf '%s\n' "${!command[@]}" | sort); do
		printf '#!/bin/sh\nCSUMBPF_JAVA=%s exec %s "$@"\n' "${java[$v]}" "${command[$v]}" >"$work/on$v"
		chmod 755 "$work/on$v"
		subjects+=("serve, JDK $v=$work/on$v")
	done
	say "$title"
	"$bench/scrape" --rounds "$SCRAPES" "${@:3}" "${subjects[@]}" >"$work/$name"
	local first=${subjects[0]%%=*}
	awk -F '\t' '$2 != "memory" { print $1 "\t" $2 "\t" $3 }' "$work/$name" | "$bench/result" "$name" "$first" s lower "$title: wall time"
	awk -F '\t' '$2 != "memory" { print $1 "\t" $2 "\t" $4 }' "$work/$name" | "$bench/result" "$name-cpu" "$first" s lower "$title: CPU time"
	awk -F '\t' '$2 == "memory" { print $1 "\t1\t" $3 }' "$work/$name" | "$bench/result" "$name-memory" "$first" MiB lower "$title: peak memory"
}

rm -f "$work/serve" "$work/serve-cpu" "$work/serve-resident"
for v in "${!command[@]}"; do
	export CSUMBPF_JAVA=${java[$v]}
	say "serve on JDK $v, one scrape a second for $SERVE_SECONDS s"
	"${command[$v]}" attach eth0 --vni 4109 --netns csumbpf-bench-serve >/dev/null
	attached=(csumbpf-bench-serve)
	serve "${command[$v]}"
	"${command[$v]}" detach eth0 --netns csumbpf-bench-serve >/dev/null
	attached=()
	printf 'serve, JDK %s\t1\t%s\n' $v "$(awk "BEGIN { print $peak / 1024 }")" >>"$work/serve"
	printf 'serve, JDK %s\t1\t%s\n' $v "$(awk "BEGIN { print $resident / 1024 }")" >>"$work/serve-resident"
	printf 'serve, JDK %s\t1\t%s\n' $v "$share" >>"$work/serve-cpu"
done
first=$(cut -f 1 "$work/serve-cpu" | sort | head -n 1)
sort "$work/serve" | "$bench/result" serve-memory "$first" MiB lower "serve, scraped once a second: peak memory"
sort "$work/serve-cpu" | "$bench/result" serve-cpu "$first" "% of a CPU" lower "serve, scraped once a second: CPU"
sort "$work/serve-resident" | "$bench/result" serve-resident "$first" MiB lower "serve, scraped once a second: memory after a minute"
scrapes serve-scrape "A scrape of two interfaces with 50 rules" --attachments 2 --rules 25 --burst 20 --warm 100
scrapes serve-scrape-peers "A scrape of 16,384 of 65,536 peers" --peers 65536 --shown 16384
