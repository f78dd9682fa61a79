/* Fletcher-32 over a block that a pointer in the context leads to, in 32-bit
 * sums as the papers' container computes it: make counts sets the interpreter
 * against the C engine by its about 2020 instructions for 360 bytes.
 * Rebuild the image: go generate ./firmware/counts */
#include <femto.h>

typedef struct {
    const u16 *words;
    u32 count;
} block;

u32 fletcher32(const block *context)
{
    const u16 *words = context->words;
    u32 count = context->count;
    u32 first = 0xffff, second = 0xffff;

    while (count) {
        u32 part = count > 359 ? 359 : count;
        count -= part;
        do {
            first += *words++;
            second += first;
        } while (--part);
        first = (first & 0xffff) + (first >> 16);
        second = (second & 0xffff) + (second >> 16);
    }
    first = (first & 0xffff) + (first >> 16);
    second = (second & 0xffff) + (second >> 16);
    return second << 16 | first;
}
