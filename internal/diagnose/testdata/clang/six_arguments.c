#include "femto.h"
static s64 six(s64 a, s64 b, s64 c, s64 d, s64 e, s64 f);
FEMTO_HOOK(event, run)
{
    const s64 *c = context;

    return six(c[0], c[1], c[2], c[3], c[4], (s64)length);
}
__attribute__((noinline)) static s64 six(s64 a, s64 b, s64 c, s64 d, s64 e, s64 f)
{
    return a * b + c * d + e * f;
}
