/* Hook timer: hundredths of a degree, or -1 if there is no measurement.
 * Rebuild the image: go generate ./examples */
#include <femto.h>

FEMTO_META("name", "thermometer");

FEMTO_HOOK(timer, measure)
{
    femto_reading reading;
    u64 sensor = femto_saul_reg_find_type(FEMTO_TEMPERATURE);

    if (!sensor || femto_saul_reg_read(sensor, &reading) < 1) {
        return -1;
    }
    return reading.value[0];
}
