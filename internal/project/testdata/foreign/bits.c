// TEST_RESULT: 27
#include <stdint.h>

int bits(void *ctx)
{
    volatile int x = 0b1100;
    volatile uint16_t y = 0x8001;
    volatile int8_t z = -8;

    return (x | 0b0011) + ((y >> 15) & 1) + (z >> 1) + ((z ^ x) & 0xf) + (1 << 1) + 9;
}
