/* Tenant B, hook coap: answers with the mean that sensor_average keeps, as
 * decimal text. Rebuild the image: go generate ./examples */
#include <femto.h>
#include <stdint.h>
#include "bpf/bpfapi/helpers.h"

FEMTO_META("name", "coap_formatter");
FEMTO_META("hook", "coap");

enum { RESULT = 0x50, CONTENT = 2 << 5 | 5, TEXT = 0, PAYLOAD_FOLLOWS = 1 };

/* The packet as the device lays it out: addresses take 32 bits. */
struct packet {
    uint32_t header;
    uint32_t token;
    uint32_t payload;
    uint16_t payload_len;
    uint16_t options_len;
};

int coap_formatter(bpf_coap_ctx_t *request)
{
    struct packet *packet = request->pkt;
    char text[20];
    uint32_t mean;
    uint32_t length;
    ssize_t header;

    bpf_fetch_global(RESULT, &mean);
    length = bpf_fmt_u32_dec(text, mean);
    bpf_gcoap_resp_init(request, CONTENT);
    bpf_coap_add_format(request, TEXT);
    header = bpf_coap_opt_finish(request, PAYLOAD_FOLLOWS);
    if (packet->payload_len < length) {
        return -1;
    }
    bpf_memcpy((void *)(uintptr_t)packet->payload, text, length);
    return header + length;
}
