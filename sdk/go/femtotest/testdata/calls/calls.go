// Package calls calls helpers of all sorts, one case for each first byte of the
// context.
package calls

import "github.com/femto-containers/femto/sdk/go/femto"

type named int16

var text = [16]byte{'c', 'o', 'u', 'n', 't'}

// Call does case context[0] and returns a digest of what helpers returned; -9
// behind the last case.
//
//femto:hook event
func Call(context []byte) int64 {
	var buffer [32]byte
	switch context[0] {
	case 0:
		femto.Log("plain %% text %")
		femto.Log1("%d", int8(-5))
		femto.Log1("%5u|", uint16(77))
		femto.Log2("%05d|%x", named(-42), uint32(0xdeadbeef))
		femto.Log3("%ld %lX %c", int64(-1)<<40, uint64(1)<<63, byte('z'))
		femto.Log4("%i %u %lu %s", int64(-7), int8(-1), int8(-1), "end")
		femto.Log2("%y %3s|%d", "ab", 9)
		femto.Log1("%08lx", uint64(0x1234))
	case 1:
		sum := int64(0)
		for range 5 {
			sum = sum*31 + int64(femto.Random())
		}
		return sum
	case 2:
		femto.Local.Set(7, 1)
		femto.Tenant.Set(7, 2)
		femto.Global.Set(7, 3)
		femto.Global.Set(0xffffffff, 0x80000000)
		return int64(femto.Local.Get(7)) + 10*int64(femto.Tenant.Get(7)) + 100*int64(femto.Global.Get(7)) + int64(femto.Global.Get(8)) + int64(femto.Global.Get(0xffffffff))
	case 3:
		stored := uint32(0)
		for femto.Local.Set(stored, stored) {
			stored++
		}
		return int64(stored)
	case 4:
		for key := range uint32(4) {
			femto.Tenant.Set(key*3, key)
		}
		r := int64(0)
		for _, ok := range [4]bool{femto.Tenant.Delete(3), femto.Tenant.Delete(3), femto.Local.Delete(3), femto.Global.Delete(0)} {
			r *= 2
			if ok {
				r++
			}
		}
		var entry femto.Entry
		for index := uint32(0); femto.Tenant.Entry(index, &entry); index++ {
			r = r*100 + int64(entry.Key)*10 + int64(entry.Value)
		}
		if femto.Local.Entry(0, &entry) || femto.Global.Entry(0, &entry) {
			return -2
		}
		return r
	case 5:
		return int64(femto.NowMs())*1e9 + int64(femto.NowUs())
	case 6:
		r := int64(0)
		for position := int32(-1); position < 5; position++ {
			var reading femto.Reading
			s := femto.SensorAt(position)
			n := s.Read(&reading)
			r = r*7 + int64(s)*64 + int64(n) + int64(reading.Value[0]) + int64(reading.Scale)
			reading.Value[0] = 1
			r = r*7 + int64(s.Write(&reading))
		}
		return r
	case 7:
		return int64(femto.FindSensor(femto.Humidity))*100 + int64(femto.FindSensor(femto.Button))*10 + int64(femto.FindSensor(femto.Temperature))
	case 8:
		r := int64(0)
		for _, value := range [6]int16{0, 5, -5, 12345, 32767, -32768} {
			for digits := int8(-8); digits <= 8; digits++ {
				n := femto.FormatFixed(buffer[:], value, digits)
				r = r*31 + int64(femto.CRC32(buffer[:n], 0)) + int64(n)
			}
		}
		return r
	case 9:
		r := int64(0)
		for _, value := range [4]uint32{0, 9, 10, 0xffffffff} {
			n := femto.FormatUint(buffer[2:12], value)
			r = r*31 + int64(femto.CRC32(buffer[:], 77)) + int64(n)
		}
		return r
	case 10:
		return int64(femto.FormatUint(buffer[:9], 1)) // no room for any
	case 11:
		return int64(femto.Strlen(&text[0]))*100 + int64(femto.Strlen(&text[2]))
	case 12:
		r := int64(femto.Copy(buffer[4:], text[:5])) + 100*int64(femto.Copy(buffer[:3], text[:]))
		r += 10000 * int64(femto.Copy(buffer[1:9], buffer[:8])) // they overlap
		r += 1000000 * int64(femto.Copy(buffer[:0], text[:]))
		return r*1000 + int64(femto.CRC32(buffer[:], 0))
	case 13:
		return int64(femto.Fletcher32(context)) ^ int64(femto.Fletcher32(context[:0]))<<8 ^ int64(femto.CRC32(context, 0xffffffff))
	case 14:
		r := int64(0)
		for i := range uint32(10) {
			r *= 2
			if i%2 == 0 && femto.Send(i, 1) || i%2 == 1 && femto.SendAfter(5, i, 2) {
				r++
			}
		}
		return r
	case 15:
		return int64(context[len(context)])
	case 16:
		return 7 / int64(femto.Local.Get(1))
	default:
		return -9
	}
	return 0
}
