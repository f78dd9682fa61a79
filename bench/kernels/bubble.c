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
	for (u32 end = n; end > 1; end--)
		for (u32 i = 1; i < end; i++)
			if (v[i - 1] > v[i]) {
				u32 t = v[i];
				v[i] = v[i - 1];
				v[i - 1] = t;
			}
	for (u32 i = 0; i < n; i++)
		sum = sum * 31 + v[i];
	return sum;
}
