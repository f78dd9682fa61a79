/* Answers "hello" and counts how often. */
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

enum { RUNS = 1, CONTENT = 2 << 5 | 5, PAYLOAD_FOLLOWS = 1 };

int sample_gcoap(bpf_coap_ctx_t *request)
{
    uint32_t runs;
    ssize_t length;
    uint8_t *payload;

    bpf_fetch_local(RUNS, &runs);
    bpf_store_local(RUNS, runs + 1);
    bpf_gcoap_resp_init(request, CONTENT);
    length = bpf_coap_opt_finish(request, PAYLOAD_FOLLOWS);
    payload = bpf_coap_get_pdu(request);
    payload[0] = 'h';
    payload[1] = 'e';
    payload[2] = 'l';
    payload[3] = 'l';
    payload[4] = 'o';
    return length + 5;
}
