#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    return context->count
}
