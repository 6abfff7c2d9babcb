package walstream

import (
	"encoding/binary"
	"math"
	"strconv"
)

func (v Value) binaryInteger() (int64, bool) {
	bytes := v.Bytes()
	switch {
	case v.base == oidInt2 && len(bytes) == 2:
		return int64(int16(binary.BigEndian.Uint16(bytes))), true
	case v.base == oidInt4 && len(bytes) == 4:
		return int64(int32(binary.BigEndian.Uint32(bytes))), true
	case v.base == oidInt8 && len(bytes) == 8:
		return int64(binary.BigEndian.Uint64(bytes)), true
	case (v.base == oidOID || v.base == oidXID || v.base == oidCID) && len(bytes) == 4:
		return int64(binary.BigEndian.Uint32(bytes)), true
	}
	return 0, false
}

func (v Value) binaryFloat() (float64, bool) {
	bytes := v.Bytes()
	switch {
	case v.base == oidFloat4 && len(bytes) == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(bytes))), true
	case v.base == oidFloat8 && len(bytes) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(bytes)), true
	case v.base == oidNumeric:
		text, ok := v.binaryNumeric()
		if !ok {
			return 0, false
		}
		number, err := strconv.ParseFloat(text, 64)
		return number, err == nil
	}
	number, ok := v.binaryInteger()
	return float64(number), ok
}

func (v Value) float32() (float32, bool) {
	if v.kind == Binary {
		number, ok := v.binaryFloat()
		return float32(number), ok
	}
	number, err := strconv.ParseFloat(v.Text(), 32)
	return float32(number), err == nil
}

// binaryNumeric writes what numeric_out does: groups of four decimal digits, the first of weight 10000^weight, cut or filled up to
// scale digits behind the point.
func (v Value) binaryNumeric() (string, bool) {
	const (
		head     = 8
		negative = 0x4000
		nan      = 0xC000
		infinity = 0xD000
		minus    = 0xF000
	)
	bytes := v.Bytes()
	if len(bytes) < head {
		return "", false
	}
	count := int(binary.BigEndian.Uint16(bytes))
	weight := int(int16(binary.BigEndian.Uint16(bytes[2:])))
	sign := binary.BigEndian.Uint16(bytes[4:])
	scale := int(binary.BigEndian.Uint16(bytes[6:]) & 0x3FFF)
	groups := bytes[head:]
	if len(groups) != 2*count {
		return "", false
	}
	switch sign {
	case 0, negative:
	case nan:
		return "NaN", true
	case infinity:
		return "Infinity", true
	case minus:
		return "-Infinity", true
	default:
		return "", false
	}
	group := func(i int) uint16 {
		if i < 0 || i >= count {
			return 0
		}
		return binary.BigEndian.Uint16(groups[2*i:])
	}
	text := make([]byte, 0, 4*max(weight+1, 1)+scale+6)
	if sign == negative {
		text = append(text, '-')
	}
	if weight < 0 {
		text = append(text, '0')
	} else {
		text = strconv.AppendUint(text, uint64(group(0)), 10)
		for i := 1; i <= weight; i++ {
			text = appendGroup(text, group(i))
		}
	}
	if scale > 0 {
		text = append(text, '.')
		end := len(text) + scale
		for i := weight + 1; len(text) < end; i++ {
			text = appendGroup(text, group(i))
		}
		text = text[:end]
	}
	return string(text), true
}

func appendGroup(text []byte, group uint16) []byte {
	return append(text, '0'+byte(group/1000%10), '0'+byte(group/100%10), '0'+byte(group/10%10), '0'+byte(group%10))
}
