#include "femto.h"
FEMTO_HOOK(event, run)
{
    return (s64)__sync_fetch_and_xor((u32 *)context, 1);
}
