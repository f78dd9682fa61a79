// TEST_RESULT: 4
// TEST_OUTPUT: only text
// TEST_OUTPUT: 3 and 1
#include <sys/cdefs.h>
#include "../helpers.h"
#include "../../helpers.h"

__always_inline int sum(int a, int b)
{
    return a + b;
}

int above()
{
    volatile int three = 3;

    print_str("only text")
    print("%d and %d", three, 1);
    return sum(three, 1);
}
