# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that fetch Debian packages, which are unpacked into the cache and not installed. apt fetches them
# with its own fresh lists, of any suite, and checks signatures against the installed Debian keyring. Needs no root.
#
#   unless_cached DIRECTORY REFRESH   takes the lock. If DIRECTORY has a folder and REFRESH is not yes, prints the
#                                     newest one and ends the script; else makes the folder $work, which ends with the
#                                     script
#   use_suite SUITE [ARCHITECTURE]    uses the packages of a suite, with its security updates, from the mirror of this
#                                     machine's apt; for this machine's architecture, another (arm64), or several
#                                     (amd64,arm64; the first is the one of packages that are named without any)
#   use_machine                       uses the packages of this machine's own sources
#   version PACKAGE                   prints the newest version; nothing: there is none
#   packages PREFIX                   prints the names that begin with PREFIX
#   download PACKAGE...               downloads to $work/archives; download_all PACKAGE...: with all dependencies
#   name_and_source FILE              prints "NAME VERSION SOURCE SOURCE-VERSION" of a downloaded package
#   unpack                            unpacks the downloads to $work/tree
#   unpack_root                       the same, as the root of a system: with the links and files that the packages'
#                                     scripts would make
set -euo pipefail

cache=${CSUMBPF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csumbpf}
mkdir -p "$cache"
# A guest finds the cache at the same path, so the path must be absolute and without symbolic links.
cache=$(readlink -f "$cache")
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
# Fails, after the end of the log, which has the reason.
fail_with_log() { tail -n 5 "$work/log" >&2; fail "$@"; }

newest() { { find "$1" -mindepth 1 -maxdepth 1 -type d ! -name '.*' 2>/dev/null || true; } | sort -V | tail -n 1; }

unless_cached() {
	local found
	mkdir -p "$1"
	# The lock keeps two processes from fetching the same.
	exec 9>"$1/.lock"
	flock 9
	found=$(newest "$1")
	if [ -n "$found" ] && [ "$2" != yes ]; then
		echo "$found"
		exit 0
	fi
	work=$(mktemp -d "$1/.work.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir -p "$work"/{lists/partial,archives/partial,etc,tree}
	: >"$work/status"
	command -v apt-get >/dev/null || fail "no apt-get here; this needs Debian"
	# Redirects only what apt writes. Preferences and proxies are the machine's.
	apt=(-q -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
		-o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/archives" -o "Dir::Log=$work" -o "APT::Sandbox::User=root")
}

use_suite() {
	local suite=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg uris main_uri security_uri
	[ -z "${2-}" ] || apt+=(-o "APT::Architecture=${2%%,*}" -o "APT::Architectures=$2")
	[ -f "$keyring" ] || fail "$keyring is missing; run 'apt install debian-archive-keyring'"
	mapfile -t uris < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' \
		| awk '$2 ~ /^[a-z]+(-updates|-security)?$/' | sort -u)
	main_uri=$(printf '%s\n' "${uris[@]}" | awk '$2 !~ /-security$/ && $1 ~ /debian\/?$/ { print $1; exit }')
	security_uri=$(printf '%s\n' "${uris[@]}" | awk '$2 ~ /-security$/ { print $1; exit }')
	[ -n "$main_uri" ] || fail "no Debian mirror in this machine's apt sources; add one and run 'apt-get update'"
	{
		echo "deb [signed-by=$keyring] $main_uri $suite main"
		case $suite in
		*-backports | sid | unstable | experimental) ;; # these have no security updates
		*) [ -z "$security_uri" ] || echo "deb [signed-by=$keyring] $security_uri $suite-security main" ;;
		esac
	} >"$work/etc/sources.list"
	apt+=(-o "Dir::Etc::sourcelist=$work/etc/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null" -o "APT::Default-Release=")
	if ! update && grep -qE 'expired|no longer valid' "$work/log"; then
		# A mirror that is a snapshot keeps lists of daily changing suites beyond the date until which they are valid.
		echo "$(basename "$0"): the lists of $suite on this mirror have expired; using them all the same" >&2
		apt+=(-o Acquire::Check-Valid-Until=false)
	fi
	update || fail_with_log "apt-get update of suite $suite failed (above); nothing was changed"
}

# Makes apt fail if a list cannot be fetched, of which it would only warn.
update() { apt-get "${apt[@]}" -o APT::Update::Error-Mode=any update >"$work/log" 2>&1; }

use_machine() {
	apt-get "${apt[@]}" update >"$work/log" 2>&1 || fail_with_log "apt-get update from this machine's sources failed (above); nothing was changed"
}

version() { { apt-cache "${apt[@]}" show --no-all-versions "$1" 2>/dev/null || true; } | awk '$1 == "Version:" { print $2; exit }'; }

packages() { apt-cache "${apt[@]}" pkgnames "$1"; }

depends() { apt-cache "${apt[@]}" depends "$@" 2>/dev/null || true; }

download() {
	(cd "$work/archives" && apt-get "${apt[@]}" download "$@") >"$work/log" 2>&1 || fail_with_log "apt-get download $* failed (above)"
}

download_all() {
	apt-get "${apt[@]}" install --yes --download-only --no-install-recommends "$@" >"$work/log" 2>&1 || fail_with_log "apt-get download $* failed (above)"
}

name_and_source() { dpkg-deb -W --showformat '${Package} ${Version} ${source:Package} ${source:Version}\n' "$1"; }

unpack() {
	local deb
	for deb in "$work"/archives/*.deb; do
		# Older packages have directories where merged /usr has links, which must stay.
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --keep-directory-symlink
	done
}

unpack_root() {
	local link tool tree=$work/tree
	# The links of merged /usr, which a script of bookworm's packages would make.
	for link in bin sbin lib lib64; do
		mkdir -p "$tree/usr/$link"
		ln -s "usr/$link" "$tree/$link"
	done
	unpack
	if [ ! -e "$tree/bin/sh" ]; then ln -s dash "$tree/bin/sh"; fi
	if [ ! -e "$tree/usr/bin/awk" ] && [ -e "$tree/usr/bin/mawk" ]; then ln -s mawk "$tree/usr/bin/awk"; fi
	for tool in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
		ln -sf "${tool/tables/tables-nft}" "$tree/usr/sbin/$tool"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$tree/etc/passwd"
	echo root:x:0: >"$tree/etc/group"
	echo hosts: files dns >"$tree/etc/nsswitch.conf"
	mkdir -p "$tree"/{dev,proc,sys,run,tmp,root,var/tmp}
	rm -rf "$tree/var/run"
	ln -s /run "$tree/var/run"
}
