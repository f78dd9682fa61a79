// TEST_RESULT: 4
// TEST_OUTPUT: [    ]
// TEST_OUTPUT: [1234]
#include "helpers.h"

int fill(void *ctx)
{
    char *buffer = "    ";

    bpf_printf("[%s]\n", buffer);
    int n = bpf_fmt_u32_dec(buffer, 1234);
    bpf_printf("[%s]\n", buffer);
    return n;
}
