#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    FEMTO_LOG("%d ticks", context->count);
    return 0;
}
