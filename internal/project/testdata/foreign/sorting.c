// TEST_RESULT: 123579
#include <stdint.h>

static const uint8_t unsorted[] = {9, 2, 7, 1, 5, 3};

uint64_t sorting(void *ctx)
{
    uint8_t a[sizeof(unsorted)];
    uint64_t n = 0;

    __builtin_memcpy(a, unsorted, sizeof(a));
    for (int i = 1; i < (int)sizeof(a); i++)
        for (int j = i; j > 0 && a[j - 1] > a[j]; j--) {
            uint8_t t = a[j];
            a[j] = a[j - 1];
            a[j - 1] = t;
        }
    for (unsigned i = 0; i < sizeof(a); i++)
        n = n * 10 + a[i];
    return n;
}
