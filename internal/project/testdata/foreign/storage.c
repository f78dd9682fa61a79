// TEST_RESULT: 6
#include "bpf/bpfapi/helpers.h"
#include <stdint.h>

#define SLOTS 4

int storage(void *ctx)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < SLOTS; i++)
        bpf_store_global(i, i);
    for (uint32_t i = 0; i < SLOTS; i++) {
        uint32_t value = 0;
        bpf_fetch_global(i, &value);
        sum += value;
    }
    return sum;
}
