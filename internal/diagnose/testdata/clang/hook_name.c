#include "femto.h"
FEMTO_HOOK(timr, tick)
{
    return 0;
}
