#include <sys/types.h>
#include "femto.h"
FEMTO_HOOK(timer, tick) { return 0; }
