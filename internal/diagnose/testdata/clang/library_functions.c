#include "femto.h"
FEMTO_HOOK(timer, tick)
{
    char *text = malloc(8);

    memset(text, 0, 8);
    printf("%s", text);
    return rand();
}
