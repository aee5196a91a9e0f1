# SPDX-License-Identifier: Apache-2.0
# The front door. Packages are installed by apt where something is missing; everything fetched is cached.
SHELL := /bin/bash
PREFIX ?= /usr/local
MVN ?= mvn -B -ntp
CACHE := $(or $(CSUMBPF_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/csumbpf)
# What a Debian machine needs: to build, to run, to test in namespaces, to test in VMs.
PACKAGES := clang llvm libbpf-dev libbpf1 make gcc default-jdk-headless maven kmod iproute2 ethtool nftables iptables \
	socat iputils-ping util-linux xz-utils qemu-system-x86 busybox-static cpio debian-archive-keyring python3 python3-scapy bpftool

.DEFAULT_GOAL := help
.PHONY: help setup demo build test test-fast test-root test-vm bench fmt install clean

help: ## Print this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Install what is missing of the packages that building and testing need (apt; Debian).
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(PACKAGES) 2>/dev/null \
		| awk '$$2 == "installed" { print $$1 }' | sort -u | comm -13 - <(tr ' ' '\n' <<<"$(PACKAGES)" | sort -u)); \
	if [ -n "$$missing" ]; then \
		[ "$$(id -u)" = 0 ] || { echo "make setup: not root; run 'apt install $$(echo $$missing)' as root" >&2; exit 1; }; \
		echo "Installing" $$missing; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$missing >/dev/null; \
	fi

demo: build ## The main job, end to end: NAT breaks encrypted VXLAN, csumbpf repairs it (VM; LAB=host: this host's kernel).
	@tests/demo/demo.sh

build: setup ## Build bin/csumbpf.
	@$(MVN) -q package -DskipTests -pl loader,maps,cli
	@cli/src/main/sh/make-dist .

test: setup test-fast test-root test-vm ## All tests, from nothing.

test-fast: setup ## Tests that need neither root nor a VM.
	$(MVN) verify -pl loader,maps,cli,tests -Dtest.excludedGroups=root
	tests/packets/make_cases.py --check

test-root: build ## Tests on this host's kernel, in network namespaces of their own (root).
	@[ "$$(id -u)" = 0 ] || { echo "make test-root: needs root, for BPF and network namespaces; run it with sudo" >&2; exit 1; }
	$(MVN) verify -pl loader,maps,cli,tests -Dtest.groups=root -Dcsumbpf.command=$(CURDIR)/bin/csumbpf

test-vm: build ## The command and real ESP traffic in VMs, on each kernel of tests/vm/kernels.tsv or on KERNEL=SERIES (root).
	@[ "$$(id -u)" = 0 ] || { echo "make test-vm: needs root, to share files with the VM; run it with sudo" >&2; exit 1; }
	@for kernel in $(or $(KERNEL),$$(grep -v '^#' tests/vm/kernels.tsv | cut -f 1)); do \
		for story in story.sh modes.sh; do \
			echo "=== kernel $$kernel, $$story"; KERNEL=$$kernel STORY=$$story tests/demo/demo.sh || exit 1; \
		done; \
	done

bench: build ## Program cost by BPF_PROG_TEST_RUN, as ratios to an empty program (root).
	tests/bench/program.sh

fmt: ## Format Java and C.
	$(MVN) -q com.diffplug.spotless:spotless-maven-plugin:3.11.0:apply
	@if command -v clang-format >/dev/null; then clang-format -i bpf/*.c bpf/*.h bpf/lib/*.h; \
	else echo "make fmt: C left as it is; run 'apt install clang-format'" >&2; fi

install: build ## Install below PREFIX (default /usr/local), with a class-data archive for this machine's Java.
	cli/src/main/sh/make-dist $(DESTDIR)$(PREFIX)

clean: ## Remove what was built; the cache stays.
	rm -rf bin lib bpf/target loader/target maps/target cli/target tests/target
