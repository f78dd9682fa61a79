/* Counts the primes below n. */
#include "kernel.h"

u64 RUN(const args *a)
{
	u8 *composite = MEMORY(u8, a);
	u32 n = (u32)a->n, count = 0;

	for (u32 i = 0; i < n; i++)
		composite[i] = 0;
	for (u32 i = 2; i < n; i++) {
		if (composite[i])
			continue;
		count++;
		for (u32 k = i + i; k < n; k += i)
			composite[k] = 1;
	}
	return count;
}
