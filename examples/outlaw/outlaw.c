/* Stores one byte past the end of its context. No check before the run can
 * see that, for only the hook knows how long the context will be: the store
 * must fault. Rebuild the image: go generate ./examples */
#include <femto.h>

u64 outlaw(void *context, u64 length)
{
    volatile u8 *end = (u8 *)context + length;
    *end = 0xff;
    return 1;
}
