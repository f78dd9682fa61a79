/* The mean of n numbers. */
#include <stdint.h>

struct numbers {
    uint32_t n;
    uint32_t values[];
};

int average(struct numbers *context)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < context->n; i++) {
        sum += context->values[i];
    }
    return sum / context->n;
}
