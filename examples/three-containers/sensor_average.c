/* Tenant B, hook timer: reads the second device of the registry each second and
 * keeps the mean of the last ten values in the global store. It never returns:
 * between readings it sleeps. Rebuild the image: go generate ./examples */
#include <femto.h>
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

FEMTO_META("name", "sensor_average");
FEMTO_META("hook", "timer");
FEMTO_META("flags", "long-running");
FEMTO_META("global", "1");

enum { SENSOR = 1, RESULT = 0x50, WINDOW = 10, PERIOD = 1000000 };

int sensor_average(void *context)
{
    uint32_t last = bpf_ztimer_now();
    uint32_t window[WINDOW];
    uint32_t oldest = 0;
    uint32_t filled = 0;

    for (;;) {
        uint64_t sum = 0;
        phydat_t reading;
        bpf_saul_reg_t *sensor;

        bpf_ztimer_periodic_wakeup(&last, PERIOD);
        sensor = bpf_saul_reg_find_nth(SENSOR);
        if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
            continue;
        }
        if (!filled) {
            /* As if the first value had been there for ever. */
            for (filled = 0; filled < WINDOW; filled++) {
                window[filled] = reading.val[0];
            }
        } else {
            window[oldest] = reading.val[0];
            oldest = oldest + 1 < WINDOW ? oldest + 1 : 0;
        }
        for (uint32_t i = 0; i < WINDOW; i++) {
            sum += window[i];
        }
        bpf_store_global(RESULT, sum / WINDOW);
    }
}
