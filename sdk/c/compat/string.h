/* For sources written for other systems: there is no C library. Copies and
 * clearings of constant size become instructions; the others are loops here. */
#ifndef FEMTO_STRING_H
#define FEMTO_STRING_H

#include <stddef.h>

static inline __attribute__((unused)) void *femto_copy_(void *to, const void *from, size_t n)
{
    unsigned char *t = to;
    const unsigned char *f = from;

    if (t <= f) {
        for (size_t i = 0; i < n; i++) {
            t[i] = f[i];
        }
    } else {
        while (n-- > 0) {
            t[n] = f[n];
        }
    }
    return to;
}

static inline __attribute__((unused)) void *femto_fill_(void *to, int byte, size_t n)
{
    unsigned char *t = to;

    for (size_t i = 0; i < n; i++) {
        t[i] = (unsigned char)byte;
    }
    return to;
}

static inline __attribute__((unused)) int femto_compare_(const void *a, const void *b, size_t n)
{
    const unsigned char *p = a, *q = b;

    for (size_t i = 0; i < n; i++) {
        if (p[i] != q[i]) {
            return p[i] < q[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The compiler unrolls up to this many bytes; more would be a call of the C
 * library. */
#define FEMTO_INLINE_(n) (__builtin_constant_p(n) && (n) <= 128)

#define memcpy(to, from, n) (FEMTO_INLINE_(n) ? __builtin_memcpy(to, from, FEMTO_INLINE_(n) ? (n) : 0) : femto_copy_(to, from, n))
#define memmove(to, from, n) femto_copy_(to, from, n)
#define memset(to, byte, n) (FEMTO_INLINE_(n) ? __builtin_memset(to, byte, FEMTO_INLINE_(n) ? (n) : 0) : femto_fill_(to, byte, n))
#define memcmp(a, b, n) femto_compare_(a, b, n)

static inline __attribute__((unused)) size_t strlen(const char *text)
{
    size_t n = 0;

    while (text[n]) {
        n++;
    }
    return n;
}

static inline __attribute__((unused)) int strncmp(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char p = (unsigned char)a[i], q = (unsigned char)b[i];

        if (p != q || p == 0) {
            return (int)p - (int)q;
        }
    }
    return 0;
}

static inline __attribute__((unused)) int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

static inline __attribute__((unused)) char *strcpy(char *to, const char *from)
{
    size_t i = 0;

    do {
        to[i] = from[i];
    } while (from[i++]);
    return to;
}

#endif
