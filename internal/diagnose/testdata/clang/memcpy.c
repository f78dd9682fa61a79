#include "femto.h"
FEMTO_HOOK(event, run)
{
    u8 buffer[200];

    __builtin_memcpy(buffer, context, length);
    return (s64)femto_crc32(buffer, sizeof(buffer), 0);
}
