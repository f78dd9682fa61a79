/* Copies n bytes, at most 4096 bytes, to 6144 bytes further, one by
 * one. Processors take addresses 4096 bytes apart for equal: not those. */
#include "kernel.h"

u64 RUN(const args *a)
{
	const u8 *from = MEMORY(const u8, a);
	u8 *to = MEMORY(u8, a) + 6144 / sizeof(u8);
	u64 n = a->n;

#pragma clang loop unroll(disable)
	for (u64 i = 0; i < n; i++)
		to[i] = from[i];
	return to[n - 1];
}
