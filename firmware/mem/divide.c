// Division of 64-bit numbers, bit by bit: the compiler runtime's takes 700
// bytes. Its __aeabi_uldivmod and __aeabi_ldivmod call this one.

#include <stdint.h>

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest) {
	uint64_t q = 0;
	if ((n | d) >> 32 == 0) {
		uint32_t a = (uint32_t)n, b = (uint32_t)d;
		q = a / b;
		n = a % b;
	} else if (n >= d) { // n is not 0; nor is d, which the callers see to
		int shift = __builtin_clzll(d) - __builtin_clzll(n);
		d <<= shift;
		for (; shift >= 0; shift--, d >>= 1) {
			q <<= 1;
			if (n >= d)
				n -= d, q++;
		}
	}
	if (rest)
		*rest = n;
	return q;
}
