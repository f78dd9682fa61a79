#include "femto.h"
FEMTO_HOOK(sensor, run)
{
    double value = context->value[0];

    return value / 3.0 > 7.5;
}
