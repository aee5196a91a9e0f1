#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh [--prefix DIR]: installs csumbpf from the unpacked tarball that this script lies in below DIR (default
# /usr/local), with its unit, manual pages and completion, and /etc/csumbpf/csumbpf.yaml unless it is there. Where systemd
# runs, the agent is enabled and started, or restarted if an earlier version is there; what that repairs stays repaired
# meanwhile. uninstall.sh takes that away. DESTDIR: files only, below this folder, for an image.
set -eu

fail() { echo "install.sh: $*" >&2; exit 1; }
here=$(dirname "$(readlink -f "$0")")
prefix=/usr/local
while [ $# -gt 0 ]; do
	case $1 in
	--prefix) [ $# -gt 1 ] || fail "--prefix needs a folder"; prefix=$2; shift ;;
	--prefix=*) prefix=${1#--prefix=} ;;
	-h | --help) sed -n '3,/^set/s/^# \{0,1\}//p' "$0"; exit ;;
	*) echo "install.sh: unknown argument '$1'; usage: ./install.sh [--prefix DIR]" >&2; exit 2 ;;
	esac
	shift
done
to=${DESTDIR-}
[ -n "$to" ] || [ "$(id -u)" = 0 ] || fail "not root; run 'sudo $0'"
[ -x "$here/lib/csumbpf/runtime/bin/java" ] || fail "$here is not an unpacked tarball of csumbpf"
[ -n "$to" ] || "$here/lib/csumbpf/runtime/bin/java" -version >/dev/null 2>&1 \
	|| fail "the Java runtime does not run here; this tarball is for $(head -n 1 "$here/lib/csumbpf/layout"), and needs glibc 2.31 or later"

# A unit and this script write the path, so it holds nothing that they would take for something else.
case $prefix in
/*) prefix=$(readlink -m "$prefix") ;;
*) fail "the prefix '$prefix' is not an absolute path" ;;
esac
case $prefix in *[!A-Za-z0-9/._+-]*) fail "the prefix '$prefix' has characters other than letters, digits and /._+-" ;; esac

# What is written: below DESTDIR; what it says: without.
root=$to$prefix
lib=$root/lib/csumbpf
# An interrupted run of this script has left it there.
if [ ! -e "$lib" ] && [ -f "$lib.old/directories" ]; then mv "$lib.old" "$lib"; fi

# Only what this script has made is replaced. It leaves the file 'directories'; a package and 'make install' do not.
if [ -e "$to/usr/lib/csumbpf/layout" ] && [ ! -e "$to/usr/lib/csumbpf/directories" ]; then
	fail "a package of csumbpf is installed in /usr; run 'apt remove csumbpf' first"
fi
if [ -e "$lib" ] && [ ! -e "$lib/directories" ]; then
	fail "$prefix/lib/csumbpf is there, and not by this script; after 'make install' run 'make uninstall' first"
fi
case $here/ in "$lib"/* | "$root/share"/*) fail "the tarball is unpacked in $here, which is to be replaced; unpack it elsewhere" ;; esac
for unit in /etc/systemd/system /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
	unit=$to$unit/csumbpf.service
	if [ -f "$unit" ] && ! grep -qF "=$prefix/bin/csumbpf " "$unit"; then
		fail "$unit starts another csumbpf than $prefix/bin/csumbpf; uninstall that one, or remove its unit"
	fi
done

# The folders that are not there yet are removed by uninstall.sh, if nobody else uses them by then.
directories=$(
	[ ! -e "$lib/directories" ] || cat "$lib/directories"
	for directory in "" /bin /lib /lib/systemd /lib/systemd/system /share /share/doc /share/man /share/man/man8 /share/bash-completion \
		/share/bash-completion/completions /share/zsh /share/zsh/site-functions; do
		[ -e "$root$directory" ] || echo "$prefix$directory"
	done
)
# A running agent has the files of the earlier version open, so they are replaced and not written to.
umask 022
mkdir -p "$root/bin" "$root/lib" "$root/share"
rm -rf "$lib.new" "$lib.old"
cp -a "$here/lib/csumbpf" "$lib.new"
cp -a "$here/uninstall.sh" "$here/licences" "$lib.new/"
echo "$directories" >"$lib.new/directories"
# The agent was enabled once; whether it still is is the administrator's.
[ ! -e "$lib/enabled" ] || : >"$lib.new/enabled"
[ -n "$to" ] || chown -R 0:0 "$lib.new"
chmod -R u=rwX,go=rX "$lib.new"
if [ -e "$lib" ]; then mv "$lib" "$lib.old"; fi
mv "$lib.new" "$lib"
rm -rf "$lib.old"
cp "$here/bin/csumbpf" "$root/bin/csumbpf.new"
chmod 755 "$root/bin/csumbpf.new"
mv "$root/bin/csumbpf.new" "$root/bin/csumbpf"
rm -rf "$root/share/csumbpf" "$root/share/doc/csumbpf" "$root"/share/man/man8/csumbpf*.8
# What the user's umask took away when the tarball was unpacked is given back.
(cd "$here/share" && find . -type f) | while read -r file; do
	mkdir -p "$(dirname "$root/share/$file")"
	cp "$here/share/$file" "$root/share/$file"
	chmod 644 "$root/share/$file"
done
echo "installed csumbpf below $prefix"

mkdir -p "$to/etc/csumbpf"
if [ -e "$to/etc/csumbpf/csumbpf.yaml" ]; then
	echo "left /etc/csumbpf/csumbpf.yaml as it is; $prefix/share/csumbpf/csumbpf.yaml has the defaults"
else
	cp "$root/share/csumbpf/csumbpf.yaml" "$to/etc/csumbpf/csumbpf.yaml"
	echo "made /etc/csumbpf/csumbpf.yaml"
fi
# What remains is of a host that runs, and that may have no systemd.
[ -z "$to" ] || exit 0
# In /etc a unit could not be masked, but systemd looks for units below few prefixes only.
units=/etc/systemd/system
case $prefix in /usr | /usr/local) units=$prefix/lib/systemd/system ;; esac
if command -v systemctl >/dev/null; then
	mkdir -p "$units"
	for unit in csumbpf csumbpf@; do
		# A link there, such as a mask, is the administrator's.
		[ ! -h "$units/$unit.service" ] || continue
		sed -e "s|/usr/bin/csumbpf|$prefix/bin/csumbpf|" -e "s|/usr/share/|$prefix/share/|" \
			"$here/share/csumbpf/$unit.service" >"$units/$unit.service"
	done
fi
# Where SELinux is in force, files get the labels of the folders that they are in.
if command -v restorecon >/dev/null; then
	restorecon -R "$prefix/bin/csumbpf" "$lib" "$prefix/share/csumbpf" "$prefix/share/doc/csumbpf" /etc/csumbpf "$units"/csumbpf*.service 2>/dev/null || true
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	case $(systemctl is-enabled csumbpf.service 2>/dev/null || true) in
	masked*) echo "csumbpf.service is masked, so the agent is not started; 'systemctl unmask csumbpf' allows it" ;;
	*)
		if [ -e "$lib/enabled" ]; then
			systemctl try-restart csumbpf.service || fail "the agent of this version does not start; 'journalctl -u csumbpf' says why"
		else
			systemctl enable --quiet csumbpf.service
			systemctl restart csumbpf.service || fail "the agent does not start; 'journalctl -u csumbpf' says why"
			: >"$lib/enabled"
			echo "enabled and started csumbpf.service; 'csumbpf status' shows what it repairs"
		fi
		;;
	esac
fi
case :$PATH: in
*:"$prefix/bin":*) ;;
*) echo "$prefix/bin is not in PATH" ;;
esac
