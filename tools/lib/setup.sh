# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What tools/run and tools/check share: whose files these are, packages, builds.
#
# Invariant: everything below the build directories belongs to the user behind sudo where the checkout
# is his.
# The caller sets ROOT (the checkout) and TOOL (its own name for messages).

say() {
	printf '%s: %s\n' "$TOOL" "$*" >&2
}

fail() {
	say "$*"
	exit 1
}

require_root() {
	if [ "$(id -u)" -ne 0 ]; then
		fail "$1 needs root. Run: sudo $TOOL"
	fi
}

# Runs a command as the user behind sudo where the checkout is his, else as who we are.
as_user() {
	if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] &&
		[ "$(stat -c %U "$ROOT")" = "$SUDO_USER" ]; then
		runuser -u "$SUDO_USER" -- "$@"
	else
		"$@"
	fi
}

# ---- packages --------------------------------------------------------------------------------

distribution() {
	# shellcheck disable=SC1091
	(. /etc/os-release && printf '%s' "${ID:-unknown}")
}

build_packages() {
	local bpftool=bpftool
	if [ "$(distribution)" = ubuntu ]; then
		# There bpftool is part of the kernel's tools; any version can write a skeleton.
		bpftool="linux-tools-common linux-tools-generic"
	fi
	echo gcc libc6-dev make cmake pkg-config clang "$bpftool" libbpf-dev libelf-dev libdw-dev \
		libyajl-dev uthash-dev uuid-dev libcap-dev libxxhash-dev libunwind-dev libcairo2-dev \
		libzydis-dev
}

example_packages() {
	echo luajit lua-busted lua-check lua-penlight lua-dkjson lua-lpeg lua-cjson lua-filesystem
}

test_packages() {
	build_packages
	example_packages
	echo zlib1g-dev libcriterion-dev libcapstone-dev libclang-rt-dev clang-format-14 shellcheck jq lua5.1 lua5.2 lua5.3 \
		lua5.4 neovim sudo python3 python3-jsonschema python3-yaml libluajit-5.1-dev liblua5.1-0-dev \
		liblua5.2-dev liblua5.3-dev liblua5.4-dev "$(guest_packages)"
}

# What tools/vm boots another kernel with, and what tools/arm64 builds with.
guest_packages() {
	local virtiofsd=qemu-system-common
	if [ "$(distribution)" = ubuntu ]; then
		virtiofsd=virtiofsd
	fi
	if [ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ]; then
		echo qemu-system-x86 qemu-system-arm "$virtiofsd" busybox-static kmod cpio mmdebstrap \
			gcc-aarch64-linux-gnu libc6-dev-arm64-cross
	fi
}

missing_packages() {
	local name
	for name in "$@"; do
		if ! dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -q '^installed$'; then
			printf '%s ' "$name"
		fi
	done
}

# install_packages STAMP NAME...: installs what is missing. The stamp says that these very names were
# found at a time when dpkg's own record last changed: then there is nothing to look up.
install_packages() {
	local stamp="$ROOT/build/.packages-$1" missing
	shift
	if [ "$stamp" -nt /var/lib/dpkg/status ] && [ "$(cat "$stamp")" = "$*" ]; then
		return
	fi
	if ! command -v apt-get >/dev/null; then
		say "no apt-get here, so install what these Debian packages hold yourself: $*"
		return
	fi
	missing=$(missing_packages "$@")
	if [ -n "$missing" ]; then
		require_root "installing packages ($missing)"
		say "installing $missing"
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq || fail "apt-get update failed (no network?)"
		# shellcheck disable=SC2086
		apt-get install -y -qq --no-install-recommends $missing >"$LOG" 2>&1 || {
			tail -n 20 "$LOG" >&2
			fail "cannot install packages; the last lines of apt-get are above"
		}
	fi
	as_user mkdir -p "$ROOT/build"
	echo "$*" | as_user tee "$stamp" >/dev/null
}

# ---- builds ----------------------------------------------------------------------------------

# build PRESET DIRECTORY TARGET...: configures once, builds. Says nothing unless it fails.
build() {
	local preset=$1 directory="$ROOT/$2"
	shift 2
	# A configuration that failed leaves a cache, but nothing to build with.
	if [ ! -f "$directory/Makefile" ] && [ ! -f "$directory/build.ninja" ]; then
		(cd "$ROOT" && as_user cmake --preset "$preset") >"$LOG" 2>&1 || {
			tail -n 30 "$LOG" >&2
			return 1
		}
	fi
	as_user cmake --build "$directory" -j "$(nproc)" ${1:+--target "$@"} >"$LOG" 2>&1 || {
		{ grep -E -A 8 'error|Error' "$LOG" || tail -n 30 "$LOG"; } | head -n 60 >&2
		return 1
	}
}

# Everything the release build is made from, below ROOT.
RELEASE_SOURCES="src bpf include tools/cmake CMakeLists.txt CMakePresets.json"

# The contents of it as one word.
sources_id() {
	# shellcheck disable=SC2086
	(cd "$ROOT" && find $RELEASE_SOURCES -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum |
		sha256sum | cut -c 1-32)
}

# True when the release build is of the sources as they are. A checkout makes files new that have the
# same contents, as on each runner of a CI that keeps the build.
release_is_current() {
	local stamp="$ROOT/build/.built"
	[ -f "$stamp" ] && [ -x "$ROOT/build/bprof-perf" ] || return 1
	# shellcheck disable=SC2086
	if [ -n "$(cd "$ROOT" && find $RELEASE_SOURCES -newer "$stamp" -print -quit)" ]; then
		[ "$(cat "$stamp")" = "$(sources_id)" ] && as_user touch "$stamp"
	fi
}

# A build that was kept may miss libraries here.
release_runs() {
	release_is_current && "$ROOT/build/bprof-perf" --version >/dev/null 2>&1
}

build_release() {
	if release_is_current; then
		return
	fi
	say "building build/bprof-perf"
	as_user mkdir -p "$ROOT/build"
	sources_id | as_user tee "$ROOT/build/.building" >/dev/null
	build release build bprof-perf || fail "the build failed; its errors are above"
	# Dated at the start of the build: what changed during it is built next time.
	as_user mv "$ROOT/build/.building" "$ROOT/build/.built"
}
