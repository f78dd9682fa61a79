/* An invented heart rate that climbs from 80 to 150 and falls back, by 2 with
 * each run. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { DIRECTION = 10, RATE = 11, HIGHEST = 150, LOWEST = 80, STEP = 2 };

int64_t heart_wave(void)
{
    uint32_t rate, up;

    bpf_fetch_local(RATE, &rate);
    bpf_fetch_local(DIRECTION, &up);
    if (rate == 0) {
        rate = LOWEST;
        up = 1;
        bpf_store_local(DIRECTION, up);
    }
    rate += up ? STEP : -STEP;
    if (rate == LOWEST || rate == HIGHEST) {
        bpf_store_local(DIRECTION, !up);
    }
    bpf_store_local(RATE, rate);
    return rate;
}
