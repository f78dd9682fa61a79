// TEST_RESULT: 61
#include <stdint.h>

int first = 20;
const int second = 41;
int *to_first = &first;
const int *to_second = &second;
const char *names[] = {"one", "two", "three"};
struct { const char *name; int *value; } entry = {"first", &first};

int pointers(void *ctx)
{
    return *to_first + *to_second + (*entry.value - first) + (names[2][0] - 't');
}
