package deepcheck

import (
	"math"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// longestResponse is what a firmware has room for in response to a CoAP request,
// at most: a datagram that is not fragmented (RFC 7252 §4.6).
const longestResponse = 1280

// ForImage is what an image that the load-time check accepts is analysed for:
// its own bytes and contract, and the contract of the hook with that UUID; of a
// hook that is none of the standard ones nothing is known. need is what the
// check found.
func ForImage(img *image.Image, need vm.Need, hook uuid.UUID) *Env {
	env := &Env{Text: img.Text(), Need: need, Rodata: img.Rodata(), Helper: standard}
	data, rodata := uint32(len(img.Data())), uint32(len(img.Rodata()))
	stack := need.Stack
	if c := ContractOf(img); c.Stack > 0 {
		stack = uint32(c.Stack)
	}
	env.Region = [vm.Regions]Region{
		vm.RegionStack:   {Min: stack, Max: vm.MaxRegion, Write: Yes},
		vm.RegionContext: {Max: vm.MaxRegion},
		vm.RegionData:    {Min: data, Max: data, Write: Yes},
		vm.RegionRodata:  {Min: rodata, Max: rodata, Write: No},
	}
	h := standardHook(hook)
	if h == nil || h.Name == "coap" {
		for r := vm.RegionGrant; r < vm.Regions; r++ {
			env.Region[r] = Region{Max: vm.MaxRegion}
		}
	}
	if h == nil {
		return env
	}
	_, size := h.Offsets()
	ctx := Region{Min: uint32(size), Max: uint32(size), Write: No}
	if h.Tail != "" {
		ctx.Max = uint32(h.Max)
	}
	if h.Writable {
		ctx.Write = Yes
	}
	env.Region[vm.RegionContext] = ctx
	if h.Name == "coap" {
		env.Packet = 16
	}
	return env
}

// ContractOf is the contract of an image, which is valid; the zero one if it has
// none.
func ContractOf(img *image.Image) (c image.Contract) {
	if raw := img.Contract(); len(raw) > 0 {
		image.ParseContract(raw, &c)
	}
	return c
}

func standardHook(id uuid.UUID) *sdkgen.Hook {
	for i := range sdkgen.Hooks {
		if sdkgen.Hooks[i].UUID() == id {
			return &sdkgen.Hooks[i]
		}
	}
	return nil
}

// standard describes the standard helpers; a firmware's own are opaque.
func standard(number uint8) *Helper { return standards[number] }

var standards = func() (list [256]*Helper) {
	for n := sdkgen.FirstOwn; n < len(list); n++ {
		list[n] = &Helper{Name: "a helper of the firmware", Opaque: true}
	}
	for i := range helpers.Standard {
		h := &helpers.Standard[i]
		list[h.Number] = &Helper{Name: h.Name, Args: h.Args, Cost: uint64(h.Cost), Result: anything}
	}
	// What the declarations do not say.
	list[helpers.Printf].Reads = true
	list[helpers.FmtS16Dfp].Writes[0] = maxFixed
	list[helpers.FmtS16Dfp].Result = between(0, maxFixed)
	list[helpers.FmtU32Dec].Writes[0] = maxDecimal
	list[helpers.FmtU32Dec].Least = func([5]num) uint64 { return 1 }
	list[helpers.FmtS16Dfp].Least = func(args [5]num) uint64 {
		if digits := args[2].extend(32); digits.smin < -maxDigits || digits.smax > maxDigits {
			return 0
		}
		return 1
	}
	list[helpers.FmtU32Dec].Result = between(1, maxDecimal)
	list[helpers.Strlen].Result = between(0, vm.MaxRegion)
	list[helpers.Random].Result = between(0, math.MaxUint32)
	list[helpers.Crc32].More = func(args [5]num) uint64 { return min(args[1].umax, vm.MaxRegion) }
	list[helpers.Fletcher32].More = func(args [5]num) uint64 { return min(args[1].umax, vm.MaxRegion) / 2 }
	for _, n := range []uint8{helpers.GcoapRespInit, helpers.CoapOptFinish, helpers.CoapAddFormat, helpers.CoapGetPdu} {
		list[n].Follows = true
	}
	return list
}()

// The longest texts that the helpers write: a sign, five digits and seven zeros;
// 2^32 - 1.
const (
	maxFixed   = 13
	maxDecimal = 10
	maxDigits  = 7 // that fmt_s16_dfp moves a number by; beyond, it writes nothing
)

func isHelperCall(in isa.Instruction) bool {
	return in.Opcode == isa.ClassJMP|isa.CALL && in.Src == isa.CallHelper
}
