#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    uint32_t count = 0;

    return count;
}
