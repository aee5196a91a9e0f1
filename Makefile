# SPDX-License-Identifier: Apache-2.0
# The front door. Packages are installed by apt where something is missing; everything fetched is cached.
SHELL := /bin/bash
PREFIX ?= /usr/local
MVN ?= mvn -B -ntp
CACHE := $(or $(CSUMBPF_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/csumbpf)
# What a Debian machine needs to build and run csumbpf.
PACKAGES := clang llvm libbpf-dev libbpf1 make gcc default-jdk-headless maven kmod iproute2 libnftables1

# To test it, in namespaces and in VMs.
TEST_PACKAGES := ethtool nftables libnftables-dev iptables socat iputils-ping util-linux xz-utils qemu-system-x86 qemu-system-arm \
	busybox-static cpio debian-archive-keyring python3 python3-scapy bpftool iperf3 procps tmux wireguard-tools curl openssl mmdebstrap

# Up to Debian 12 it is a part of qemu-system-common.
TEST_PACKAGES += $(shell . /etc/os-release; [ "$${VERSION_ID:-13}" -lt 13 ] || echo virtiofsd)

# The C headers of the other architecture, to compare numbers with.
TEST_PACKAGES += $(if $(filter aarch64,$(shell uname -m)),libc6-dev-amd64-cross,libc6-dev-arm64-cross)

# To build packages, which test-vm does, too.
DIST_PACKAGES := debhelper dpkg-dev lintian asciidoctor patchelf python3 debian-archive-keyring qemu-user-static

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-dist demo demo-swarm build test test-all test-fast test-root test-vm vm-shell bench fmt install uninstall dist release clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# install_missing PACKAGE...: by apt.
define install_missing
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(1) 2>/dev/null \
		| awk '$$2 == "installed" { print $$1 }' | sort -u | comm -13 - <(tr ' ' '\n' <<<"$(1)" | sort -u)); \
	if [ -n "$$missing" ]; then \
		[ "$$(id -u)" = 0 ] || { echo "make $@: not root; run 'apt install $$(echo $$missing)' as root" >&2; exit 1; }; \
		echo "Installing" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi
endef

setup: ## Install what is missing of the packages that building needs (apt; Debian).
	$(call install_missing,$(PACKAGES))

setup-test: setup ## The same for testing.
	$(call install_missing,$(TEST_PACKAGES))

setup-dist: setup ## The same for 'make dist'.
	$(call install_missing,$(DIST_PACKAGES))

demo: build setup-test ## The main job, end to end: NAT breaks encrypted VXLAN, csumbpf repairs it (VM; LAB=host: this host's kernel).
	@tests/demo/demo.sh

demo-swarm: build setup-test setup-dist ## One command for a real Docker Swarm (VM; KERNEL=NAME, ENGINE=bookworm|trixie: whose Docker).
	@tests/swarm/demo.sh

build: setup ## Build bin/csumbpf.
	@$(MVN) -q package -DskipTests -pl loader,maps,cli
	@ARCH= cli/src/main/sh/make-dist .

test: setup-test test-fast test-root test-vm ## The tests, from nothing (root; what CI runs).

test-all: FAULTS := -Dcsumbpf.faults=all
test-all: TEST_PACKAGES += buildah
test-all: setup-test test-fast test-root ## The same with every case on every kernel and architecture (root; hours).
	@$(MAKE) --no-print-directory test-vm MATRIX=--all

test-fast: setup-test ## Tests that need neither root nor a VM.
	$(MVN) verify -pl loader,maps,cli,tests -Dtest.excludedGroups=root,vm,soak,monitoring,swarm
	tests/packets/make_cases.py --check
	tests/prometheus/check-deploy

test-root: build setup-test ## Tests on this host's kernel, in network namespaces of their own (root).
	@[ "$$(id -u)" = 0 ] || { echo "make test-root: needs root, for BPF and network namespaces; run it with sudo" >&2; exit 1; }
	$(MVN) verify -pl loader,maps,cli,tests -Dtest.groups=root -Dcsumbpf.command="$(CURDIR)/bin/csumbpf" $(FAULTS) \
		-Dtest.forks=2 -Dtest.jvm="$(CURDIR)/tests/lab/private/bin/java"
	tests/bench/check

test-vm: TEST_PACKAGES += $(if $(filter dist,$(KERNEL)),buildah)
test-vm: build setup-test setup-dist ## Real ESP traffic in VMs, on the kernels of tests/vm/kernels.tsv or on KERNEL=NAME (root).
	@[ "$$(id -u)" = 0 ] || { echo "make test-vm: needs root, to share files with the VM; run it with sudo" >&2; exit 1; }
	@$(MVN) -q test-compile -pl loader,maps,cli,tests
	@clang -O2 -g -target bpf -idirafter /usr/include/$$(gcc -print-multiarch) \
		-c tests/src/test/bpf/foreign.bpf.c -o tests/target/foreign.bpf.o
	@tests/vm/matrix $(MATRIX) $(KERNEL)

vm-shell: build setup-test ## A prompt in the lab, in a VM with KERNEL=NAME (default 6.1; root).
	@tests/vm/run --kernel $(or $(KERNEL),6.1) --links 3 --shell --timeout 86400 -- "$(CURDIR)/tests/lab/shell"

bench: build setup-test ## What it costs, as ratios: program, whole path, ESP (VM), command; into docs/ and README.md (root; 25 minutes).
	@[ "$$(id -u)" = 0 ] || { echo "make bench: needs root, for BPF, network namespaces and the VM; run it with sudo" >&2; exit 1; }
	@rm -rf tests/target/bench
	tests/bench/program.sh
	tests/bench/wire.sh
	tests/bench/path.sh
	tests/bench/command.sh
	tests/bench/esp.sh
	tests/bench/backstop.sh
	tests/bench/report

fmt: ## Format Java and C.
	$(MVN) -q com.diffplug.spotless:spotless-maven-plugin:3.11.0:apply
	@if command -v clang-format >/dev/null; then clang-format -i bpf/*.c bpf/*.h bpf/lib/*.h; \
	else echo "make fmt: C left as it is; run 'apt install clang-format'" >&2; fi

install: build ## Install below PREFIX (default /usr/local), for this machine or for ARCH=amd64|arm64.
	ARCH=$(ARCH) cli/src/main/sh/make-dist "$(DESTDIR)$(PREFIX)"

uninstall: ## Remove what 'make install' put below PREFIX. Attachments stay: 'csumbpf detach --all' first.
	@lib="$(DESTDIR)$(PREFIX)/lib/csumbpf"; [ ! -e "$$lib/directories" ] || { echo "make $@: a tarball is installed there; run '$$lib/uninstall.sh'" >&2; exit 1; }
	rm -f "$(DESTDIR)$(PREFIX)/bin/csumbpf"
	rm -rf "$(DESTDIR)$(PREFIX)/lib/csumbpf"

dist: setup-dist ## Build packages, tarballs and images for amd64 and arm64 into DIST (default target/dist), with checksums.
	@deploy/package/dist "$(or $(DIST),target/dist)"

release: setup-test setup-dist ## Build the same of the tagged version, and check all of it, in target/release (root).
	@deploy/package/release target/release

clean: ## Remove what was built; the cache stays.
	rm -rf bin lib target bpf/target loader/target maps/target cli/target tests/target
