#include "femto.h"

/* Answers a CoAP request with the temperature, as text. */
FEMTO_HOOK(coap, respond)
{
    femto_reading reading;
    u32 sensor = femto_saul_reg_find_type(FEMTO_TEMPERATURE);
    s64 begin;
    u32 n;

    if (sensor == 0 || femto_saul_reg_read(sensor, &reading) < 1) {
        return -(5 << 5 | 3); /* 5.03 service unavailable */
    }
    femto_gcoap_resp_init(context, 2 << 5 | 5); /* 2.05 content */
    femto_coap_add_format(context, 0);          /* text/plain */
    begin = femto_coap_opt_finish(context, 1);
    if (begin < 0) {
        return -(5 << 5);
    }
    n = femto_fmt_s16_dfp((char *)femto_coap_get_pdu(context), reading.value[0], reading.scale);
    return begin + n;
}
