#include "femto.h"
FEMTO_HOOK(event, run)
{
    u8 buffer[length];

    femto_memcpy(buffer, context, length);
    return buffer[0];
}
