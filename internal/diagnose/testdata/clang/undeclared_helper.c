#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    u32 count;

    femto_fetch_locl(1, &count);
    return count;
}
