/* Hook event: hands its context to the firmware's own helper.
 * Rebuild the image: go generate ./examples */
#include <femto.h>

static u64 (*const blink)(const void *pattern, u64 length) = (void *)0xc0;

FEMTO_META("name", "blink");

u64 on_event(const void *context, u64 length)
{
    return blink(context, length);
}
