// TEST_RESULT: 21
#include <stdint.h>

static __attribute__((noinline)) uint32_t rabbits(uint32_t month)
{
    return month < 3 ? 1 : rabbits(month - 1) + rabbits(month - 2);
}

int farm(void *ctx)
{
    return rabbits(8);
}
