#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs story.sh in a virtual machine. KERNEL=NAME: a kernel of tests/vm/kernels.tsv (default 6.1). ENGINE=SUITE: the
# Debian suite of the Docker engines (default bookworm, which has 20.10). 'make demo-swarm' builds and installs, then
# runs this.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
kernel=${KERNEL:-6.1}
engine=${ENGINE:-bookworm}
# The guest's output is no terminal, so it must know whether this one is.
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then export CSUMBPF_COLOR=1; fi

echo "Docker engines, in a virtual machine with its own kernel; nothing of this host's network or Docker is touched."
"$here/../vm/fetch-kernel" "$kernel" >/dev/null
"$here/fetch-engine" "$engine" >/dev/null
packages=$(readlink -f "$here/../..")/tests/target/demo-packages
echo "Building the image ..."
mkdir -p "$packages"
ARCHES=$(dpkg --print-architecture) "$here/../../deploy/package/dist" "$packages" >/dev/null
echo "Starting them (a minute or two where the machine has to be emulated) ..."
"$here/../vm/run" --kernel "$kernel" --links 2 --memory 6144 --timeout 1800 -- "$here/story.sh" "$engine" "$packages"
