#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the program costs a packet, by BPF_PROG_TEST_RUN, as ratios to a program that does nothing. Each is the median of
# interleaved rounds in one run (ROUNDS, default 11); nanoseconds are this machine's and this moment's, the ratios say more.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
mvn -B -ntp -q test-compile -pl loader,maps,cli,tests

builds=tests/target/bench/builds
mkdir -p $builds
build() { # NAME OPTION...: of program.bpf.c
	local name=$1
	shift
	# shellcheck disable=SC2046
	(cd bpf && clang $(make -s flags) -I. "$@" -c ../tests/bench/program.bpf.c -o "../$builds/$name.o")
}
build same
build without-events -DWITHOUT_EVENTS
for step in rules peers counters store; do build without-$step -DWITHOUT_${step^^}; done
for peers in 1 256 4096 65536; do build peers-$peers -DPEERS=$peers; done
for size in 64 512 1450; do build csum-$size -DCSUM=$((size - 34)); done

exec java -cp "tests/target/test-classes:loader/target/classes:maps/target/classes:cli/target/classes:tests/target/lib/*" -Dcsumbpf.checkout="$PWD" \
	org.csumbpf.tests.program.ProgramBench $builds "${CSUMBPF_RESULTS:-tests/target/bench}/program.json" "${ROUNDS:-11}"
