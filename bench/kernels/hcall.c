/* n calls of a function of the host. */
#include "kernel.h"

u64 RUN(const args *a)
{
	u64 x = 0;

	for (u64 n = a->n; n; n--)
		x = host(x);
	return x;
}
