// TEST_RESULT: 15
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>

#define SEC(name) __attribute__((section(name), used))

typedef struct { uint8_t kind; uint32_t value; } item;

static inline int add(int a, int b) { return a + b; }

SEC("prog") uint64_t entry(void *memory, size_t length)
{
    return add(offsetof(item, value), CHAR_BIT) + (memory == NULL) + (length == 0) + (INT_MAX > SHRT_MAX);
}
