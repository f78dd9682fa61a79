/* The papers' second tutorial: a * b + 5. */
#include <stdint.h>

struct numbers {
    uint64_t a, b;
};

uint64_t multiply_add(struct numbers *context)
{
    return context->a * context->b + 5;
}
