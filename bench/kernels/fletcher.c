/* Fletcher-32 over n 16-bit words: the benchmark of the Femto-Containers papers. */
#include "kernel.h"

u64 RUN(const args *a)
{
	const u16 *p = MEMORY(const u16, a);
	u32 words = (u32)a->n;
	u32 sum1 = 0xffff, sum2 = 0xffff;

	while (words) {
		u32 block = words > 359 ? 359 : words;
		words -= block;
		do {
			sum1 += *p++;
			sum2 += sum1;
		} while (--block);
		sum1 = (sum1 & 0xffff) + (sum1 >> 16);
		sum2 = (sum2 & 0xffff) + (sum2 >> 16);
	}
	sum1 = (sum1 & 0xffff) + (sum1 >> 16);
	sum2 = (sum2 & 0xffff) + (sum2 >> 16);
	return sum2 << 16 | sum1;
}
