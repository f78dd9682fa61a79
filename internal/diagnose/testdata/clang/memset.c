#include "femto.h"
FEMTO_HOOK(event, run)
{
    u8 buffer[300];

    __builtin_memset(buffer, 0, length);
    femto_memcpy(buffer, context, length);
    return buffer[length / 2];
}
