#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the program costs a packet, by BPF_PROG_TEST_RUN, as ratios to a program that does nothing. Each figure is the
# median of interleaved rounds in one run; nanoseconds are this machine's and this moment's, the ratios say more.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
mvn -B -ntp -q test-compile -pl loader,maps,cli,tests
exec java -cp "tests/target/test-classes:$(echo lib/csumbpf/*.jar | tr ' ' ':')" -Dcsumbpf.checkout="$PWD" \
	org.csumbpf.tests.program.ProgramBench
