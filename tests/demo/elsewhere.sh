#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# 'make demo' as somebody runs it who cloned into a folder below /tmp with a space in its name, with the cache below /run, in a file system
# of its own each: a guest has its own /tmp and /run, and paths go through make, Maven, qemu, and two shells.
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
# What is committed, and what is not yet.
git -C "$checkout" ls-files -z --cached --others --exclude-standard | tar -C "$checkout" --null --files-from=- --ignore-failed-read -c | tar -C "$work" -x
cd "$work"
# A make that runs this hands on its own variables.
env -u KERNEL -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES CSUMBPF_CACHE="$cache_elsewhere" make demo
