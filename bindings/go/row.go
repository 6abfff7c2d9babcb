package walstream

// #include "native.h"
import "C"

import (
	"fmt"
	"iter"
	"strings"
	"unsafe"
)

// Row is one row of an [Event], valid as long as that.
type Row struct {
	event *Event
	old   bool
}

func (r Row) values() []C.walstream_value {
	if r.old {
		return values(r.event.c.old_values, r.event.c.old_count)
	}
	return values(r.event.c.new_values, r.event.c.new_count)
}

// Len is the number of columns: all that are published, or 0 when the event has no such row.
func (r Row) Len() int { return len(r.values()) }

// Value is the column at index, in the order of [Relation.Columns]. It panics beyond the end, as a slice does.
func (r Row) Value(index int) Value {
	value := &r.values()[index]
	column := &r.event.relation.Columns[index]
	return Value{
		data: unsafe.Pointer(value.data),
		size: uint32(value.size),
		kind: ValueKind(value.kind),
		oid:  column.TypeOID,
		base: column.base,
	}
}

// Bytes is Value(index).Bytes(), a little faster: no type is looked up.
func (r Row) Bytes(index int) []byte {
	value := &r.values()[index]
	return unsafe.Slice((*byte)(unsafe.Pointer(value.data)), int(value.size))
}

// Get is the column of exactly this name; false: there is none.
func (r Row) Get(name string) (Value, bool) {
	if r.Len() == 0 {
		return Value{}, false
	}
	index := r.event.relation.Index(name)
	if index < 0 {
		return Value{}, false
	}
	return r.Value(index), true
}

// All ranges over the columns.
func (r Row) All() iter.Seq2[*Column, Value] {
	return func(yield func(*Column, Value) bool) {
		for i := range r.Len() {
			if !yield(&r.event.relation.Columns[i], r.Value(i)) {
				return
			}
		}
	}
}

// Scan copies the columns, in their order, to what dest points to; nil passes over one. See [Value.Scan].
func (r Row) Scan(dest ...any) error {
	if len(dest) != r.Len() {
		return &Error{
			Code:    ErrArgument,
			Message: fmt.Sprintf("%d destinations for a row of %d columns", len(dest), r.Len()),
			Hint:    "give one for each column, nil for those that are not wanted",
		}
	}
	for i := range dest {
		if err := r.Value(i).Scan(dest[i]); err != nil {
			return r.in(i, err)
		}
	}
	return nil
}

// in says which column an error is about.
func (r Row) in(index int, err error) error {
	return fmt.Errorf("%s.%s: %w", r.event.relation, r.event.relation.Columns[index].Name, err)
}

// String is for a log: every column that was sent, as name=value.
func (r Row) String() string {
	var text strings.Builder
	for column, value := range r.All() {
		if value.kind == NotSent {
			continue
		}
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		fmt.Fprintf(&text, "%s=%v", column.Name, value)
	}
	return text.String()
}
