// TEST_RESULT: 3
// TEST_OUTPUT: at 1 of 3
// TEST_OUTPUT: at 3 of 3
#include <stdint.h>
#include "helpers.h"

int printing(void *ctx)
{
    uint32_t i = 1;

    print("at %d of %d\n", i, 3);
    for (; i < 3; i++);
    if (i == 3)
        print("at %d of %d\n", i, 3);
    return i;
}
