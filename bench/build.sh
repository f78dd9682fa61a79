#!/usr/bin/env bash
# Compiles the kernels: images for femto and modules for WebAssembly. Both are
# committed, so that comparing needs no cross compiler. Needs clang-19, lld-19.
set -euo pipefail
cd "$(dirname "$0")"

# Every machine does the same work: no memcpy for a loop, no vectors.
same_work=(-O2 -std=c11 -ffreestanding -fno-builtin -fno-vectorize -fno-slp-vectorize
  -mllvm -disable-loop-idiom-all -Wall -Wextra -Werror)

objects=$(mktemp -d)
trap 'rm -rf "$objects"' EXIT
for kernel in fletcher alu memcpy8 memcpy64 bubble quick sieve calls hcall; do
  clang-19 -target bpf -mcpu=v3 "${same_work[@]}" -c -o "$objects/$kernel.o" "kernels/$kernel.c"
  clang-19 --target=wasm32 -nostdlib "${same_work[@]}" -Wl,--no-entry -Wl,--export=run -Wl,--export=__heap_base \
    -Wl,-z,stack-size=4096 -Wl,--initial-memory=131072 -Wl,--strip-all -o "wasm/$kernel.wasm" "kernels/$kernel.c"
done
go run ./link -o images "$objects"/*.o
