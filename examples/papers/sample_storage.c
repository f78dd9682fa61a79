/* Counts in three keys of its own store: 1, 2, 3 after the first run; 2, 6, 8
 * after the second. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { A = 5, B = 15, C = 3 };

int sample_storage(void *context)
{
    uint32_t a, b;

    bpf_fetch_local(A, &a);
    bpf_fetch_local(B, &b);
    a += 1;
    b = (b + 1) * 2;
    bpf_store_local(A, a);
    bpf_store_local(B, b);
    bpf_store_local(C, a + b);
    return 0;
}
