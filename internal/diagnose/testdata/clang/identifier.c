#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    return countr + 1;
}
