#include "femto.h"
struct three { s64 a, b, c; };
__attribute__((noinline)) static struct three make(s64 x);
FEMTO_HOOK(event, run)
{
    struct three t = make((s64)length);

    return t.a * t.b + t.c;
}
static struct three make(s64 x)
{
    struct three t = {x, x + 1, x + 2};

    return t;
}
