// Word-wise memory routines. The C library's are byte-wise, and without frame
// information, which would defeat TinyGo's stack analysis. They cannot be
// written in Go: the compiler adds calls to them during link-time optimisation,
// after Go's own symbols are resolved.

#include <stddef.h>
#include <stdint.h>

typedef uint32_t __attribute__((may_alias)) word;

static int aligned(const void *p) { return ((uintptr_t)p & 3) == 0; }

static void fill(void *to, size_t n, uint32_t value) {
	unsigned char *p = to;
	while (n > 0 && !aligned(p)) {
		*p++ = (unsigned char)value;
		n--;
	}
	word *w = (word *)p;
	for (; n >= 16; n -= 16, w += 4)
		w[0] = value, w[1] = value, w[2] = value, w[3] = value;
	for (; n >= 4; n -= 4)
		*w++ = value;
	for (p = (unsigned char *)w; n > 0; n--)
		*p++ = (unsigned char)value;
}

static uint32_t spread(int value) { return (value & 0xff) * 0x01010101u; }

void *memset(void *to, int value, size_t n) {
	fill(to, n, spread(value));
	return to;
}

static void copy(void *to, const void *from, size_t n) {
	unsigned char *t = to;
	const unsigned char *f = from;
	if ((((uintptr_t)t ^ (uintptr_t)f) & 3) == 0) {
		for (; n > 0 && !aligned(t); n--)
			*t++ = *f++;
		word *tw = (word *)t;
		const word *fw = (const word *)f;
		for (; n >= 16; n -= 16, tw += 4, fw += 4)
			tw[0] = fw[0], tw[1] = fw[1], tw[2] = fw[2], tw[3] = fw[3];
		for (; n >= 4; n -= 4)
			*tw++ = *fw++;
		t = (unsigned char *)tw;
		f = (const unsigned char *)fw;
	}
	for (; n > 0; n--)
		*t++ = *f++;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n) {
	copy(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n) {
	unsigned char *t = to;
	const unsigned char *f = from;
	// The distance wraps when to is below from, where copying upwards is safe.
	if ((uintptr_t)t - (uintptr_t)f >= n) {
		copy(to, from, n);
		return to;
	}
	while (n > 0) {
		n--;
		t[n] = f[n];
	}
	return to;
}

#ifdef __arm__
// The run-time ABI's names and its other order of arguments.
void __aeabi_memset(void *to, size_t n, int value) { fill(to, n, spread(value)); }
void __aeabi_memclr(void *to, size_t n) { fill(to, n, 0); }
void __aeabi_memcpy(void *restrict to, const void *restrict from, size_t n) { copy(to, from, n); }
void __aeabi_memmove(void *to, const void *from, size_t n) { memmove(to, from, n); }

#define ALIAS(name, target, args) void name args __attribute__((alias(#target)))
ALIAS(__aeabi_memset4, __aeabi_memset, (void *, size_t, int));
ALIAS(__aeabi_memset8, __aeabi_memset, (void *, size_t, int));
ALIAS(__aeabi_memclr4, __aeabi_memclr, (void *, size_t));
ALIAS(__aeabi_memclr8, __aeabi_memclr, (void *, size_t));
ALIAS(__aeabi_memcpy4, __aeabi_memcpy, (void *restrict, const void *restrict, size_t));
ALIAS(__aeabi_memcpy8, __aeabi_memcpy, (void *restrict, const void *restrict, size_t));
ALIAS(__aeabi_memmove4, __aeabi_memmove, (void *, const void *, size_t));
ALIAS(__aeabi_memmove8, __aeabi_memmove, (void *, const void *, size_t));
#endif
