#include "femto.h"
FEMTO_HOOK(sensor, run)
{
    float celsius = context->value[0] * 0.01f;

    return (s64)(celsius * 1.8f) + 32;
}
