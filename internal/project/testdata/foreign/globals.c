// TEST_RESULT: 1015
#include <stdint.h>

uint32_t counters[4];
static int16_t table[] = {-3, 5, -7, 20};
int big = 1000;
static volatile int zero;

int globals(void *ctx)
{
    for (int i = 0; i < 4; i++)
        counters[i] += table[i];
    int sum = zero;
    for (int i = 0; i < 4; i++)
        sum += (int)counters[i];
    return sum + big;
}
