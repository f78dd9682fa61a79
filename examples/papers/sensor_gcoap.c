/* Answers with what a sensor reads, as a decimal number with its scale; 5.00
 * where there is no sensor. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { SENSOR = 1, CONTENT = 2 << 5 | 5, ERROR = 5 << 5, TEXT = 0, PAYLOAD_FOLLOWS = 1 };

int sensor_gcoap(bpf_coap_ctx_t *request)
{
    phydat_t reading;
    ssize_t length;
    bpf_saul_reg_t *sensor = bpf_saul_reg_find_nth(SENSOR);

    if (!sensor || bpf_saul_reg_read(sensor, &reading) < 0) {
        return -ERROR;
    }
    bpf_gcoap_resp_init(request, CONTENT);
    bpf_coap_add_format(request, TEXT);
    length = bpf_coap_opt_finish(request, PAYLOAD_FOLLOWS);
    return length + bpf_fmt_s16_dfp((char *)bpf_coap_get_pdu(request), reading.val[0], reading.scale);
}
