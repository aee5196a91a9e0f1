# SPDX-License-Identifier: Apache-2.0
# Sourced by what fetches Debian packages that are unpacked into the cache, and not installed. apt does the fetching, with lists of its
# own: they are fresh, of any suite, and signatures are checked against the installed Debian keyring. Needs no root.
#
#   unless_cached DIRECTORY REFRESH   ends the script with the newest folder of DIRECTORY, if there is one and REFRESH is not yes;
#                                     else takes the lock and makes the folder $work, which ends with the script
#   use_suite SUITE                   the packages of a suite, with its security updates, from the mirror that this machine's apt uses
#   use_machine                       those of this machine's own sources
#   version PACKAGE                   the newest one's; nothing: there is none
#   download PACKAGE...               into $work/archives; download_all PACKAGE...: with all that they depend on
#   unpack                            what was downloaded, into $work/tree
set -euo pipefail

cache=${CSUMBPF_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/csumbpf}
fail() { echo "$(basename "$0"): $*" >&2; exit 1; }
# The log's end tells why.
tell() { tail -n 5 "$work/log" >&2; fail "$@"; }

newest() { { find "$1" -mindepth 1 -maxdepth 1 -type d ! -name '.*' 2>/dev/null || true; } | sort -V | tail -n 1; }

unless_cached() {
	local found
	mkdir -p "$1"
	# Two at once would fetch twice.
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
	# Only what apt writes is elsewhere: preferences and proxies stay the machine's.
	apt=(-q -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status"
		-o "Dir::Cache=$work" -o "Dir::Cache::archives=$work/archives" -o "Dir::Log=$work" -o "APT::Sandbox::User=root")
}

use_suite() {
	local suite=$1 keyring=/usr/share/keyrings/debian-archive-keyring.gpg uris main_uri security_uri
	[ -f "$keyring" ] || fail "$keyring is missing; run 'apt install debian-archive-keyring'"
	mapfile -t uris < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' \
		| awk '$2 ~ /^[a-z]+(-updates|-security)?$/' | sort -u)
	main_uri=$(printf '%s\n' "${uris[@]}" | awk '$2 !~ /-security$/ && $1 ~ /debian\/?$/ { print $1; exit }')
	security_uri=$(printf '%s\n' "${uris[@]}" | awk '$2 ~ /-security$/ { print $1; exit }')
	[ -n "$main_uri" ] || fail "no Debian mirror in this machine's apt sources; add one and run 'apt-get update'"
	{
		echo "deb [signed-by=$keyring] $main_uri $suite main"
		case $suite in
		*-backports) ;;
		*) [ -z "$security_uri" ] || echo "deb [signed-by=$keyring] $security_uri $suite-security main" ;;
		esac
	} >"$work/etc/sources.list"
	apt+=(-o "Dir::Etc::sourcelist=$work/etc/sources.list" -o "Dir::Etc::sourceparts=/dev/null"
		-o "Dir::Etc::preferencesparts=/dev/null" -o "APT::Default-Release=")
	apt-get "${apt[@]}" update >"$work/log" 2>&1 || tell "apt-get update of suite $suite failed (above); nothing was changed"
}

use_machine() {
	apt-get "${apt[@]}" update >"$work/log" 2>&1 || tell "apt-get update from this machine's sources failed (above); nothing was changed"
}

version() { { apt-cache "${apt[@]}" show --no-all-versions "$1" 2>/dev/null || true; } | awk '$1 == "Version:" { print $2; exit }'; }

depends() { apt-cache "${apt[@]}" depends "$@" 2>/dev/null || true; }

download() {
	(cd "$work/archives" && apt-get "${apt[@]}" download "$@") >"$work/log" 2>&1 || tell "apt-get download $* failed (above)"
}

download_all() {
	apt-get "${apt[@]}" install --yes --download-only --no-install-recommends "$@" >"$work/log" 2>&1 || tell "apt-get download $* failed (above)"
}

unpack() {
	local deb
	for deb in "$work"/archives/*.deb; do
		# Older packages have folders where merged /usr has links.
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$work/tree" --keep-directory-symlink
	done
}
