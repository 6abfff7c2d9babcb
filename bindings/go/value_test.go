package walstream

import (
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/netip"
	"reflect"
	"testing"
	"time"
	"unsafe"
)

func text(oid uint32, text string) Value { return textValue(text, Text, oid) }

func binaryValue(oid uint32, bytes ...byte) Value {
	return Value{unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes)), Binary, oid, oid}
}

// What TestAnyIsTheSameFromBothForms cannot make a server send, and where the answer is fixed.
func TestAny(t *testing.T) {
	day := func(year int, month time.Month, day, hour int) time.Time {
		return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
	}
	for _, test := range []struct {
		value Value
		want  any
	}{
		{text(oidBool, "t"), true},
		{text(oidInt2, "-32768"), int16(-32768)},
		{text(oidInt4, "2147483647"), int32(2147483647)},
		{text(oidInt8, "-9223372036854775808"), int64(math.MinInt64)},
		{text(oidOID, "4294967295"), uint32(4294967295)},
		{text(oidXID8, "18446744073709551615"), uint64(math.MaxUint64)},
		{text(oidFloat4, "0.1"), float32(0.1)},
		{text(oidFloat8, "-Infinity"), math.Inf(-1)},
		{text(oidNumeric, "-0.0010"), "-0.0010"},
		{binaryValue(oidNumeric, 0, 1, 0xFF, 0xFF, 0x40, 0, 0, 4, 0, 10), "-0.0010"},
		{binaryValue(oidNumeric, 0, 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 2), "10002"},
		{binaryValue(oidNumeric, 0, 1, 0, 2, 0, 0, 0, 2, 0, 7), "700000000.00"},
		{binaryValue(oidNumeric, 0, 0, 0, 0, 0, 0, 0, 0), "0"},
		{binaryValue(oidNumeric, 0, 0, 0, 0, 0xC0, 0, 0, 0), "NaN"},
		{text(oidTimestamptz, "2024-02-29 12:00:00+00"), day(2024, 2, 29, 12)},
		{text(oidTimestamptz, "2024-02-29 12:00:00-03:30"), time.Date(2024, 2, 29, 15, 30, 0, 0, time.UTC)},
		{text(oidTimestamp, "0044-03-15 00:00:00 BC"), day(-43, 3, 15, 0)},
		{text(oidDate, "10000-01-01"), day(10000, 1, 1, 0)},
		{binaryValue(oidDate, 0xFF, 0xFF, 0xFF, 0xFF), day(1999, 12, 31, 0)},
		{binaryValue(oidTimestamp, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF), day(2000, 1, 1, 0).Add(-time.Microsecond)},
		{text(oidDate, "-infinity"), Infinity(-1)},
		{text(oidTime, "24:00:00"), 24 * time.Hour},
		{text(oidTime, "00:00:00.000001"), time.Microsecond},
		{text(oidInterval, "-1 years -2 mons +3 days -04:05:06.7"), Interval{-14, 3, -(4*3600+5*60+6)*1e6 - 7e5}},
		{text(oidInterval, "1 mon"), Interval{1, 0, 0}},
		{text(oidInterval, "2562047788:00:54.775807"), Interval{0, 0, 2562047788*3600e6 + 54775807}},
		{text(oidBytea, `\x00ff`), []byte{0, 255}},
		{text(oidBytea, `\x`), []byte{}},
		{text(oidUUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
			UUID{0xa0, 0xee, 0xbc, 0x99, 0x9c, 0x0b, 0x4e, 0xf8, 0xbb, 0x6d, 0x6b, 0xb9, 0xbd, 0x38, 0x0a, 0x11}},
		{binaryValue(oidJSONB, 1, '{', '}'), json.RawMessage("{}")},
		{text(oidInet, "10.0.0.1"), netip.MustParsePrefix("10.0.0.1/32")},
		{text(oidMacaddr, "08:00:2b:01:02:03"), net.HardwareAddr{8, 0, 0x2b, 1, 2, 3}},
		{text(oidLSN, "1/F"), LSN(1<<32 | 15)},
		{text(1007, "{}"), []any{}},
		{text(1007, "[0:1]={1,NULL}"), []any{int32(1), nil}},
		{text(1007, "{{1,2},{3,4}}"), []any{[]any{int32(1), int32(2)}, []any{int32(3), int32(4)}}},
		{text(1009, `{"a\"\\,",NULL,"NULL","",b c}`), []any{`a"\,`, nil, "NULL", "", "b c"}},
		{text(0, "sad"), "sad"},
		{binaryValue(0, 1, 2), []byte{1, 2}},
		{Value{}, nil},
	} {
		if got, err := test.value.Any(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v: got %#v, %v, want %#v", test.value.Text(), got, err, test.want)
		}
	}
}

func TestAnyRefusesWhatDoesNotFit(t *testing.T) {
	for _, value := range []Value{
		text(oidInt2, "32768"), text(oidInt4, "1.5"), text(oidInt4, ""), text(oidBool, "true"), text(oidTimestamp, "2024-13-01 00:00:00"),
		text(oidTimestamp, "yesterday"), text(oidBytea, "abc"), text(oidUUID, "a0eebc99"), text(oidInterval, ""), text(oidInterval, "1 fortnight"),
		text(1007, "{1,2"), text(1007, "{{1,2},{3}}"), text(1007, "{1,{2}}"), text(1007, "{1}x"), text(1007, `{"a}`), text(1007, ""),
		binaryValue(oidInt4, 1, 2, 3), binaryValue(oidNumeric, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1), binaryValue(oidTimestamp, 1),
		binaryValue(1007, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1),
		binaryValue(oidJSONB, 2, '{', '}'), binaryValue(oidInet, 2, 33, 0, 4, 1, 2, 3, 4),
	} {
		if got, err := value.Any(); !errors.Is(err, ErrArgument) {
			t.Errorf("OID %d %q: got %#v, %v", value.oid, value.Text(), got, err)
		}
	}
	if _, err := (Value{kind: Unchanged}).Any(); err != ErrUnchanged {
		t.Error(err)
	}
	if _, err := (Value{kind: NotSent}).Any(); err != ErrNotSent {
		t.Error(err)
	}
}

// Bytes that no server sends must not be read beyond their end.
func FuzzAny(f *testing.F) {
	for oid := range elements {
		f.Add(oid, true, []byte{0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1})
		f.Add(oid, false, []byte(`{{1,"a\"b"},{NULL,2}}`))
	}
	for _, oid := range builtins {
		f.Add(oid, true, []byte{0, 1, 0, 0, 0, 0, 0, 2})
		f.Add(oid, false, []byte("2024-02-29 12:34:56.789+05:30"))
		f.Add(oid, false, []byte("-1 years +2 mons -3 days +04:05:06.789"))
	}
	f.Fuzz(func(t *testing.T, oid uint32, binary bool, bytes []byte) {
		value := Value{unsafe.Pointer(unsafe.SliceData(bytes)), uint32(len(bytes)), Text, oid, oid}
		if binary {
			value.kind = Binary
		}
		decoded, err := value.Any()
		if (decoded == nil) == (err == nil) {
			t.Error(decoded, err)
		}
		_ = value.String()
	})
}

type mood string

// upper is a sql.Scanner.
type upper struct{ from any }

func (u *upper) Scan(src any) error {
	u.from = src
	return nil
}

func TestScan(t *testing.T) {
	null, one := Value{}, int64(1)
	for _, test := range []struct {
		value Value
		dest  any
		want  any
	}{
		{text(oidInt8, "1"), new(int64), int64(1)},
		{text(oidInt8, "1"), new(int8), int8(1)},
		{text(oidInt8, "1"), new(*int64), &one},
		{null, new(*int64), (*int64)(nil)},
		{null, &[]byte{1}, []byte(nil)},
		{null, new(any), nil},
		{text(oidInt8, "1"), new(any), int64(1)},
		{text(oidInt4, "1"), new(float64), 1.0},
		{text(oidNumeric, "1.5"), new(float64), 1.5},
		{text(oidNumeric, "1.50"), new(string), "1.50"},
		{text(oidText, "sad"), new(mood), mood("sad")},
		{text(99999, "sad"), new(mood), mood("sad")},
		{text(oidBytea, `\x41`), new([]byte), []byte("A")},
		{text(oidText, "A"), new([]byte), []byte("A")},
		{text(oidText, "A"), new(RawBytes), RawBytes("A")},
		{text(1007, "{1,2}"), new([]int), []int{1, 2}},
		{text(1007, "{1,NULL}"), new([]*int64), []*int64{&one, nil}},
		{text(oidJSONB, `{"a":1}`), new(map[string]int), map[string]int{"a": 1}},
		{text(oidJSON, `[1]`), new(json.RawMessage), json.RawMessage("[1]")},
		{text(oidInt4, "7"), new(upper), upper{int64(7)}},
		{text(oidNumeric, "7.0"), new(upper), upper{"7.0"}},
		{null, &upper{1}, upper{nil}},
		{text(oidText, "2024-01-01T00:00:00Z"), new(time.Time), time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)},
		{text(oidTime, "00:00:01"), new(time.Duration), time.Second},
		{text(oidInet, "::1"), new(netip.Addr), netip.IPv6Loopback()},
	} {
		err := test.value.Scan(test.dest)
		if got := reflect.ValueOf(test.dest).Elem().Interface(); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%v into %T: got %#v, %v, want %#v", test.value, test.dest, got, err, test.want)
		}
	}
}

func TestScanRefusesWhatDoesNotFit(t *testing.T) {
	for _, test := range []struct {
		value Value
		dest  any
		want  error
	}{
		{text(oidInt8, "128"), new(int8), ErrArgument},
		{text(oidInt8, "257"), new(int8), ErrArgument},
		{text(oidInt8, "4294967296"), new(uint32), ErrArgument},
		{text(oidInt8, "-1"), new(uint64), ErrArgument},
		{text(oidInt8, "1"), new(bool), ErrArgument},
		{text(oidInt8, "1"), new(time.Duration), ErrArgument},
		{text(oidText, "1"), new(int64), ErrArgument},
		{text(oidFloat8, "1.5"), new(int64), ErrArgument},
		{text(oidTimestamptz, "infinity"), new(Interval), ErrArgument},
		{text(1007, "{{1},{2}}"), new([]int), ErrArgument},
		{text(1007, "{1,NULL}"), new([]int), ErrNull},
		{text(oidInt8, "1"), int64(0), ErrArgument},
		{Value{}, new(int64), ErrNull},
		{Value{kind: Unchanged}, new(string), ErrUnchanged},
		{Value{kind: Unchanged}, new(*string), ErrUnchanged},
		{Value{kind: NotSent}, new(any), ErrNotSent},
	} {
		before := reflect.ValueOf(test.dest)
		if err := test.value.Scan(test.dest); !errors.Is(err, test.want) {
			t.Errorf("%v into %T: %v", test.value, before, err)
		}
	}
}

func TestLSN(t *testing.T) {
	for text, want := range map[string]LSN{"0/0": 0, "16/B374D848": 0x16B374D848, "FFFFFFFF/FFFFFFFF": math.MaxUint64, "0/A": 10} {
		got, err := ParseLSN(text)
		if err != nil || got != want || got.String() != text {
			t.Error(text, got, err)
		}
	}
	for _, text := range []string{"", "/", "1/", "/1", "1", "1/1/1", "1/123456789", "g/1", "+1/1", "1/-1", " 1/1", "0x1/1", "1_0/1"} {
		if got, err := ParseLSN(text); !errors.Is(err, ErrArgument) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	var back struct{ At LSN }
	if err := json.Unmarshal([]byte(`{"At":"1/2"}`), &back); err != nil || back.At != 1<<32|2 {
		t.Error(back, err)
	}
}
