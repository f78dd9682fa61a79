/* n rounds of xorshift and multiplication: registers only. */
#include "kernel.h"

u64 RUN(const args *a)
{
	u64 x = 88172645463325252ull, sum = 0;

	for (u64 n = a->n; n; n--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		sum += x * 0x2545f4914f6cdd1dull;
	}
	return sum;
}
