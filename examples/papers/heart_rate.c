/* A heart rate in hundredths; where there is no such sensor, an invented one. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { TYPE = 0x80, INVENTED = 80 };

int heart_rate(void *context)
{
    phydat_t reading;
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_type(TYPE);

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return INVENTED;
    }
    return reading.val[0] * 100;
}
