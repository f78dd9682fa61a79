#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    context->count = 0;
    return 0;
}
