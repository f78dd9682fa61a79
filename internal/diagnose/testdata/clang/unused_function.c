#include "femto.h"
FEMTO_HOOK(event, run) { return 0; }
static u32 helper(void) { return 1; }
