#include "femto.h"
FEMTO_HOOK(event, run)
{
    const s64 *c = context;

    return (s64)(((__int128)c[0] * c[1]) >> 64);
}
