#!/bin/sh
# Builds a firmware: firmware/build.sh BOARD PACKAGE OUTPUT [tinygo build flags]
#
#     firmware/build.sh lm3s6965 ./firmware/lm3s6965 bin/firmware/lm3s6965.elf
#
# BOARD is lm3s6965, lm3s6965-m4, lm3s6965-m7 or riscv-virt; PACKAGE is a Go
# package path as from the top of the repository, where this runs.
set -eu
cd "$(dirname "$0")/.."

board=$1 package=$2 output=$3
shift 3
folder=firmware/${board%-m[47]}
case $board in
lm3s6965-m[47]) target=$folder/target-${board##*-}.json ;;
*) target=$folder/target.json ;;
esac
[ -f "$target" ] || { echo "build: no board named $board" >&2; exit 2; }

[ -n "${TINYGO:-}" ] && [ -e bin/boards-libs ] || eval "$(firmware/toolchain.sh)"

case $folder in
*/lm3s6965) machine='--target=thumbv7m-none-eabi -mcpu=cortex-m3 -mfloat-abi=soft' ;;
*) machine='--target=riscv32-none-elf -march=rv32imac -mabi=ilp32 -mno-relax' ;;
esac
objects=bin/$folder
mkdir -p "$objects" "$(dirname "$output")"
flags="-Os -g -gdwarf-4 -ffreestanding -fno-builtin -ffunction-sections -fomit-frame-pointer
	-fno-exceptions -fno-unwind-tables -fno-asynchronous-unwind-tables -Wall -Werror"
compile() { # SOURCE OBJECT: written whole or not at all, as builds may run side by side
	[ "$2" -nt "$1" ] && return
	clang $machine $flags -c "$1" -o "$2.$$"
	mv "$2.$$" "$2"
}
compile firmware/mem/mem.c "$objects/mem.o"
[ "$folder" = firmware/riscv-virt ] || compile firmware/mem/divide.c "$objects/divide.o"
compile "$folder/start.S" "$objects/start.o"

exec "$TINYGO" build -target "$target" -opt=s -panic=trap -o "$output" "$@" "$package"
