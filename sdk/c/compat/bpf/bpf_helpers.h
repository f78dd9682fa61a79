/* For sources written for Linux: the macros of libbpf, and those of the kernel's
 * helpers that have a counterpart. Maps have none: the stores hold values between
 * activations. */
#ifndef FEMTO_BPF_HELPERS_H
#define FEMTO_BPF_HELPERS_H

#include <linux/types.h>
#include "bpf/bpfapi/helpers.h"
#include "bpf/keywords.h"

/* Where a function stands: the sections of an image are those of its linker. What
 * a source says of its licence is left out. */
#define SEC(name) __attribute__((section(name), used))
#define __weak __attribute__((weak))
#define __hidden __attribute__((visibility("hidden")))
#define barrier() __asm__ volatile("" : : : "memory")

/* What is printed goes to the device's log: at most four values. */
#define bpf_printk(format, ...) bpf_printf(format, ##__VA_ARGS__)
#define bpf_trace_printk(format, size, ...) bpf_printf(format, ##__VA_ARGS__)

/* The time since the start, in steps of a millisecond. */
#define bpf_ktime_get_ns() ((__u64)bpf_now_ms() * 1000000)
#define bpf_ktime_get_boot_ns() bpf_ktime_get_ns()

static __u32 (*const bpf_get_prandom_u32)(void) __attribute__((unused)) = (void *)0x04;

#endif
