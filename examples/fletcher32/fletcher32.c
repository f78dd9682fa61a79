/* Fletcher-32 over the bytes of the context: the benchmark of the papers.
 * length counts bytes; the last byte of an odd length is left out.
 * Rebuild the image: go generate ./examples */
#include <femto.h>

/* The original folds after this many words, the most that 32-bit sums hold;
 * the same blocks here give the same checksum. */
enum { BLOCK = 359 };

static u64 fold(u64 sum)
{
    return (sum & 0xffff) + (sum >> 16);
}

u64 fletcher32(const void *context, u64 length)
{
    const u16 *word = context;
    const u16 *end = word + length / 2;
    u64 first = 0xffff;
    u64 second = 0xffff;

    while (word != end) {
        const u16 *stop = end - word > BLOCK ? word + BLOCK : end;
        do {
            first += *word++;
            second += first;
        } while (word != stop);
        first = fold(first);
        second = fold(second);
    }
    return fold(second) << 16 | fold(first);
}
