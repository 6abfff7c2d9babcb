package walstream

import (
	"encoding"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"time"
)

// Scan copies the value to what dest points to: a bool, number, string, []byte, time.Time, time.Duration, [Interval], [UUID],
// [LSN], netip.Prefix or netip.Addr, a slice of these for an array, a pointer to any of them (nil for NULL), an any, a
// [Value] or [RawBytes] (which are not copies), a sql.Scanner, an encoding.TextUnmarshaler; from json and jsonb anything that json.Unmarshal
// fills. A value that does not fit is an error, never a wrong one. nil passes over it.
func (v Value) Scan(dest any) error {
	switch to := dest.(type) {
	case nil:
		return nil
	case *Value:
		*to = v
		return nil
	}
	if v.kind == Null {
		return v.scanNull(dest)
	}
	if err := v.sent(); err != nil {
		return err
	}
	if v.scanPlain(dest) {
		return nil
	}
	return v.scanOther(dest)
}

func (v Value) scanNull(dest any) error {
	switch to := dest.(type) {
	case *any:
		*to = nil
		return nil
	case *[]byte:
		*to = nil
		return nil
	case *RawBytes:
		*to = nil
		return nil
	case *json.RawMessage:
		*to = nil
		return nil
	case scanner:
		return to.Scan(nil)
	}
	target := reflect.ValueOf(dest)
	if target.Kind() == reflect.Pointer && !target.IsNil() {
		switch target.Elem().Kind() {
		case reflect.Pointer, reflect.Slice:
			target.Elem().SetZero()
			return nil
		}
	}
	return fmt.Errorf("%w: scan it into a pointer to a pointer, or a sql.Null, not a %T", ErrNull, dest)
}

// scanner is sql.Scanner.
type scanner interface{ Scan(src any) error }

// scanPlain knows the common destinations; false: dest is none of them, or the value does not fit.
func (v Value) scanPlain(dest any) bool {
	switch to := dest.(type) {
	case *string:
		return put(to, v.text)
	case *[]byte:
		return v.scanBytes(to)
	case *RawBytes:
		*to = v.Bytes()
		return true
	case *bool:
		return putErr(to, v.Bool)
	case *int64:
		return putErr(to, v.Int64)
	case *int:
		return putInteger(to, v)
	case *int32:
		return putInteger(to, v)
	case *int16:
		return putInteger(to, v)
	case *int8:
		return putInteger(to, v)
	case *uint64:
		return v.base == oidXID8 && put(to, v.unsigned) || putInteger(to, v)
	case *uint:
		return putInteger(to, v)
	case *uint32:
		return putInteger(to, v)
	case *uint16:
		return putInteger(to, v)
	case *uint8:
		return putInteger(to, v)
	case *float64:
		return putErr(to, v.Float64)
	case *float32:
		return v.base == oidFloat4 && put(to, v.float32)
	case *time.Time:
		return putErr(to, v.Time)
	case *time.Duration:
		return v.base == oidTime && put(to, v.timeOfDay)
	case *Interval:
		interval, infinity, ok := v.interval()
		if v.base != oidInterval || !ok || infinity != 0 {
			return false
		}
		*to = interval
		return true
	case *UUID:
		return v.base == oidUUID && put(to, v.uuid)
	case *LSN:
		return v.base == oidLSN && put(to, v.lsn)
	case *netip.Prefix:
		return (v.base == oidInet || v.base == oidCIDR) && put(to, v.prefix)
	case *netip.Addr:
		prefix, ok := v.prefix()
		if v.base != oidInet || !ok || !prefix.IsSingleIP() {
			return false
		}
		*to = prefix.Addr()
		return true
	case *json.RawMessage:
		text, ok := v.json()
		if ok = ok && (v.base == oidJSON || v.base == oidJSONB); ok {
			*to = append(json.RawMessage{}, text...)
		}
		return ok
	case *any:
		return putErr(to, v.Any)
	}
	return false
}

func put[T any](to *T, decode func() (T, bool)) bool {
	decoded, ok := decode()
	if ok {
		*to = decoded
	}
	return ok
}

func putErr[T any](to *T, decode func() (T, error)) bool {
	decoded, err := decode()
	if err == nil {
		*to = decoded
	}
	return err == nil
}

func putInteger[T integer](to *T, v Value) bool {
	decoded, ok := narrow[T](v)
	if ok {
		*to = decoded
	}
	return ok
}

// scanBytes: a bytea's bytes, else the text.
func (v Value) scanBytes(to *[]byte) bool {
	if v.base == oidBytea {
		return put(to, v.bytea)
	}
	text, ok := v.text()
	if ok {
		*to = []byte(text)
	}
	return ok
}

func (v Value) scanOther(dest any) error {
	switch to := dest.(type) {
	case scanner:
		source, err := v.driverValue()
		if err != nil {
			return err
		}
		return to.Scan(source)
	case encoding.TextUnmarshaler:
		if text, ok := v.text(); ok {
			return to.UnmarshalText([]byte(text))
		}
	}
	target := reflect.ValueOf(dest)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return &Error{Code: ErrArgument, Message: fmt.Sprintf("%T is no pointer to scan into", dest)}
	}
	return v.scanReflect(target.Elem(), dest)
}

// driverValue is one of the types that a sql.Scanner expects.
func (v Value) driverValue() (any, error) {
	switch decoded, err := v.Any(); decoded := decoded.(type) {
	case nil, bool, int64, float64, string, []byte, time.Time:
		return decoded, err
	case json.RawMessage:
		return []byte(decoded), err
	case float32:
		return float64(decoded), err
	default:
		if err != nil {
			return nil, err
		}
		if number, err := v.Int64(); err == nil {
			return number, nil
		}
		if text, ok := v.text(); ok {
			return text, nil
		}
		return fmt.Sprint(decoded), nil
	}
}

// scanReflect takes named types, pointers, slices, and what JSON fills.
func (v Value) scanReflect(target reflect.Value, dest any) error {
	if target.Kind() == reflect.Pointer {
		made := reflect.New(target.Type().Elem())
		if err := v.Scan(made.Interface()); err != nil {
			return err
		}
		target.Set(made)
		return nil
	}
	if v.base == oidJSON || v.base == oidJSONB {
		if text, ok := v.json(); ok {
			return json.Unmarshal([]byte(text), dest)
		}
	}
	if plain := plainPointer(target); plain != nil && v.scanPlain(plain) {
		return nil
	}
	if target.Kind() == reflect.Slice {
		if done, err := v.scanSlice(target); done {
			return err
		}
	}
	return v.mismatch(target.Type().String())
}

// plainPointer sees a named type as the plain one that it is made of.
func plainPointer(target reflect.Value) any {
	plain, ok := plainTypes[target.Kind()]
	// A Duration is not just a number: in which unit?
	if !ok || target.Type() == plain || target.Type() == reflect.TypeFor[time.Duration]() {
		return nil
	}
	return target.Addr().Convert(reflect.PointerTo(plain)).Interface()
}

var plainTypes = map[reflect.Kind]reflect.Type{
	reflect.Bool: reflect.TypeFor[bool](), reflect.String: reflect.TypeFor[string](),
	reflect.Int: reflect.TypeFor[int](), reflect.Int8: reflect.TypeFor[int8](), reflect.Int16: reflect.TypeFor[int16](),
	reflect.Int32: reflect.TypeFor[int32](), reflect.Int64: reflect.TypeFor[int64](),
	reflect.Uint: reflect.TypeFor[uint](), reflect.Uint8: reflect.TypeFor[uint8](), reflect.Uint16: reflect.TypeFor[uint16](),
	reflect.Uint32: reflect.TypeFor[uint32](), reflect.Uint64: reflect.TypeFor[uint64](),
	reflect.Float32: reflect.TypeFor[float32](), reflect.Float64: reflect.TypeFor[float64](),
}

// scanSlice fills a slice from an array of one dimension.
func (v Value) scanSlice(target reflect.Value) (bool, error) {
	found, ok := v.array()
	if !ok || len(found.sizes) > 1 {
		return false, nil
	}
	made := reflect.MakeSlice(target.Type(), len(found.elements), len(found.elements))
	for i, element := range found.elements {
		if err := element.Scan(made.Index(i).Addr().Interface()); err != nil {
			return true, fmt.Errorf("element %d: %w", i, err)
		}
	}
	target.Set(made)
	return true, nil
}
