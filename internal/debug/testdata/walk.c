#include "femto.h"

enum mode { IDLE, FAST = 5 };

struct sample {
    s16 value;
    u8 raw[4];
    struct sample *before;
};

static const u16 weights[4] = {1, 20, 300, 4000};
u32 runs = 7;
static struct sample latest;

static __attribute__((noinline)) u32 weigh(const struct sample *s, u32 n);

static inline u32 doubled(u32 v)
{
    u32 twice = v * 2;
    return twice + 1;
}

FEMTO_HOOK(timer, tick)
{
    struct sample now = {.value = (s16)context->now - 8, .raw = {9, 8, 7, 6}, .before = &latest};
    enum mode mode = context->count > 1 ? FAST : IDLE;
    u32 sum;

    runs++;
    femto_store_local(4, runs);
    sum = weigh(&now, (u32)length / 4);
    sum += doubled((u32)context->count);
    latest.value = now.value;
    FEMTO_LOG("sum %u", sum);
    if (sum > 27000) {
        *(volatile u32 *)(context->count * 64) = sum;
    }
    return sum + mode;
}

static __attribute__((noinline)) u32 weigh(const struct sample *s, u32 n)
{
    u32 sum = 0;

    for (u32 i = 0; i < n; i++) {
        sum += weights[i & 3] * s->raw[i & 3] & 0xffff;
        femto_store_global(i, sum);
    }
    return sum;
}
