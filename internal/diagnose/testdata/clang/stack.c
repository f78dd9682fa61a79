#include "femto.h"
FEMTO_HOOK(event, run)
{
    u8 buffer[600];
    s64 sum = 0;

    femto_memcpy(buffer, context, length);
    for (u64 i = 0; i < 600; i++) {
        sum += buffer[i] * (s64)i;
    }
    return sum;
}
