#include "femto.h"

/* Returns the greatest of the bytes that were posted to it; -1 if there are
 * none. */
FEMTO_HOOK(event, greatest)
{
    const u8 *bytes = context;
    s64 most = -1;

    for (u64 i = 0; i < length; i++) {
        if (bytes[i] > most) {
            most = bytes[i];
        }
    }
    return most;
}
