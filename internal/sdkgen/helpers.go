package sdkgen

// Groups are the tables of package helpers, in the order of the reference.
var Groups = []Group{
	{"Core", "memory, stores, time"},
	{"Stores", "the tenant's store; deleting and listing entries"},
	{"Log", "printf"},
	{"Format", "numbers and text as text"},
	{"Sensors", "find and read sensors"},
	{"Actuators", "write to what the registry of sensors lists as actuator"},
	{"CoAP", "build the response to a CoAP request"},
	{"Wait", "sleep inside an activation"},
	{"Entropy", "random numbers"},
	{"Checksums", "CRC-32 and Fletcher-32"},
	{"Events", "tell the other containers of one tenant"},
}

const minusOne = "0, or -1: store full"

var (
	keyArg   = Arg{C: "u32 key"}
	valueArg = Arg{C: "u32 value"}
	outArg   = Arg{C: "u32 *value", Kind: WriteSize, Size: 4}
	coapArg  = Arg{C: "const femto_coap_context *context", Kind: ReadSize, Size: 24}
)

var (
	compatStore = [2]string{"int", "uint32_t key, uint32_t value"}
	compatFetch = [2]string{"int", "uint32_t key, uint32_t *value"}
)

// Helpers is the table of helpers, ascending by number. Numbers below 0x62 that
// have a Compat are the original's and never change.
var Helpers = []Helper{
	{Number: 0x01, Name: "printf",
		Go: []string{
			"Log(format string)",
			"Log1[A Value](format string, a A)",
			"Log2[A, B Value](format string, a A, b B)",
			"Log3[A, B, C Value](format string, a A, b B, c C)",
			"Log4[A, B, C, D Value](format string, a A, b B, c C, d D)",
		},
		Group: "Log", Result: "s32", Cost: 64,
		Args:    []Arg{{C: "const char *format", Kind: String}, {C: "...", Kind: Variadic}},
		Meaning: "Print a line to the device's log.",
		Returns: "characters printed",
		Compat:  [2]string{"int", "const char *format, ..."}},
	{Number: 0x02, Name: "memcpy", Go: []string{"memcpy(to *byte, from []byte)"}, Group: "Core", Result: "void *", Cost: 4,
		Args:    []Arg{{C: "void *to", Kind: Write}, {C: "const void *from", Kind: Read}, {C: "u64 n"}},
		Meaning: "Copy n bytes; the two may overlap.",
		Returns: "to",
		Compat:  [2]string{"void *", "void *to, const void *from, size_t n"}},
	{Number: 0x04, Name: "random", Go: []string{"Random() uint32"}, Group: "Entropy", Result: "u32", Cost: 16,
		Meaning: "A random number, as good as the firmware's source.",
		Returns: "32 random bits; 0 where the firmware has no source"},

	{Number: 0x10, Name: "store_local", Go: []string{"storeLocal(key, value uint32) int32"}, Group: "Core", Result: "s32", Cost: 16, Args: []Arg{keyArg, valueArg},
		Meaning: "Store under key in the container's own store.", Returns: minusOne, Compat: compatStore},
	{Number: 0x11, Name: "store_global", Go: []string{"storeGlobal(key, value uint32) int32"}, Group: "Core", Result: "s32", Cost: 16, Args: []Arg{keyArg, valueArg},
		Meaning: "Store under key in the store that all containers share.", Returns: minusOne, Compat: compatStore},
	{Number: 0x12, Name: "fetch_local", Go: []string{"fetchLocal(key uint32, value *uint32)"}, Group: "Core", Result: "s32", Cost: 16, Args: []Arg{keyArg, outArg},
		Meaning: "Fetch from the container's own store; a missing key is 0.", Returns: "0", Compat: compatFetch},
	{Number: 0x13, Name: "fetch_global", Go: []string{"fetchGlobal(key uint32, value *uint32)"}, Group: "Core", Result: "s32", Cost: 16, Args: []Arg{keyArg, outArg},
		Meaning: "Fetch from the store that all containers share; a missing key is 0.", Returns: "0", Compat: compatFetch},

	{Number: 0x14, Name: "store_tenant", Go: []string{"storeTenant(key, value uint32) int32"}, Group: "Stores", Result: "s32", Cost: 16, Args: []Arg{keyArg, valueArg},
		Meaning: "Store under key in the store that the containers of one tenant share.", Returns: minusOne},
	{Number: 0x15, Name: "fetch_tenant", Go: []string{"fetchTenant(key uint32, value *uint32)"}, Group: "Stores", Result: "s32", Cost: 16, Args: []Arg{keyArg, outArg},
		Meaning: "Fetch from the store that the containers of one tenant share; a missing key is 0.", Returns: "0"},
	{Number: 0x16, Name: "store_delete", Go: []string{"storeDelete(scope, key uint32) int32"}, Group: "Stores", Result: "s32", Cost: 16,
		Args:    []Arg{{C: "u32 scope"}, {C: "u32 key"}},
		Meaning: "Delete a key from a store; scope is 0 for the container's own, 1 for the tenant's, 2 for the global one.",
		Returns: "0, or -1: it was not there"},
	{Number: 0x17, Name: "store_entry", Go: []string{"storeEntry(scope, index uint32, entry *Entry) int32"}, Group: "Stores", Result: "s32", Cost: 16,
		Args:    []Arg{{C: "u32 scope"}, {C: "u32 index"}, {C: "femto_entry *entry", Kind: WriteSize, Size: 8}},
		Meaning: "Get an entry of a store by its index from 0, in the order in which the keys were first stored; scope as in store_delete.",
		Returns: "0, or -1: there is none"},

	{Number: 0x20, Name: "now_ms", Go: []string{"NowMs() uint32"}, Group: "Core", Result: "u32", Cost: 4,
		Meaning: "Milliseconds since the device started.", Returns: "u32 milliseconds, which wraps",
		Compat: [2]string{"uint32_t", "void"}},

	{Number: 0x30, Name: "saul_reg_find_nth", Go: []string{"SensorAt(position int32) Sensor"}, Group: "Sensors", Result: "u32", Cost: 4,
		Args:    []Arg{{C: "s32 position"}},
		Meaning: "Find a sensor or actuator by its position in the registry, which counts from 0.",
		Returns: "handle, or 0: there is none",
		Compat:  [2]string{"bpf_saul_reg_t *", "int pos"}},
	{Number: 0x31, Name: "saul_reg_find_type", Go: []string{"FindSensor(kind SensorType) Sensor"}, Group: "Sensors", Result: "u32", Cost: 8,
		Args:    []Arg{{C: "u8 type"}},
		Meaning: "Find the first sensor or actuator of a type.",
		Returns: "handle, or 0: there is none",
		Compat:  [2]string{"bpf_saul_reg_t *", "uint8_t type"}},
	{Number: 0x32, Name: "saul_reg_read", Go: []string{"(s Sensor) Read(reading *Reading) int32"}, Group: "Sensors", Result: "s32", Cost: 64,
		Args:    []Arg{{C: "u32 handle"}, {C: "femto_reading *reading", Kind: WriteSize, Size: 8}},
		Meaning: "Read a sensor.",
		Returns: "values read, 1 to 3, or below 0: no such handle, or the sensor failed",
		Compat:  [2]string{"int", "bpf_saul_reg_t *dev, phydat_t *data"}},
	{Number: 0x33, Name: "saul_reg_write", Go: []string{"(s Sensor) Write(reading *Reading) int32"}, Group: "Actuators", Result: "s32", Cost: 64,
		Args:    []Arg{{C: "u32 handle"}, {C: "const femto_reading *reading", Kind: ReadSize, Size: 8}},
		Meaning: "Write to an actuator: a switch, a LED, a pin.",
		Returns: "values written, or below 0: no such handle, or not an actuator",
		Compat:  [2]string{"int", "bpf_saul_reg_t *dev, phydat_t *data"}},

	{Number: 0x40, Name: "gcoap_resp_init", Go: []string{"(c *CoapContext) Respond(code Code) int32"}, Group: "CoAP", Result: "s32", Cost: 16,
		Args:    []Arg{coapArg, {C: "u32 code"}},
		Meaning: "Begin the response; code is class << 5 | detail.",
		Returns: "0, or -1: the request's header does not fit the buffer",
		Compat:  [2]string{"int", "bpf_coap_ctx_t *ctx, unsigned resp_code"}},
	{Number: 0x41, Name: "coap_opt_finish", Go: []string{"(c *CoapContext) Finish(flags uint32) int32"}, Group: "CoAP", Result: "s32", Cost: 16,
		Args:    []Arg{coapArg, {C: "u32 flags"}},
		Meaning: "End the options; flag 1: a payload follows.",
		Returns: "bytes before the payload, or -1: no room",
		Compat:  [2]string{"ssize_t", "bpf_coap_ctx_t *ctx, unsigned opt"}},
	{Number: 0x42, Name: "coap_add_format", Go: []string{"(c *CoapContext) AddFormat(format uint32) int32"}, Group: "CoAP", Result: "s32", Cost: 16,
		Args:    []Arg{coapArg, {C: "u32 format"}},
		Meaning: "Add the option Content-Format; 0 is text/plain.",
		Returns: "bytes added, or -1: no room",
		Compat:  [2]string{"int", "bpf_coap_ctx_t *ctx, uint32_t format"}},
	{Number: 0x43, Name: "coap_get_pdu", Go: []string{"(c *CoapContext) pdu() *byte"}, Group: "CoAP", Result: "u8 *", Cost: 8,
		Args:    []Arg{coapArg},
		Meaning: "Where the payload begins.",
		Returns: "address of the payload",
		Compat:  [2]string{"uint8_t *", "bpf_coap_ctx_t *ctx"}},

	{Number: 0x50, Name: "fmt_s16_dfp", Go: []string{"fmtS16Dfp(out *[13]byte, value int16, digits int8) uint32"}, Group: "Format", Result: "u32", Cost: 32,
		Args:    []Arg{{C: "char *out", Kind: Output}, {C: "s16 value"}, {C: "s32 digits"}},
		Meaning: "Write value times 10 to the power of digits as decimal text, without NUL.",
		Returns: "characters written; 0: digits not between -7 and 7",
		Compat:  [2]string{"size_t", "char *out, int16_t val, int fp_digits"}},
	{Number: 0x51, Name: "fmt_u32_dec", Go: []string{"fmtU32Dec(out *[10]byte, value uint32) uint32"}, Group: "Format", Result: "u32", Cost: 32,
		Args:    []Arg{{C: "char *out", Kind: Output}, {C: "u32 value"}},
		Meaning: "Write value as decimal text, without NUL.",
		Returns: "characters written, 1 to 10",
		Compat:  [2]string{"size_t", "char *out, uint32_t val"}},
	{Number: 0x52, Name: "strlen", Go: []string{"Strlen(text *byte) uint32"}, Group: "Format", Result: "u32", Cost: 4,
		Args:    []Arg{{C: "const char *text", Kind: String}},
		Meaning: "Length of a text without its NUL.",
		Returns: "bytes",
		Compat:  [2]string{"size_t", "const char *text"}},

	{Number: 0x60, Name: "ztimer_now", Go: []string{"NowUs() uint32"}, Group: "Core", Result: "u32", Cost: 4,
		Meaning: "Microseconds since the device started.", Returns: "u32 microseconds, which wraps",
		Compat: [2]string{"uint32_t", "void"}},
	{Number: 0x61, Name: "ztimer_periodic_wakeup", Go: []string{"PeriodicWakeup(last *uint32, period uint32)"}, Group: "Wait", Result: "s32", Cost: 16, Blocks: true,
		Args:    []Arg{{C: "u32 *last", Kind: WriteSize, Size: 4}, {C: "u32 period"}},
		Meaning: "Sleep until period microseconds after *last, which becomes that time. If it has passed already, *last becomes the present and there is no sleep.",
		Returns: "0",
		Compat:  [2]string{"int", "uint32_t *last_wakeup, uint32_t period"}},

	{Number: 0x90, Name: "crc32", Go: []string{"CRC32(bytes []byte, before uint32) uint32"}, Group: "Checksums", Result: "u32", Cost: 8,
		Args:    []Arg{{C: "const void *bytes", Kind: Read}, {C: "u64 n"}, {C: "u32 before"}},
		Meaning: "CRC-32 (ISO-HDLC, as in Ethernet and zlib) of n bytes; before is the CRC of what came before them, or 0. Costs an instruction more per byte.",
		Returns: "checksum"},
	{Number: 0x91, Name: "fletcher32", Go: []string{"Fletcher32(words []byte) uint32"}, Group: "Checksums", Result: "u32", Cost: 8,
		Args:    []Arg{{C: "const void *words", Kind: Read}, {C: "u64 n"}},
		Meaning: "Fletcher-32 of n bytes as little-endian 16-bit words, as the papers' benchmark; an odd last byte is left out. Costs an instruction more per word.",
		Returns: "checksum"},

	{Number: 0xa0, Name: "event_send", Go: []string{"eventSend(kind, value uint32) int32"}, Group: "Events", Result: "s32", Cost: 16,
		Args:    []Arg{{C: "u32 kind"}, {C: "u32 value"}},
		Meaning: "Send to the other containers of the same tenant that are on the hook message; they run after this activation.",
		Returns: "0, or -1: too many wait already"},
	{Number: 0xa1, Name: "timer_set", Go: []string{"timerSet(ms, kind, value uint32) int32"}, Group: "Events", Result: "s32", Cost: 16,
		Args:    []Arg{{C: "u32 ms"}, {C: "u32 kind"}, {C: "u32 value"}},
		Meaning: "Send to the containers of the same tenant that are on the hook message, to the calling one too, ms milliseconds from now, once.",
		Returns: "0, or -1: too many wait already"},
}
