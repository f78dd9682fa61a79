/* Fills n 32-bit words with noise and sorts them by exchange. */
#include "kernel.h"

u64 RUN(const args *a)
{
	u32 *v = MEMORY(u32, a);
	u32 n = (u32)a->n, x = 1;
	u64 sum = 0;

	for (u32 i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		v[i] = x;
	}
	for (u32 i = 0; i + 1 < n; i++)
		for (u32 j = 0; j + 1 < n - i; j++) {
			u32 low = v[j], high = v[j + 1];
			if (low > high) {
				v[j] = high;
				v[j + 1] = low;
			}
		}
	for (u32 i = 0; i < n; i++)
		sum = sum * 31 + v[i];
	return sum;
}
