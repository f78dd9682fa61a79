package diagnose

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// message is a line of clang that begins a message.
var message = regexp.MustCompile(`^(?:(.+?):(\d+):(\d+): )?(fatal error|error|warning|note): (\S.*)$`)

// A rule translates messages of clang.
type rule struct {
	code    Code
	pattern *regexp.Regexp
	say     func(m []string, t *translation) (what, why, fix string)
}

// translation is what rules know beside the message.
type translation struct {
	names []string // that are declared: helpers with their prefix
	hooks []string // that femto.h has
	cpu   string
}

// library is what people call of the C library, and what there is instead.
var library = func() map[string]struct{ why, fix string } {
	all := map[string]struct{ why, fix string }{}
	add := func(names, why, fix string) {
		for _, name := range strings.Fields(names) {
			all[name] = struct{ why, fix string }{why, fix}
		}
	}
	const none = "there is no C library beneath a container"
	add("malloc calloc realloc free alloca", "there is no heap: what a container takes is known before it runs", "make a variable, static if it shall last, of the greatest size")
	add("memset memcpy memmove memcmp strlen strcmp strncmp strcpy", none, "include <string.h>: the SDK has one, whose functions become instructions or loops")
	add("printf puts putchar fprintf sprintf snprintf", none, `print with FEMTO_LOG("%d\n", value)`)
	add("rand random srand", none, "femto_random() returns 32 random bits")
	add("time clock gettimeofday clock_gettime", none, "femto_now_ms() returns the milliseconds since the device started")
	add("sleep usleep nanosleep", none, "femto_ztimer_periodic_wakeup waits, in a long-running container")
	add("exit abort assert", none, "return from the hook's function")
	return all
}()

var softFloat = regexp.MustCompile(`^__(.*[sd]f[23]?|.*[sd]f[sd]i|.*(unssi|undi|si|di)[sd]f|(fix|float).*|(eq|ne|lt|le|gt|ge|unord)[sd]f2)$|^(fmod|pow|sqrt|sin|cos)f?$`)

var wide = regexp.MustCompile(`^__(mul|div|udiv|mod|umod|ashl|lshr|ashr)o?ti[34]$|^__multi3$`)

func rules() []rule {
	re := regexp.MustCompile
	fixed := func(what, why, fix string) func([]string, *translation) (string, string, string) {
		return func([]string, *translation) (string, string, string) { return what, why, fix }
	}
	return []rule{
		{StackTooLarge, re(`BPF stack limit (?:is )?exceeded`), fixed("this function needs more than 512 bytes of stack",
			"a container's stack has 512 bytes; large variables lie elsewhere", "make large arrays static: they move to .data, or with const to .rodata")},
		{SixArguments, re(`too many arguments$|^stack arguments are not supported|too many args to`), fixed("a function takes more than five arguments",
			"arguments travel in the registers r1 to r5", "put the values into a struct and pass its address")},
		{FloatingPoint, re(`built-in function '(\w+)' is not supported`), func(m []string, _ *translation) (string, string, string) {
			if !softFloat.MatchString(m[1]) {
				return "", "", ""
			}
			return "floating point is not available", "the instruction set has integers only; the compiler wanted " + m[1],
				"use fixed point: hundredths as s32, a factor as a fraction"
		}},
		{WideInteger, re(`built-in function '(\w+)' is not supported`), func(m []string, _ *translation) (string, string, string) {
			if !wide.MatchString(m[1]) {
				return "", "", ""
			}
			return "numbers wider than 64 bits are not available", "the compiler wanted " + m[1], "scale the values so that the product fits 64 bits"
		}},
		{LibraryCall, re(`built-in function '(\w+)' is not supported`), func(m []string, _ *translation) (string, string, string) {
			fix := "write it out, or call a helper"
			switch m[1] {
			case "memset":
				fix = "make the variable static, which is zero to begin with, or clear it in a loop"
			case "memcpy", "memmove":
				fix = "copy with femto_memcpy"
			}
			return "the compiler wants to call " + m[1], "there is no C library beneath a container", fix
		}},
		{Undeclared, re(`call to undeclared (?:library )?function '(\w+)'`), func(m []string, t *translation) (string, string, string) {
			why, fix := "neither femto.h nor the source has it", "declare it, or include the header that does"
			if l, ok := library[m[1]]; ok {
				why, fix = l.why, l.fix
			}
			if near := Nearest(m[1], t.names); near != "" {
				fix = "did you mean " + near + "?"
			}
			return "the function " + m[1] + " is not declared", why, fix
		}},
		{NoPrototype, re(`use of undeclared identifier '(\w+)'`), func(m []string, t *translation) (string, string, string) {
			fix := shortType(m[1])
			if near := Nearest(m[1], t.names); near != "" {
				fix = "did you mean " + near + "?"
			}
			return m[1] + " is not declared", "the source says nowhere what it is", fix
		}},
		{NoPrototype, re(`unknown type name 'femto_(\w+)_context'`), func(m []string, t *translation) (string, string, string) {
			fix := "declare femto_" + m[1] + "_context, if it is a hook of the firmware's own"
			if near := Nearest(m[1], t.hooks); near != "" {
				fix = "did you mean " + near + "?"
			}
			return "there is no standard hook " + m[1], "the hooks are " + strings.Join(t.hooks, ", "), fix
		}},
		{NoPrototype, re(`unknown type name '(\w+)'`), func(m []string, _ *translation) (string, string, string) {
			fix := shortType(m[1])
			return "the type " + m[1] + " is not known", "no header that is included has it", fix
		}},
		{NoHeader, re(`'([^']+)' file not found`), func(m []string, _ *translation) (string, string, string) {
			fix := `include "femto.h", which needs no other header`
			if strings.Contains(m[1], "stdint") || strings.Contains(m[1], "types") {
				fix = `include "femto.h" and use u8 to u64, s8 to s64`
			}
			return "there is no header " + m[1], "containers are freestanding: this computer's headers and C library are not theirs", fix
		}},
		{SignedDivision, re(`unsupported signed division`), func(_ []string, t *translation) (string, string, string) {
			return "signed division needs the instruction set v4", "this is compiled for " + t.cpu + ", which only divides unsigned numbers",
				`divide unsigned numbers, or set build.cpu = "v4" in femto.toml (the original's devices run v2)`
		}},
		{DynamicStack, re(`unsupported dynamic stack allocation`), fixed("an array's length is not known when compiling",
			"how much stack a function takes must be known before it runs", "give the array its greatest length and compare the length with it")},
		{StructReturn, re(`aggregate returns are not supported|only small returns supported`), fixed("a function returns more than a register holds",
			"a result is the one register r0, 64 bits", "pass the address of what is to be filled")},
		{Unused, re(`^(unused \w+|variable|static variable|unused function)? ?'(\w+)'.*\[-Werror,-Wunused|^(unused [a-z]+) '(\w+)'`), func(m []string, _ *translation) (string, string, string) {
			name := m[2] + m[4]
			return name + " is not used", "warnings are errors here: what is not used is most often a mistake", "remove it, or mark it __attribute__((unused))"
		}},
		{FormatArgument, re(`(.*) \[-Werror,-Wformat`), func(m []string, _ *translation) (string, string, string) {
			return "a format does not fit its values", m[1], "use %d and %u for up to 32 bits, %lld and %llu for 64"
		}},
		{AtomicLevel, re(`[Uu]nsupported atomic operation|XADD return value|Cannot select.*Atomic`), func(_ []string, t *translation) (string, string, string) {
			return "this atomic operation needs the instruction set v3", "this is compiled for " + t.cpu + ", which has atomic operations on 64 bits only", `use a u64, or set build.cpu = "v3" in femto.toml`
		}},
	}
}

// shortType says what a type of stdint.h is called here.
func shortType(name string) string {
	m := stdint.FindStringSubmatch(name)
	if m == nil {
		return ""
	}
	return map[string]string{"u": "u", "": "s"}[m[1]] + m[2] + " of femto.h is the same"
}

var stdint = regexp.MustCompile(`^(u?)int(8|16|32|64)_t$`)

// inside is the place that a message of the back end ends with.
var inside = regexp.MustCompile(`, (\S+):(\d+):(\d+)$`)

// repeats are messages that say again what another one has said.
var repeats = regexp.MustCompile(`^could not determine the original source location|^\d+ errors? generated|^too many errors emitted|only small returns supported`)

// Clang translates what clang wrote. names are functions that sources may call,
// hooks those that femto.h has;
// cpu is the level it compiled for. Messages that are not known pass through.
// source is the file that is meant where clang names none.
func Clang(output, source, cpu string, names, hooks []string) List {
	t := &translation{names, hooks, cpu}
	table := rules()
	var list List
	seen := map[string]bool{}
	notes := 0
	for line := range strings.SplitSeq(output, "\n") {
		m := message.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if m == nil || m[4] == "warning" || repeats.MatchString(m[5]) && (m[4] == "note" || len(list) > 0) {
			continue
		}
		if m[4] == "note" {
			if n := len(list); n > 0 && list[n-1].Code == OtherCompile && notes < 2 && list[n-1].Why == "" && !strings.HasSuffix(m[5], "declared here") {
				list[n-1].Why = m[5]
			}
			continue
		}
		d := translate(m[5], table, t)
		if at := inside.FindStringSubmatch(m[5]); at != nil && m[1] == "" {
			m[1], m[2], m[3] = at[1], at[2], at[3]
		}
		d.Place = Place{File: m[1]}
		if d.Place.File == "" {
			d.Place.File = source
		}
		d.Place.File = strings.ReplaceAll(d.Place.File, `\`, "/")
		d.Place.Line, _ = strconv.Atoi(m[2])
		d.Place.Column, _ = strconv.Atoi(m[3])
		// The back end names a line many times, and one cause by several lines.
		// A function that is not declared is taken to return an int, which leads to
		// further messages of its line.
		if d.Code == OtherCompile && slices.ContainsFunc(list, func(e *Diagnostic) bool {
			return e.Code == Undeclared && e.Place.File == d.Place.File && e.Place.Line == d.Place.Line
		}) {
			continue
		}
		key := fmt.Sprint(d.Code, d.Place.File, d.Place.Line, d.What)
		if slices.Contains([]Code{StackTooLarge, SixArguments, FloatingPoint, WideInteger, AtomicLevel}, d.Code) {
			key = fmt.Sprint(d.Code, d.Place.File)
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, d)
		}
	}
	if len(list) == 0 {
		why := strings.TrimSpace(output)
		if first, _, more := strings.Cut(why, "\n"); more {
			why = first
		}
		list = List{{Code: OtherCompile, What: "the compiler refuses the source", Place: Place{File: source}, Why: why}}
	}
	return list
}

func translate(text string, table []rule, t *translation) *Diagnostic {
	for _, r := range table {
		if m := r.pattern.FindStringSubmatch(text); m != nil {
			if what, why, fix := r.say(m, t); what != "" {
				return &Diagnostic{Code: r.code, What: what, Why: why, Fix: fix}
			}
		}
	}
	return &Diagnostic{Code: OtherCompile, What: text}
}
