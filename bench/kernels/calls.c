/* n rounds of five calls of functions of the program, three deep. */
#include "kernel.h"

#define FUNCTION static __attribute__((noinline)) u64

FUNCTION outer(u64 x, u64 i);
FUNCTION middle(u64 x, u64 i);
FUNCTION inner(u64 x, u64 i);

u64 RUN(const args *a)
{
	u64 x = 1;

	for (u64 i = 0; i < a->n; i++)
		x = outer(x, i);
	return x;
}

FUNCTION outer(u64 x, u64 i) { return middle(x, i) + middle(i, x + 1); }
FUNCTION middle(u64 x, u64 i) { return inner(x ^ i, i) + x; }
FUNCTION inner(u64 x, u64 i) { return x * 3 + (i >> 1); }
