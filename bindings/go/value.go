package walstream

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// Value is one column of one row. It refers to the library's memory: valid as long as its event.
type Value struct {
	data unsafe.Pointer
	size uint32
	kind ValueKind
	oid  uint32
	// What it is decoded as; 0: no type that this package knows.
	base uint32
}

// RawBytes is a destination of Scan that takes the bytes as they came, without a copy: valid as long as the event.
type RawBytes []byte

// Kind says how the value came.
func (v Value) Kind() ValueKind { return v.kind }

// TypeOID is the column's type.
func (v Value) TypeOID() uint32 { return v.oid }

// IsNull tells whether it is SQL NULL. Unchanged is not.
func (v Value) IsNull() bool { return v.kind == Null }

// IsUnchanged tells whether it is a stored-apart value that the update did not touch, and so was not sent.
func (v Value) IsUnchanged() bool { return v.kind == Unchanged }

// IsNotSent tells whether the column is not part of the key, in an old row that has the key only.
func (v Value) IsNotSent() bool { return v.kind == NotSent }

// Bytes are the value's bytes as they came, without a copy; nil unless it is Text or Binary. Do not write to them.
func (v Value) Bytes() []byte { return unsafe.Slice((*byte)(v.data), int(v.size)) }

// Text is Bytes as a string, without a copy.
func (v Value) Text() string { return unsafe.String((*byte)(v.data), int(v.size)) }

// String is a copy for a person to read: text as it came, anything else described.
func (v Value) String() string {
	switch v.kind {
	case Text:
		return strings.Clone(v.Text())
	case Binary:
		if any, err := v.Any(); err == nil {
			return fmt.Sprint(any)
		}
		return fmt.Sprintf("%x", v.Bytes())
	case Null:
		return "NULL"
	default:
		return v.kind.String()
	}
}

// Bool is the value of a boolean column.
func (v Value) Bool() (bool, error) {
	if err := v.sent(); err != nil {
		return false, err
	}
	if v.base == oidBool && v.size == 1 {
		switch b := *(*byte)(v.data); {
		case v.kind == Text && (b == 't' || b == 'f'):
			return b == 't', nil
		case v.kind == Binary:
			return b != 0, nil
		}
	}
	return false, v.mismatch("bool")
}

// Int64 is the value of an integer column (or of an oid or xid).
func (v Value) Int64() (int64, error) {
	if err := v.sent(); err != nil {
		return 0, err
	}
	if v.kind == Binary {
		if number, ok := v.binaryInteger(); ok {
			return number, nil
		}
	} else if isInteger(v.base) {
		if number, err := strconv.ParseInt(v.Text(), 10, 64); err == nil {
			return number, nil
		}
	}
	return 0, v.mismatch("int64")
}

// Float64 is the value of a float, integer or numeric column, rounded to the nearest that a float64 can be.
func (v Value) Float64() (float64, error) {
	if err := v.sent(); err != nil {
		return 0, err
	}
	if v.kind == Binary {
		if number, ok := v.binaryFloat(); ok {
			return number, nil
		}
	} else if isNumber(v.base) {
		if number, err := strconv.ParseFloat(v.Text(), 64); err == nil {
			return number, nil
		}
	}
	return 0, v.mismatch("float64")
}

// Time is the value of a timestamptz, timestamp (taken as UTC) or date column. Infinity is an error here, but not for Any.
func (v Value) Time() (time.Time, error) {
	if err := v.sent(); err != nil {
		return time.Time{}, err
	}
	if isTime(v.base) {
		if at, infinity, ok := v.time(); ok && infinity == 0 {
			return at, nil
		}
	}
	return time.Time{}, v.mismatch("time.Time")
}

// sent is nil when there is something to decode.
func (v Value) sent() error {
	switch v.kind {
	case Text, Binary:
		return nil
	case Unchanged:
		return ErrUnchanged
	case NotSent:
		return ErrNotSent
	default:
		return ErrNull
	}
}

func (v Value) mismatch(want string) error {
	shown := "binary form"
	if v.kind == Text {
		const most = 40
		text := v.Text()
		if len(text) > most {
			text = text[:most] + "…"
		}
		shown = strconv.Quote(text)
	}
	return &Error{Code: ErrArgument, Message: fmt.Sprintf("a value of type OID %d, %s, does not fit %s", v.oid, shown, want)}
}

// Why there is nothing to decode.
var (
	ErrNull      error = noValue("the value is NULL")
	ErrUnchanged error = noValue("the value was not changed and not sent")
	ErrNotSent   error = noValue("the column is not part of the key and was not sent")
)

type noValue string

func (n noValue) Error() string { return "walstream: " + string(n) }
