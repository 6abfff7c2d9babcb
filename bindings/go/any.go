package walstream

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// Any is a copy as a Go value, the same from text and binary form:
//
//	bool                         bool
//	int2, int4, int8             int16, int32, int64
//	oid, xid, cid; xid8          uint32; uint64
//	float4, float8               float32, float64
//	numeric                      string, all digits
//	timestamptz, timestamp, date time.Time in UTC, or Infinity
//	time                         time.Duration since midnight
//	interval                     Interval, or Infinity
//	bytea                        []byte
//	uuid                         UUID
//	json, jsonb                  json.RawMessage
//	inet, cidr                   netip.Prefix
//	macaddr, macaddr8            net.HardwareAddr
//	pg_lsn                       LSN
//	arrays of these              []any, nested by dimension; nil for NULL
//	text and anything else       string; []byte when binary and unknown
//
// A domain is its base type. NULL is nil; [ErrUnchanged] and [ErrNotSent] when nothing was sent.
func (v Value) Any() (any, error) {
	switch v.kind {
	case Null:
		return nil, nil
	case Text, Binary:
	default:
		return nil, v.sent()
	}
	if _, isArray := elements[v.base]; isArray {
		return v.anyArray()
	}
	if decoded, ok := v.any(); ok {
		return decoded, nil
	}
	return nil, v.mismatch("its type")
}

func (v Value) any() (any, bool) {
	switch v.base {
	case oidBool:
		decoded, err := v.Bool()
		return decoded, err == nil
	case oidInt2:
		return narrow[int16](v)
	case oidInt4:
		return narrow[int32](v)
	case oidInt8:
		return narrow[int64](v)
	case oidOID, oidXID, oidCID:
		return narrow[uint32](v)
	case oidXID8:
		return v.unsigned()
	case oidFloat4:
		return v.float32()
	case oidFloat8:
		decoded, err := v.Float64()
		return decoded, err == nil
	case oidTimestamptz, oidTimestamp, oidDate:
		at, infinity, ok := v.time()
		if infinity != 0 {
			return infinity, ok
		}
		return at, ok
	case oidTime:
		return v.timeOfDay()
	case oidInterval:
		interval, infinity, ok := v.interval()
		if infinity != 0 {
			return infinity, ok
		}
		return interval, ok
	case oidBytea:
		return v.bytea()
	case oidUUID:
		return v.uuid()
	case oidJSON, oidJSONB:
		text, ok := v.json()
		return json.RawMessage(strings.Clone(text)), ok
	case oidInet, oidCIDR:
		return v.prefix()
	case oidMacaddr, oidMacaddr8:
		return v.hardwareAddr()
	case oidLSN:
		return v.lsn()
	case oidNumeric, oidBit, oidVarbit:
		return v.text()
	default:
		if text, ok := v.text(); ok {
			return text, true
		}
		return append([]byte{}, v.Bytes()...), true
	}
}

type integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func narrow[T integer](v Value) (T, bool) {
	wide, err := v.Int64()
	narrowed := T(wide)
	return narrowed, err == nil && int64(narrowed) == wide && (narrowed < 0) == (wide < 0)
}

// text is a copy of the text form; false: the value is binary and its text form is not made here.
func (v Value) text() (string, bool) {
	if v.kind == Text || isText(v.base) {
		return strings.Clone(v.Text()), true
	}
	switch v.base {
	case oidNumeric:
		return v.binaryNumeric()
	case oidInt2, oidInt4, oidInt8, oidOID, oidXID, oidCID:
		number, ok := v.binaryInteger()
		return strconv.FormatInt(number, 10), ok
	case oidUUID:
		decoded, ok := v.uuid()
		return decoded.String(), ok
	case oidJSONB:
		text, ok := v.json()
		return strings.Clone(text), ok
	case oidBit, oidVarbit:
		return v.binaryBits()
	}
	return "", false
}

func (v Value) unsigned() (uint64, bool) {
	if v.kind == Binary {
		if v.size != 8 {
			return 0, false
		}
		return binary.BigEndian.Uint64(v.Bytes()), true
	}
	number, err := strconv.ParseUint(v.Text(), 10, 64)
	return number, err == nil
}

func (v Value) bytea() ([]byte, bool) {
	if v.kind == Binary {
		return append([]byte{}, v.Bytes()...), true
	}
	digits, ok := strings.CutPrefix(v.Text(), `\x`)
	if !ok {
		return nil, false
	}
	decoded, err := hex.DecodeString(digits)
	return decoded, err == nil
}

func (v Value) uuid() (UUID, bool) {
	var decoded UUID
	if v.kind == Binary {
		return decoded, copy(decoded[:], v.Bytes()) == 16 && v.size == 16
	}
	text := v.Text()
	if len(text) != 36 {
		return decoded, false
	}
	var digits [32]byte
	at := copy(digits[:], text[:8])
	at += copy(digits[at:], text[9:13])
	at += copy(digits[at:], text[14:18])
	at += copy(digits[at:], text[19:23])
	copy(digits[at:], text[24:])
	_, err := hex.Decode(decoded[:], digits[:])
	return decoded, err == nil
}

// json is the text, without a copy.
func (v Value) json() (string, bool) {
	text := v.Text()
	if v.base == oidJSONB && v.kind == Binary {
		// A version comes first.
		return strings.CutPrefix(text, "\x01")
	}
	return text, true
}

func (v Value) prefix() (netip.Prefix, bool) {
	if v.kind == Text {
		text := v.Text()
		if !strings.Contains(text, "/") {
			address, err := netip.ParseAddr(strings.Clone(text))
			return netip.PrefixFrom(address, address.BitLen()), err == nil
		}
		prefix, err := netip.ParsePrefix(strings.Clone(text))
		return prefix, err == nil
	}
	// Family, bits, is it a cidr, length, address.
	bytes := v.Bytes()
	if len(bytes) < 4 || int(bytes[3]) != len(bytes)-4 {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(bytes[4:])
	return netip.PrefixFrom(address, int(bytes[1])), ok && int(bytes[1]) <= address.BitLen()
}

func (v Value) hardwareAddr() (net.HardwareAddr, bool) {
	if v.kind == Text {
		address, err := net.ParseMAC(v.Text())
		return address, err == nil
	}
	return append(net.HardwareAddr{}, v.Bytes()...), v.size == 6 || v.size == 8
}

func (v Value) lsn() (LSN, bool) {
	if v.kind == Binary {
		number, ok := v.unsigned()
		return LSN(number), ok
	}
	lsn, err := ParseLSN(v.Text())
	return lsn, err == nil
}

func (v Value) binaryBits() (string, bool) {
	bytes := v.Bytes()
	if len(bytes) < 4 {
		return "", false
	}
	count, bits := int(int32(binary.BigEndian.Uint32(bytes))), bytes[4:]
	if count < 0 || (count+7)/8 != len(bits) {
		return "", false
	}
	digits := make([]byte, count)
	for i := range digits {
		digits[i] = '0' + bits[i/8]>>(7-i%8)&1
	}
	return string(digits), true
}
