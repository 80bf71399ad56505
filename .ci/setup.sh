# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# Set-up in layers: Debian packages, the virtual environment, the product in it, a sanitized twin of the
# product and the fuzzer beside it. Each layer is skipped when what it is made from has not changed, so that a second
# run costs well under a second. Read by ../dev, in the top folder.

say() { printf '==> %s\n' "$*" >&2; }

die() {
	printf 'dev: %s\n' "$*" >&2
	exit 1
}

need_root() {
	[ "$EUID" -eq 0 ] || die "'./dev $1' must run as root: it creates network namespaces and interfaces"
}

# One set-up at a time in a checkout; the second waits and then finds everything done.
locked() {
	mkdir -p build
	(
		flock 9
		"$@"
	) 9>build/.lock
}

# Afterwards our tools come first: python, pytest, slbd, slbctl are those of .venv.
setup() {
	locked setup_layers
	PATH="$PWD/.venv/bin:$PATH"
}

setup_sanitized() { locked install_sanitized; }

setup_fuzzer() { locked install_fuzzer; }

setup_bench() { locked install_bench; }

setup_plot() { locked install_plot; }

setup_layers() {
	install_packages
	make_venv
	install_product
}

# Debian packages

# Those of a list that are not installed.
missing_packages() {
	local wanted
	wanted=$(sed 's/#.*//' "$1" | xargs -n 1 | sort)
	# dpkg-query fails for each package it has never heard of.
	# shellcheck disable=SC2086
	{ dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' $wanted 2>/dev/null || true; } |
		sed -n 's/^ii *//p' | sort | comm -23 <(echo "$wanted") -
}

install_packages() {
	command -v apt-get >/dev/null ||
		die "needs Debian 12 or later, whose packages it installs with apt (.ci/packages.txt lists them)"
	local missing
	missing=$(missing_packages .ci/packages.txt | xargs)
	[ -z "$missing" ] || apt_install "$missing"
}

apt_install() (
	[ "$EUID" -eq 0 ] || die "these Debian packages are missing; run './dev setup' as root once: $1"
	say "installing Debian packages: $1"
	keep_services_stopped
	export DEBIAN_FRONTEND=noninteractive
	# A source of the host's own may be unreachable without harm, so only the installation decides.
	apt-get -q update >build/apt.log 2>&1 || say "apt-get update failed; trying the package lists at hand"
	# shellcheck disable=SC2086
	apt-get -q -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install $1 </dev/null >>build/apt.log 2>&1 || {
		tail -n 20 build/apt.log >&2
		die "apt-get could not install: $1 (whole log: build/apt.log; is a Debian mirror reachable?)"
	}
	# shellcheck disable=SC2086
	[ ! -d /run/systemd/system ] || [ -z "$fresh_services" ] || systemctl -q disable $fresh_services
)

# Debian starts a service when its package is installed. BIRD would then speak for this host, and the web
# servers and Prometheus listen on it, while here they are only ever started by slbd or a test, in a network namespace
# and with a configuration of their own.
keep_services_stopped() {
	local name
	fresh_services=
	for name in bird2:bird frr:frr haproxy:haproxy nginx-light:nginx prometheus:prometheus; do
		dpkg-query -W -f '${db:Status-Abbrev}' "${name%:*}" 2>/dev/null | grep -q '^ii' ||
			fresh_services="$fresh_services ${name#*:}.service"
	done
	[ ! -e /usr/sbin/policy-rc.d ] || return 0
	trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	install -m 755 /dev/stdin /usr/sbin/policy-rc.d <<-'TEXT'
		#!/bin/sh
		exit 101
	TEXT
}

# The virtual environment

usable_python() {
	local name
	for name in python3 /usr/bin/python3; do
		# Headers, because the engine is an extension module.
		"$name" - 2>/dev/null <<-'CODE' && command -v "$name" && return 0
			import ensurepip, os, sys, sysconfig
			headers = os.path.join(sysconfig.get_paths()["include"], "Python.h")
			sys.exit(sys.version_info < (3, 11) or not os.path.exists(headers))
		CODE
	done
	die "needs Python 3.11 or later with venv and headers as python3 or /usr/bin/python3"
}

make_venv() {
	local python stamp
	python=$(usable_python)
	stamp=$(digest_of "$PWD" "$python" "$("$python" --version)" "$(cat .ci/lock.txt)")
	! unchanged .venv/stamp "$stamp" || return 0
	say "making .venv with $python"
	# What was built refers to the old environment.
	rm -rf .venv build/release build/release.stamp build/asan build/fuzz/meson build/fuzz/stamp
	"$python" -m venv .venv
	# pip itself first: the rest relies on the version in the lock.
	pip_install "$(grep '^pip==' .ci/lock.txt)"
	pip_install --no-deps -r .ci/lock.txt
	echo "$stamp" >.venv/stamp
}

pip_install() {
	.venv/bin/python -m pip --disable-pip-version-check -qq install --no-warn-script-location "$@" >&2 ||
		die "pip could not install $* (is the Python package index reachable?)"
}

relock() {
	setup
	rm -rf build/relock
	python -m venv build/relock
	build/relock/bin/python .ci/requirements.py | xargs build/relock/bin/python -m pip -q install -U pip
	{
		sed '/^#/!d' .ci/lock.txt
		build/relock/bin/python -m pip freeze --all | grep -v '^setuptools=='
	} >build/lock.txt
	build/relock/bin/python .ci/requirements.py plot | xargs build/relock/bin/python -m pip -q install
	{
		sed '/^#/!d' .ci/lock-plot.txt
		build/relock/bin/python -m pip freeze --all | grep -v '^setuptools==' | grep -vxFf build/lock.txt
	} >build/lock-plot.txt
	mv build/lock.txt .ci/lock.txt
	mv build/lock-plot.txt .ci/lock-plot.txt
}

# The product

install_product() {
	local stamp
	stamp=$(product_digest)
	! unchanged build/release.stamp "$stamp" || return 0
	say "building and installing the product"
	build_wheel --force-reinstall -Cbuild-dir=build/release .
	echo "$stamp" >build/release.stamp
}

# The same with address and undefined-behaviour sanitizers, put first on PYTHONPATH by .ci/suites.py.
install_sanitized() {
	local stamp
	stamp=$(product_digest)
	! unchanged build/asan/stamp "$stamp" || return 0
	say "building the sanitized product"
	rm -rf build/asan/site
	build_wheel --target build/asan/site -Cbuild-dir=build/asan/meson \
		-Csetup-args=-Db_sanitize=address,undefined -Csetup-args=-Db_lundef=false \
		-Csetup-args=-Db_ndebug=false -Csetup-args=-Doptimization=1 .
	echo "$stamp" >build/asan/stamp
}

# The fuzzer alone, with clang; what it finds is kept beside it, in build/fuzz.
install_fuzzer() {
	local stamp meson=build/fuzz/meson
	stamp=$(digest_of "$(product_digest)" "$(dpkg-query -W clang libclang-rt-dev)" "$(
		find csrc/fuzz -type f -print0 | sort -z | xargs -0 sha256sum
	)")
	! unchanged build/fuzz/stamp "$stamp" || return 0
	say "building the fuzzer"
	[ -e $meson/build.ninja ] || CC=clang meson setup $meson -Dfuzz=true -Doptimization=2 \
		-Db_lundef=false -Db_ndebug=false >build/fuzz.log || die "meson refused: see build/fuzz.log"
	ninja --quiet -C $meson csrc/fuzz/slb-fuzz >&2 ||
		die "the fuzzer's build failed; what the compiler said is above"
	echo "$stamp" >build/fuzz/stamp
}

# Who plots needs more Python packages than anybody else.
install_plot() {
	local stamp
	stamp=$(digest_of "$(cat .venv/stamp .ci/lock-plot.txt)")
	! unchanged .venv/plot.stamp "$stamp" || return 0
	pip_install --no-deps -r .ci/lock-plot.txt
	echo "$stamp" >.venv/plot.stamp
}

# The programs of the measurements, of the product's own objects.
install_bench() {
	local meson=build/release
	[ -e $meson/build.ninja ] || meson setup $meson >build/bench.log || die "meson refused: see build/bench.log"
	ninja --quiet -C $meson csrc/bench/slb-bench csrc/bench/slb-bench-accounts csrc/bench/slb-flood >&2 ||
		die "the bench's build failed; what the compiler said is above"
}

build_wheel() {
	# meson, ninja and cffi-gen-src are looked up on PATH.
	PATH="$PWD/.venv/bin:$PATH" python -m pip --disable-pip-version-check -q install \
		--no-build-isolation --no-deps \
		--no-warn-script-location "$@" >&2 ||
		die "the build failed; what the compiler said is above"
}

product_digest() {
	digest_of "$(cat .venv/stamp)" "$(dpkg-query -W libdpdk-dev gcc)" "$(
		find csrc slb slbctl ospf meson* pyproject.toml -type f ! -name '*.pyc' ! -path 'csrc/fuzz/*' \
			! -path 'csrc/bench/*' -print0 |
			sort -z | xargs -0 sha256sum
	)"
}

digest_of() { printf '%s\n' "$@" | sha256sum | cut -d ' ' -f 1; }

unchanged() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }
