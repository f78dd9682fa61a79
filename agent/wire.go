package agent

// The CBOR that the agent's resources speak: maps with small integer keys,
// every value optional to a reader, additive within WireVersion. The host's
// side of the wire reads the same constants. docs/spec/coap.md lists them.

// WireVersion is the version of the resources' formats, told in Info.
const WireVersion = 1

// Paths of the resources.
const (
	PathManifest = "suit"    // POST an envelope; GET the last report
	PathCommand  = "command" // POST a signed command
	PathInfo     = "info"    // GET what the device is and can do
	PathList     = "ps"      // GET the containers
	PathCounter  = "counter" // GET the highest sequence number of a component
	PathHook     = "hook"    // POST hook/NAME fires a hook
	PathLogs     = "logs"    // GET what containers printed
	PathAnswers  = "c"       // GET what containers of the hook coap answer, or c/NAME the one called so
	PathStore    = "kv"      // GET the entries of a store
	PathTrust    = "trust"   // GET the trust store, as its owner signed it
	PathRecord   = "rec"     // GET what was recorded of a container; not on every device
)

// Keys of the info map.
const (
	InfoWire       = 1  // uint, WireVersion
	InfoBoard      = 2  // tstr
	InfoVersion    = 3  // tstr, of femto
	InfoVendor     = 4  // bstr .size 16
	InfoClass      = 5  // bstr .size 16
	InfoManifest   = 6  // uint, SUIT manifest version
	InfoEnvelope   = 7  // uint, longest envelope in bytes
	InfoImage      = 8  // uint, longest image in bytes
	InfoContainers = 9  // [used, capacity]
	InfoHooks      = 10 // [* [name tstr, uuid bstr, attached uint, remote bool]]
	InfoTenants    = 11 // [* [name tstr, key id bstr .size 8]]
	InfoHelpers    = 12 // [* name tstr]
	InfoUptime     = 13 // uint, microseconds since boot
	InfoMemory     = 14 // uint, bytes of stack and data a container may have
	InfoDevice     = 15 // bstr .size 16
	InfoTrust      = 16 // [owner key id bstr, number uint, flags uint, nonce uint]
	InfoBlock      = 17 // uint, largest CoAP block in bytes that suits the device and its links
)

// Flags of InfoTrust.
const (
	InfoClosed  = 1 << iota // reading needs a session; only InfoWire, InfoDevice and InfoTrust are told without
	InfoEnrolls             // there is no owner: whoever claims it first becomes it
	InfoP256                // keys may be of P-256, too
	InfoSigned              // hooks are fired by signed commands only
)

// Keys of one container in the list, which is [* container-map].
const (
	ListName         = 1  // tstr, empty for a hook's only container
	ListHook         = 2  // tstr
	ListTenant       = 3  // tstr
	ListDigest       = 4  // bstr .size 32, SHA-256 of the image
	ListSize         = 5  // uint, bytes of the image
	ListSequence     = 6  // uint, highest accepted for the component
	ListState        = 7  // uint, State
	ListActivations  = 8  // uint
	ListInstructions = 9  // uint, over all activations
	ListFaults       = 10 // uint
	ListLastFault    = 11 // int, vm.Fault of the last faulting activation
	ListFaultPC      = 12 // uint, slot index
	ListFaultAddress = 13 // uint, virtual address
	ListMemory       = 14 // uint, bytes of stack and data
	ListSlot         = 15 // uint, flash slot in use
	ListFaultCalls   = 16 // [* slot uint], to which local calls return that were open then; not on every device
	ListPosition     = 17 // uint, in the order in which its hook runs containers, from 1; 0: on no hook
)

// State is what a container is doing.
type State uint8

const (
	StateRunning   State = 1 // attached to its hook
	StateFaulted   State = 2 // by the engine, after too many faults in a row
	StateStopped   State = 3 // by a command
	StateTrial     State = 4 // running, and yet to prove itself
	StateReverted  State = 5 // running again, as a newer version failed its trial
	StateInstalled State = 6 // on no hook: the firmware has detached it
	StateSuspended State = 7 // long-running, and waiting for its turn or its time
)

// Keys of the map that answers a fired hook.
const (
	FireValue        = 1 // int, the hook's result
	FireRan          = 2 // uint, containers that ended without a fault
	FireFaulted      = 3 // uint
	FireInstructions = 4 // uint, of this firing
	FireOutcomes     = 5 // [* [name tstr, value int, fault int, pc uint, address uint, instructions uint]]
)

// Keys of the report map that answers an envelope or a command.
const (
	ReportProgress = 1  // uint, Progress
	ReportStage    = 2  // uint, suit.Stage
	ReportReason   = 3  // uint, suit.Reason
	ReportDetail   = 4  // uint, Detail
	ReportCode     = 5  // int, what Detail says it is
	ReportPC       = 6  // uint, slot index in the text
	ReportSequence = 7  // uint, the component's counter as it stands
	ReportReceived = 8  // uint, bytes of the payload fetched so far
	ReportTotal    = 9  // uint, bytes of the payload
	ReportSection  = 10 // uint, of the manifest
	ReportCommand  = 11 // int, SUIT command
	ReportManifest = 12 // bstr .size 8, the beginning of the manifest's SHA-256; none for a command
	ReportUnmet    = 13 // uint, engine.Unmet: every need of the image that is not met
	ReportLacking  = 14 // [8 uint .size 4], helpers that the image needs and does not get, number n as bit n%32 of n/32
)

// Keys of the logs map.
const (
	LogsBoot  = 1 // uint, of this start of the device
	LogsFirst = 2 // uint, number of the first line below
	LogsLost  = 3 // uint, lines between the number asked for and it, which are kept no more
	LogsLines = 4 // [* [time uint, container tstr, text bstr]], microseconds since boot, "hook" or "hook/name"
)

// Keys of the map that has what was recorded (docs/spec/recording.md).
const (
	RecordFormat      = 1  // uint, 1
	RecordID          = 2  // uint, another one for each recording
	RecordState       = 3  // uint, engine.RecordState
	RecordMode        = 4  // uint, engine.RecordMode
	RecordHook        = 5  // tstr
	RecordName        = 6  // tstr
	RecordDigest      = 7  // bstr .size 32, SHA-256 of the image
	RecordActivations = 8  // [done uint, wanted uint]
	RecordEnd         = 9  // uint, position behind the last item
	RecordOldest      = 10 // uint, position of the oldest item
	RecordNumber      = 11 // uint, number of the oldest item
	RecordFrom        = 12 // uint, position of the first byte below
	RecordItems       = 13 // bstr
)

// Progress says how far an envelope has come.
type Progress uint8

const (
	ProgressNone     Progress = 0 // nothing was ever sent
	ProgressDone     Progress = 1 // accepted and running
	ProgressFetching Progress = 2 // authentic; the payload is being fetched
	ProgressRefused  Progress = 3
)

// Detail says what ReportCode is.
type Detail uint8

const (
	DetailNone    Detail = 0
	DetailImage   Detail = 1 // an image.Error
	DetailCheck   Detail = 2 // a vm.Fault of the load-time check, at ReportPC
	DetailEngine  Detail = 3 // an engine.Error
	DetailFlash   Detail = 4 // a flash.Error
	DetailCoAP    Detail = 5 // a coap.Error of fetching the payload
	DetailCounter Detail = 6 // the sequence number is not above ReportSequence
	DetailAgent   Detail = 7 // an agent.Error
)

// Verbs of a signed command: the COSE_Sign1 payload is
// [sequence uint, verb uint, component [? hook UUID bstr, ? name bstr],
// device bstr .size 16, ? argument]. Numbers are of one tenant and component,
// not of one device: naming it keeps a command from working on others. The
// owner's numbers are of the device.
const (
	VerbRemove   = 1
	VerbStart    = 2
	VerbStop     = 3
	VerbConfirm  = 4  // the version on trial
	VerbRollback = 5  // to the version before, if it is kept
	VerbFire     = 6  // context bstr; answered like POST hook
	VerbSet      = 7  // [scope uint, key uint, value uint]; the component is empty but for ScopeLocal
	VerbUnset    = 8  // [scope uint, key uint]
	VerbReboot   = 9  // the owner's; no component
	VerbTrust    = 10 // the owner's; no component; [owner bstr .size 32, flags uint, [* tenant]]
	VerbRead     = 11 // no component; the sequence is the info's nonce
	VerbRecord   = 12 // [mode uint, count uint]; mode 0 ends it; not on every device
)
