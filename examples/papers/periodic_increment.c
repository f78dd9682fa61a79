/* Counts seconds in the global store; it never returns. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { COUNT = 0x50, PERIOD = 1000000 };

int periodic_increment(void *context)
{
    uint32_t last = bpf_ztimer_now();

    for (;;) {
        uint32_t count;

        bpf_ztimer_periodic_wakeup(&last, PERIOD);
        bpf_fetch_global(COUNT, &count);
        bpf_store_global(COUNT, count + 1);
    }
}
