/* A temperature in hundredths; where there is no such sensor, an invented one.
 * 0x42 is the type that the papers' demonstration asks for. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { TYPE = 0x42, INVENTED = 2716 };

int temp_sens(void *context)
{
    phydat_t reading;
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_type(TYPE);

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return INVENTED;
    }
    return reading.val[0] * 100;
}
