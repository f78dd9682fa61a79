// TEST_RESULT: 42
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct reading { uint32_t time; int16_t values[6]; char unit[8]; };

static char buffer[300];

int strings(void *ctx)
{
    struct reading a = {7, {1, 2, 3, 4, 5, 6}, "kPa"}, b;
    bool same;

    memset(&b, 0xff, sizeof(b));
    memcpy(&b, &a, sizeof(a));
    same = memcmp(&a, &b, sizeof(a)) == 0;
    memset(buffer, 'x', sizeof(buffer));
    memcpy(buffer, "hello", 6);
    memmove(buffer + 1, buffer, 6);
    if (strcmp(buffer, "hhello") != 0 || strncmp(b.unit, "kPascal", 3) != 0 || buffer[299] != 'x')
        return -1;
    return same ? 31 + (int)strlen(buffer) + b.values[4] : 0;
}
