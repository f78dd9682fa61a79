/* Fills n 32-bit words with noise and sorts them by partition; what is still
 * to be sorted is kept in a table, because eBPF has no deep recursion. */
#include "kernel.h"

u64 RUN(const args *a)
{
	u32 *v = MEMORY(u32, a);
	u32 n = (u32)a->n, x = 1;
	u64 sum = 0;
	struct {
		u32 low, high;
	} todo[32];
	u32 depth = 0;

	for (u32 i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		v[i] = x;
	}
	todo[depth].low = 0;
	todo[depth++].high = n;
	while (depth) {
		u32 low = todo[--depth].low, high = todo[depth].high;
		while (high - low > 1) {
			u32 pivot = v[(low + high - 1) / 2], i = low, j = high - 1;
			for (;;) {
				while (v[i] < pivot)
					i++;
				while (v[j] > pivot)
					j--;
				if (i >= j)
					break;
				u32 t = v[i];
				v[i++] = v[j];
				v[j--] = t;
			}
			/* The larger part waits, so that the table is short. */
			if (j + 1 - low < high - j - 1) {
				todo[depth].low = j + 1;
				todo[depth++].high = high;
				high = j + 1;
			} else {
				todo[depth].low = low;
				todo[depth++].high = j + 1;
				low = j + 1;
			}
		}
	}
	for (u32 i = 0; i < n; i++)
		sum = sum * 31 + v[i];
	return sum;
}
