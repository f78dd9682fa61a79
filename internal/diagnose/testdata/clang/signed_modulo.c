#include "femto.h"
FEMTO_HOOK(event, run)
{
    const s64 *c = context;

    return c[0] % c[1];
}
