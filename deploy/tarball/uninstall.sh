#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# uninstall.sh [--purge] [--prefix DIR]: detaches csumbpf from all interfaces and removes what install.sh put below DIR
# (default: where this script is installed, else /usr/local). A configuration that somebody changed stays, and what the
# agent remembers; --purge removes them, too. If a package of csumbpf is installed by now, all that is the package's, only
# the files below DIR are removed, and the package's agent takes over.
set -eu

fail() { echo "uninstall.sh: $*" >&2; exit 1; }
here=$(dirname "$(readlink -f "$0")")
prefix=/usr/local purge=no
case $here in */lib/csumbpf) prefix=${here%/lib/csumbpf} ;; esac
while [ $# -gt 0 ]; do
	case $1 in
	--purge) purge=yes ;;
	--prefix) [ $# -gt 1 ] || fail "--prefix needs a folder"; prefix=$2; shift ;;
	--prefix=*) prefix=${1#--prefix=} ;;
	-h | --help) sed -n '3,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
	*) echo "uninstall.sh: unknown argument '$1'; usage: ./uninstall.sh [--purge] [--prefix DIR]" >&2; exit 2 ;;
	esac
	shift
done
[ "$(id -u)" = 0 ] || fail "not root; run 'sudo $0'"
prefix=$(readlink -m "$prefix")
lib=$prefix/lib/csumbpf
# install.sh makes this file, so a package, or the tarball where it was unpacked, is left alone.
[ -f "$lib/directories" ] || fail "nothing that install.sh installed is below $prefix; --prefix names another folder"

if [ ! -e /usr/lib/csumbpf/layout ] || [ -e /usr/lib/csumbpf/directories ]; then
	if [ -d /run/systemd/system ]; then
		systemctl disable --quiet --now csumbpf.service || true
		systemctl stop 'csumbpf@*.service' || true
	fi
	# What cannot be undone is named, and must not keep csumbpf on the host.
	"$prefix/bin/csumbpf" detach --all || echo "uninstall.sh: not everything was detached (above); a reboot ends what is left" >&2
	if [ $purge = yes ] || cmp -s /etc/csumbpf/csumbpf.yaml "$prefix/share/csumbpf/csumbpf.yaml"; then
		rm -f /etc/csumbpf/csumbpf.yaml
		rmdir /etc/csumbpf 2>/dev/null || true # not with files that somebody else put there, such as keys
	fi
	[ $purge = no ] || rm -rf /var/lib/csumbpf
	rm -rf /run/csumbpf
	rm -f /etc/systemd/system/*.wants/csumbpf@*.service
	for left in /etc/csumbpf /var/lib/csumbpf; do
		[ ! -e "$left" ] || echo "left $left"
	done
fi
# Another file of that name in /etc, such as a mask, is the administrator's.
for unit in csumbpf.service csumbpf@.service; do
	for folder in "$prefix/lib/systemd/system" /etc/systemd/system; do
		if [ -f "$folder/$unit" ] && grep -qF "=$prefix/bin/csumbpf " "$folder/$unit"; then rm "$folder/$unit"; fi
	done
done
directories=$(sort -r "$lib/directories")
rm -rf "$prefix/share/csumbpf" "$prefix/share/doc/csumbpf"
rm -f "$prefix/bin/csumbpf" "$prefix/bin/csumbpf.new" "$prefix"/share/man/man8/csumbpf*.8 \
	"$prefix/share/bash-completion/completions/csumbpf" "$prefix/share/zsh/site-functions/_csumbpf"
# Last, because a second run needs it.
rm -rf "$lib.new" "$lib.old" "$lib"
for directory in $directories; do rmdir "$directory" 2>/dev/null || true; done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	# The agent goes on in the package's program, if it still runs what was here.
	if systemctl cat csumbpf.service >/dev/null 2>&1; then
		systemctl try-restart csumbpf.service || echo "uninstall.sh: the package's agent does not start; 'journalctl -u csumbpf' says why" >&2
	fi
fi
echo "removed csumbpf from $prefix"
