// TEST_RESULT: -9
#include <stdint.h>

volatile int64_t dividend = -100;
volatile int32_t divisor = 7;
volatile uint8_t by = 3;

int division(void *ctx)
{
    int quotient = dividend / divisor;  /* -14 */
    int rest = dividend % divisor;      /* -2 */
    return quotient - rest + by;
}
