/* Tenant A, hook thread: counts in the global store how often each thread was
 * switched to. The key is the thread's number.
 * Rebuild the image: go generate ./examples */
#include <femto.h>
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

FEMTO_META("name", "thread_counter");
FEMTO_META("hook", "thread");
FEMTO_META("global", "8"); /* an entry for each thread */

struct thread_switch {
    uint64_t previous;
    uint64_t next;
};

int thread_counter(struct thread_switch *event)
{
    uint32_t count;

    if (event->next == 0) {
        return 0; /* nothing runs next */
    }
    bpf_fetch_global(event->next, &count);
    bpf_store_global(event->next, count + 1);
    return 0;
}
