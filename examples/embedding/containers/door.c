/* Hook door: opens to one key.
 * Rebuild the image: go generate ./examples */
#include <femto.h>

enum { KEY = 1234 };

FEMTO_META("name", "door");

s64 door(const u32 *key)
{
    return *key == KEY;
}
