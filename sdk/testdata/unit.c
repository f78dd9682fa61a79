/* A container's unit test: the same source, with helpers that the test
 * defines. */
#include "container.c"

static u32 stored;
static int lines;

s32 femto_printf(const char *format, ...)
{
    (void)format;
    return ++lines;
}

void *femto_memcpy(void *to, const void *from, u64 n)
{
    return __builtin_memcpy(to, from, n);
}

u32 femto_random(void) { return 4; }

s32 femto_store_local(u32 key, u32 value)
{
    stored = value;
    return key == 1 ? 0 : -1;
}

s32 femto_fetch_local(u32 key, u32 *value)
{
    *value = key == 1 ? stored : 0;
    return 0;
}

s32 femto_store_delete(u32 scope, u32 key) { return scope == FEMTO_TENANT && key == 3 ? 0 : -1; }

s32 femto_store_entry(u32 scope, u32 index, femto_entry *entry)
{
    entry->key = 3;
    return scope == FEMTO_TENANT && index == 0 ? 0 : -1;
}

u32 femto_saul_reg_find_nth(s32 position) { return (u32)position + 1; }
u32 femto_saul_reg_find_type(u8 type) { return type == FEMTO_TEMPERATURE ? 2 : 0; }

s32 femto_saul_reg_read(u32 handle, femto_reading *reading)
{
    *reading = (femto_reading){.value = {2150}, .scale = -2};
    return handle == 2 ? 1 : -1;
}

s32 femto_saul_reg_write(u32 handle, const femto_reading *reading) { return handle == 1 ? reading->value[0] : -1; }

s32 femto_gcoap_resp_init(femto_coap_context *context, u32 code)
{
    *(u8 *)(context->buffer + 1) = (u8)code;
    return 0;
}

s32 femto_coap_add_format(femto_coap_context *context, u32 format) { return context->length > format; }
s32 femto_coap_opt_finish(femto_coap_context *context, u32 flags) { return context->length > flags; }
u8 *femto_coap_get_pdu(femto_coap_context *context) { return (u8 *)context->buffer + 5; }

u32 femto_fmt_s16_dfp(char *out, s16 value, s32 digits)
{
    __builtin_memset(out, 0, 12);
    return value == 2150 && digits == -2;
}

u32 femto_crc32(const void *bytes, u64 n, u32 before) { return *(const u8 *)bytes + (u32)n + before; }
u32 femto_fletcher32(const void *words, u64 n) { return *(const u8 *)words + (u32)n; }
s32 femto_event_send(u32 kind, u32 value) { return kind == 1 && value != 0 ? 0 : -1; }

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            return __LINE__ % 250; \
        } \
    } while (0)

int main(void)
{
    struct femto_timer timer = {.now = 5000, .count = 4};
    struct femto_sensor reading = {.value = {100, 2, 3}};
    struct femto_packet packet = {.payload_len = 30};
    u8 buffer[40] = {0};
    struct femto_coap request = {.packet = (u64)&packet, .buffer = (u64)buffer, .length = sizeof(buffer)};

    CHECK(tick(&timer, sizeof(timer)) == 2150);
    CHECK(stored == 1 && lines == 2);
    CHECK(tick(&timer, sizeof(timer)) == 2150 && stored == 2);
    CHECK(calibrate(&reading, sizeof(reading)) == 0 && reading.value[0] == 50);
    CHECK(respond(&request, sizeof(request)) == 7);
    CHECK(buffer[1] == 0x45 && buffer[5] == 'o' && buffer[6] == 'k');
    return 0;
}
