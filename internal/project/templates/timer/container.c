#include "femto.h"

/* Counts how often the timer has fired, in the container's own store. */
FEMTO_HOOK(timer, tick)
{
    u32 count;

    femto_fetch_local(1, &count);
    count++;
    if (femto_store_local(1, count) != 0) {
        return -1;
    }
    FEMTO_LOG("tick %u", count);
    return count;
}
