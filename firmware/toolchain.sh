#!/bin/sh
# Makes TinyGo available and prints, as shell assignments, how to call it:
#
#     eval "$(firmware/toolchain.sh)"
#
# An installed TinyGo of at least $want is used where there is one. Otherwise
# TinyGo $want is built once, from Go modules and Debian packages, into
# $FEMTO_CACHE (default: femto/ in the user's cache directory).
#
# The Go module of TinyGo lacks what upstream keeps in git submodules: its own
# C library and compiler runtime, and the register packages of real chips. The
# emulated boards need neither: their target files name Debian's picolibc and
# libgcc, which this script prepares in either case.
set -eu

want=0.41.0
cache=${FEMTO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/femto}
root=$cache/tinygo-$want
libs=$cache/boards-libs-1

say() { echo "toolchain: $*" >&2; }
die() { say "$*"; exit 1; }

# need COMMAND-OR-FILE PACKAGE...: collects the packages that are missing.
missing=
need() {
	case $1 in
	/*) [ -e "$1" ] || missing="$missing $2" ;;
	*) command -v "$1" >/dev/null 2>&1 || missing="$missing $2" ;;
	esac
}
require_packages() {
	[ -z "$missing" ] && return
	missing=$(echo $missing | tr ' ' '\n' | sort -u | tr '\n' ' ')
	say "these Debian packages are missing: $missing"
	die "sudo apt-get install --no-install-recommends $missing"
}

# at_least HAVE WANT: compares dotted versions.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

installed() {
	path=$(command -v tinygo 2>/dev/null) || return 1
	version=$("$path" version 2>/dev/null | sed -n 's/^tinygo version \([0-9.]*\).*/\1/p')
	[ -n "$version" ] || return 1
	at_least "$version" "$want" || { say "ignoring $path: version $version is older than $want"; return 1; }
}

# One builder at a time: a second caller waits for the first.
lock() {
	mkdir -p "$cache"
	command -v flock >/dev/null 2>&1 || return 0
	exec 9>"$cache/lock"
	flock 9
}

build_tinygo() {
	need go golang
	need /usr/lib/llvm-19/include/llvm-c/Core.h llvm-19-dev
	need /usr/lib/llvm-19/lib/libclang.so libclang-19-dev
	need clang-19 clang-19
	need ld.lld-19 lld-19
	require_packages
	say "building TinyGo $want into $root (once, about two minutes)"
	work=$(mktemp -d "$cache/build.XXXXXX")
	trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
	cat >"$work/go.mod" <<-MOD
		module femto.invalid/toolchain

		go 1.24

		require github.com/tinygo-org/tinygo v$want

		tool github.com/tinygo-org/tinygo
	MOD
	(
		cd "$work"
		export GOFLAGS=-mod=mod GOWORK=off
		# The network may fail once or twice.
		go mod download github.com/tinygo-org/tinygo >&2 || sleep 5
		go build -p 2 -tags llvm19 -o "$work/root/bin/tinygo" github.com/tinygo-org/tinygo >&2 ||
			{ sleep 10; go build -p 2 -tags llvm19 -o "$work/root/bin/tinygo" github.com/tinygo-org/tinygo >&2; }
		module=$(go list -m -f '{{.Dir}}' github.com/tinygo-org/tinygo)
		cp -r "$module/." "$work/root/"
		chmod -R u+w "$work/root"
		mkdir -p "$work/root/src/net"
	)
	rm -rf "$root"
	mv "$work/root" "$root"
	chmod -R u+w "$work"
	rm -rf "$work"
	trap - EXIT
}

# TinyGo's stack analysis reads DWARF and stops at the old frame format in
# Debian's archives, so the copies go without it.
strip_archive() { # OBJCOPY FROM TO
	"$1" -g -R .debug_frame "$2" "$3"
}

prepare_libs() {
	arm=/usr/lib/picolibc/arm-none-eabi/lib/thumb
	rv=/usr/lib/picolibc/riscv64-unknown-elf/lib/rv32imac/ilp32
	need arm-none-eabi-objcopy binutils-arm-none-eabi
	need arm-none-eabi-gcc gcc-arm-none-eabi
	need $arm/v7-m/nofp/libc.a picolibc-arm-none-eabi
	need riscv64-unknown-elf-objcopy binutils-riscv64-unknown-elf
	need riscv64-unknown-elf-gcc gcc-riscv64-unknown-elf
	need $rv/libc.a picolibc-riscv64-unknown-elf
	need /usr/lib/llvm-19/bin/clang clang-19
	need /usr/lib/llvm-19/bin/ld.lld lld-19
	require_packages
	work=$(mktemp -d "$cache/libs.XXXXXX")
	for arch in v7-m v7e-m; do
		mkdir -p "$work/$arch"
		strip_archive arm-none-eabi-objcopy "$arm/$arch/nofp/libc.a" "$work/$arch/libc.a"
		cpu=cortex-m3; [ $arch = v7-m ] || cpu=cortex-m4
		strip_archive arm-none-eabi-objcopy \
			"$(arm-none-eabi-gcc -mcpu=$cpu -mthumb -mfloat-abi=soft -print-libgcc-file-name)" "$work/$arch/libgcc.a"
	done
	mkdir -p "$work/rv32imac"
	strip_archive riscv64-unknown-elf-objcopy "$rv/libc.a" "$work/rv32imac/libc.a"
	strip_archive riscv64-unknown-elf-objcopy \
		"$(riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -print-libgcc-file-name)" "$work/rv32imac/libgcc.a"
	rm -rf "$libs"
	mv "$work" "$libs"
}

lock
if installed; then
	tinygo=$path
else
	[ -x "$root/bin/tinygo" ] || build_tinygo
	tinygo=$root/bin/tinygo
	echo "export TINYGOROOT='$root'"
fi
[ -d "$libs" ] || prepare_libs

# The target files name the libraries by a path inside the checkout.
cd "$(dirname "$0")/.."
mkdir -p bin
ln -sfn "$libs" bin/boards-libs

echo 'export PATH=/usr/lib/llvm-19/bin:"$PATH"'
echo "export TINYGO='$tinygo'"
