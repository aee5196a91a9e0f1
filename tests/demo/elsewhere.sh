#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs 'make demo' in a clone below /tmp with a space in its name, with the cache below /run, each in a file system of
# its own. A guest has its own /tmp and /run, and paths pass through make, Maven, qemu and two shells.
set -euo pipefail

checkout=$(readlink -f "$(dirname "$(readlink -f "$0")")/../..")
work=$(mktemp -d "/tmp/csumbpf, a clone.XXXXXX")
cache_elsewhere=$(mktemp -d "/run/csumbpf cache.XXXXXX")
finish() {
	cd /
	umount "$work" "$cache_elsewhere" 2>/dev/null || true
	rmdir "$work" "$cache_elsewhere"
}
trap finish EXIT
mount -t tmpfs -o size=2G csumbpf-test "$work"
mount -t tmpfs -o size=2G csumbpf-test "$cache_elsewhere"
"$checkout/tests/copy-checkout" "$work"
cd "$work"
# Does not inherit the variables of a make that runs this script.
env -u KERNEL -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES CSUMBPF_CACHE="$cache_elsewhere" make demo
