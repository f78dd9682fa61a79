package fake

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// printed is what the helper printf makes of a format: %d %i %u %x %X %c %s,
// with a width, zeros before a number, and l for 64 bits. What it does not know
// it prints as it stands, and so what has no value; a device prints anything then.
func printed(format string, values []any) []byte {
	format, _, _ = strings.Cut(format, "\x00")
	var line []byte
	for len(format) > 0 {
		percent := strings.IndexByte(format, '%')
		if percent < 0 {
			line = append(line, format...)
			break
		}
		line = append(line, format[:percent]...)
		format = format[percent:]
		n := 1
		for n < len(format) && (format[n] == 'l' || format[n] >= '0' && format[n] <= '9') {
			n++
		}
		if n == len(format) { // it ends within a conversion
			line = append(line, format...)
			break
		}
		text, took := convert(format[1:n], format[n], values)
		if text == "" && !took {
			text = format[:n+1]
		}
		if took {
			values = values[1:]
		}
		line = append(line, text...)
		format = format[n+1:]
	}
	return line[:min(len(line), lineLength)]
}

// convert prints the first of values as flags and verb say; took: it did.
func convert(flags string, verb byte, values []any) (text string, took bool) {
	wide := strings.Contains(flags, "l")
	digits := strings.ReplaceAll(flags, "l", "")
	zeros := strings.HasPrefix(digits, "0")
	width, _ := strconv.Atoi(digits)
	width = min(width, 255)
	if verb == '%' {
		return "%", false
	}
	if !strings.ContainsRune("diuxXcs", rune(verb)) || len(values) == 0 {
		return "", false
	}
	value := reflect.ValueOf(values[0])
	if (value.Kind() == reflect.String) != (verb == 's') {
		panic(fmt.Sprintf("femto: %%%c of a %s: %%s prints a constant string, the others an integer", verb, value.Type()))
	}
	if verb == 's' {
		text, _, _ = strings.Cut(value.String(), "\x00")
		return fmt.Sprintf("%*s", width, text), true
	}
	number := uint64(0)
	if value.CanInt() {
		number = uint64(value.Int())
	} else {
		number = value.Uint()
	}
	switch signed := int64(number); {
	case verb == 'c':
		return string([]byte{byte(number)}), true
	case verb == 'd' || verb == 'i':
		if !wide {
			signed = int64(int32(number))
		}
		text = strconv.FormatInt(signed, 10)
	default:
		if !wide {
			number = uint64(uint32(number))
		}
		base := 16
		if verb == 'u' {
			base = 10
		}
		text = strconv.FormatUint(number, base)
		if verb == 'X' {
			text = strings.ToUpper(text)
		}
	}
	if missing := width - len(text); missing > 0 && zeros {
		text, negative := strings.CutPrefix(text, "-")
		text = strings.Repeat("0", missing) + text
		if negative {
			text = "-" + text
		}
		return text, true
	}
	return fmt.Sprintf("%*s", width, text), true
}
