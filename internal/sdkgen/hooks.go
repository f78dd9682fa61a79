package sdkgen

// Hooks is the table of standard hooks. A firmware offers those that make sense
// on it.
var Hooks = []Hook{
	{Name: "timer", Fires: "every second, or as the firmware says", Policy: "Continue", Result: "ignored",
		Fields: []Field{
			{Name: "now", Type: "u64", Meaning: "microseconds since the device started"},
			{Name: "count", Type: "u64", Meaning: "firings before this one"},
		}},
	{Name: "event", Fires: "when somebody posts to it", Policy: "Continue", Writable: true,
		Tail: "what was sent", Max: 1024, Result: "goes back to who fired it"},
	{Name: "message", Fires: "when a container of the same tenant called event_send, or timer_set some time ago", Policy: "Continue", Events: true, Result: "ignored",
		Fields: []Field{
			{Name: "kind", Type: "u32", Meaning: "what the sender passed"},
			{Name: "value", Type: "u32", Meaning: "what the sender passed"},
			{Name: "now", Type: "u64", Meaning: "microseconds since the device started"},
		}},
	{Name: "coap", Fires: "for GET /c, and for GET /c/NAME with the container NAME alone", Policy: "StopOnPositive", Result: "length of the response, which lies in buffer; 0: not answered; below 0: minus the response code, without payload",
		Fields: []Field{
			{Name: "packet", Type: "u64", Go: "*Packet", Meaning: "address of struct femto_packet; writable"},
			{Name: "buffer", Type: "u64", Go: "*byte", Meaning: "address of the response; it begins with the request's header and token; writable"},
			{Name: "length", Type: "u64", Meaning: "bytes of buffer"},
		}},
	{Name: "sensor", Fires: "when a sensor was read", Policy: "StopOnNegative", Writable: true, Result: "below 0: the reading is dropped",
		Fields: []Field{
			{Name: "value", Type: "s16", Count: 3, Writable: true, Meaning: "what was read"},
			{Name: "unit", Type: "u8", Meaning: "unit of the values"},
			{Name: "scale", Type: "s8", Writable: true, Meaning: "the values are to be multiplied by 10 to the power of scale"},
			{Name: "position", Type: "u32", Meaning: "of the sensor in the registry, from 0"},
			{Name: "type", Type: "u32", Meaning: "of the sensor"},
		}},
	{Name: "thread", Fires: "when the scheduler switches threads or tasks", Policy: "Continue", Result: "ignored",
		Fields: []Field{
			{Name: "previous", Type: "u64", Meaning: "thread that ran; 0: none"},
			{Name: "next", Type: "u64", Meaning: "thread that will run; 0: none"},
		}},
	{Name: "boot", Fires: "once, after the device started and before any other hook", Policy: "Continue", Result: "ignored",
		Fields: []Field{
			{Name: "cause", Type: "u32", Meaning: "0 power, 1 reset, 2 watchdog, 3 fault, 4 update of the firmware, 5 not known"},
			{Name: "starts", Type: "u32", Meaning: "how often the device has started since power came; 0: not known"},
		}},
	{Name: "log", Fires: "for each line that goes to the device's log, but not for what its own containers print", Policy: "StopOnPositive", Result: "above 0: the line is dropped",
		Fields: []Field{
			{Name: "level", Type: "u32", Meaning: "0 error, 1 warning, 2 information, 3 detail"},
			{Name: "length", Type: "u32", Meaning: "bytes of the line, which follows"},
		}, Tail: "the line, without NUL", Max: 8 + 128},
}
