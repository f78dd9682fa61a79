/* Uses all that femto.h has; it must compile for every target without a word. */
#include <femto.h>

FEMTO_META("name", "everything");
FEMTO_META("budget", "20000");

FEMTO_HOOK(timer, tick)
{
    u32 count;
    femto_reading reading;
    femto_entry entry;
    char text[12];
    u32 sensor = femto_saul_reg_find_type(FEMTO_TEMPERATURE);

    femto_fetch_local(1, &count);
    if (femto_store_local(1, count + 1) != 0) {
        FEMTO_LOG("store full at %u", count);
    }
    if (sensor == 0 || femto_saul_reg_read(sensor, &reading) < 0) {
        return -1;
    }
    femto_saul_reg_write(femto_saul_reg_find_nth(0), &reading);
    femto_fmt_s16_dfp(text, reading.value[0], reading.scale);
    if (femto_store_entry(FEMTO_TENANT, 0, &entry) == 0) {
        femto_store_delete(FEMTO_TENANT, entry.key);
    }
    femto_event_send(1, femto_crc32(text, sizeof(text), 0) ^ femto_random());
    FEMTO_LOG("tick %llu at %llu ms", context->count, context->now / 1000);
    FEMTO_LOG("%u", femto_fletcher32(&reading, sizeof(reading)));
    return reading.value[0];
}

s64 respond(femto_coap_context *context, u64 length);
s64 respond(femto_coap_context *context, u64 length)
{
    struct femto_packet *packet = (struct femto_packet *)context->packet;
    u8 *payload;

    if (length != sizeof(*context)) {
        return 0;
    }
    femto_gcoap_resp_init(context, 2 << 5 | 5);
    femto_coap_add_format(context, 0);
    femto_coap_opt_finish(context, 1);
    payload = femto_coap_get_pdu(context);
    femto_memcpy(payload, "ok", 2);
    return payload - (u8 *)context->buffer + (packet->payload_len >= 2 ? 2 : 0);
}

s64 calibrate(femto_sensor_context *context, u64 length);
s64 calibrate(femto_sensor_context *context, u64 length)
{
    (void)length;
    context->value[0] -= 50;
    return 0;
}
