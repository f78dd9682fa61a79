/* Copies n words of 8 bytes, at most 4096 bytes, to 6144 bytes further, one by
 * one. Processors take addresses 4096 bytes apart for equal: not those. */
#include "kernel.h"

u64 RUN(const args *a)
{
	const u64 *from = MEMORY(const u64, a);
	u64 *to = MEMORY(u64, a) + 6144 / sizeof(u64);
	u64 n = a->n;

#pragma clang loop unroll(disable)
	for (u64 i = 0; i < n; i++)
		to[i] = from[i];
	return to[n - 1];
}
