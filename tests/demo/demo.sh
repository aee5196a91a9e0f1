#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs story.sh in a virtual machine with Debian's 6.1 kernel (KERNEL=SERIES for another), or with LAB=host in network
# namespaces of this host, whose kernel then needs ESP. 'make demo' builds and installs everything, then runs this.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
kernel=${KERNEL:-6.1}
# The guest's output is no terminal, so it must know whether this one is.
if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then export CSUMBPF_COLOR=1; fi

case ${LAB:-vm} in
host)
	if ! modprobe -q esp4 2>/dev/null && [ ! -d /sys/module/esp4 ]; then
		echo "demo: this host's kernel ($(uname -r)) has no ESP (module esp4); run 'make demo' without LAB=host" >&2
		exit 1
	fi
	LINK=veth "$here/story.sh"
	;;
vm)
	echo "The demo runs in a virtual machine with its own kernel; nothing of this host's network is touched."
	"$here/../vm/fetch-kernel" "$kernel" >/dev/null
	echo "Starting it (some 10 seconds where it has to be emulated) ..."
	"$here/../vm/run" --kernel "$kernel" --links 2 --timeout 900 -- "$here/story.sh"
	;;
*)
	echo "demo: LAB is 'vm' (the default) or 'host', not '$LAB'" >&2
	exit 2
	;;
esac
