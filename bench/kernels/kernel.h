/* What the kernels share. One source is compiled for eBPF, WebAssembly and the
 * host; each run is handed the address of its memory and how much work to do. */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

typedef struct {
	u64 memory;
	u64 n;
} args;

#define MEMORY(type, a) ((type *)(unsigned long)(a)->memory)

#ifndef RUN
#define RUN run
#endif

u64 RUN(const args *a);

/* host is a function of the host: helper 1, an import, or a call to another
 * file. It returns x + 1. */
#if defined(__bpf__)
static u64 (*const host)(u64 x) = (u64(*)(u64))1;
#elif defined(__wasm__)
__attribute__((import_module("env"), import_name("host"))) u64 host(u64 x);
#else
u64 host(u64 x);
#endif

#endif
