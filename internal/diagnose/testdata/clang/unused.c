#include "femto.h"
FEMTO_HOOK(event, run)
{
    u32 left_over;

    return (s64)length;
}
