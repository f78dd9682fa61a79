// TEST_RESULT: 1234567
#include <stdint.h>

__attribute__((noinline)) int letter(unsigned which);

int cases(void *ctx)
{
    int n = 0;
    for (unsigned i = 0; i < 7; i++)
        n = n * 10 + letter(i);
    return n;
}

int letter(unsigned which)
{
    switch (which) {
    case 0: return 1;
    case 1: return 2;
    case 2: return 3;
    case 3: return 4;
    case 4: return 5;
    case 5: return 6;
    case 6: return 7;
    default: return -1;
    }
}
