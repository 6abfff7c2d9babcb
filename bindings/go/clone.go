package walstream

// #include "native.h"
import "C"

import (
	"runtime"
	"unsafe"
)

// kept is what a clone points to: C's structs in Go's memory, so that every accessor works as on an event of a stream.
type kept struct {
	// Apart from the rest: what C is given may point to pinned memory only.
	event  *C.walstream_event
	values []C.walstream_value
	text   []byte
	// More that the event points to.
	parts []unsafe.Pointer
}

// keptRelation is a relation as C sees it, in Go's memory.
type keptRelation struct {
	relation C.walstream_relation
	columns  []C.walstream_column
	text     []byte
}

// Clone is a copy that stays valid.
func (e *Event) Clone() *Event {
	c := e.c
	k := &kept{event: new(C.walstream_event)}
	*k.event = *c
	clone := &Event{c: k.event, relation: e.relation, truncated: e.truncated, kept: k}
	if c == &noEvent {
		clone.c = &noEvent
		return clone
	}
	rows := [2][]C.walstream_value{values(c.new_values, c.new_count), values(c.old_values, c.old_count)}
	k.values = append(append(k.values, rows[0]...), rows[1]...)
	size := int(c.name_len) + int(c.payload_len) + 2
	for i := range k.values {
		size += int(k.values[i].size) + 1
	}
	texts := texts{make([]byte, 0, size)}
	for i := range k.values {
		k.values[i].data = texts.add(k.values[i].data, k.values[i].size)
	}
	k.event.name = texts.add(c.name, c.name_len)
	k.event.payload = (*C.uint8_t)(unsafe.Pointer(texts.add((*C.char)(unsafe.Pointer(c.payload)), c.payload_len)))
	k.text = texts.all
	k.event.new_values = unsafe.SliceData(k.values[:len(rows[0])])
	k.event.old_values = unsafe.SliceData(k.values[len(rows[0]):])
	if len(rows[0]) == 0 {
		k.event.new_values = nil
	}
	if len(rows[1]) == 0 {
		k.event.old_values = nil
	}
	if e.relation != nil {
		k.event.relation = k.keep(e.relation)
	}
	k.keepDetail(e)
	return clone
}

// The protocol counts columns in 16 bits. With that known a slice takes half the instructions of unsafe.Slice, which multiplies.
const mostColumns = 1 << 16

func values(start *C.walstream_value, count C.uint32_t) []C.walstream_value {
	if start == nil {
		return nil
	}
	return (*[mostColumns]C.walstream_value)(unsafe.Pointer(start))[:count:count]
}

// texts copies C's strings, each with a NUL, into memory that is large enough from the start and so never moves.
type texts struct {
	all []byte
}

func (t *texts) add(start *C.char, size C.uint32_t) *C.char {
	if start == nil {
		return nil
	}
	return t.addString(textAt(start, size))
}

func (t *texts) addString(text string) *C.char {
	at := len(t.all)
	t.all = append(append(t.all, text...), 0)
	return (*C.char)(unsafe.Pointer(&t.all[at]))
}

// keep gives C's form of a relation. The Relation keeps it alive.
func (k *kept) keep(relation *Relation) *C.walstream_relation {
	made := relation.c()
	k.parts = append(k.parts,
		unsafe.Pointer(made), unsafe.Pointer(unsafe.SliceData(made.columns)), unsafe.Pointer(unsafe.SliceData(made.text)))
	return &made.relation
}

func keepRelation(r *Relation) *keptRelation {
	size := len(r.Schema) + len(r.Name) + 2
	for i := range r.Columns {
		size += len(r.Columns[i].Name) + len(r.Columns[i].TypeName) + 2
	}
	texts := texts{make([]byte, 0, size)}
	made := &keptRelation{columns: make([]C.walstream_column, len(r.Columns))}
	made.relation = C.walstream_relation{
		struct_size:      C.uint32_t(unsafe.Sizeof(made.relation)),
		oid:              C.uint32_t(r.OID),
		schema:           texts.addString(r.Schema),
		name:             texts.addString(r.Name),
		columns:          unsafe.SliceData(made.columns),
		schema_len:       C.uint32_t(len(r.Schema)),
		name_len:         C.uint32_t(len(r.Name)),
		column_count:     C.uint32_t(len(r.Columns)),
		column_size:      C.uint32_t(unsafe.Sizeof(C.walstream_column{})),
		replica_identity: C.uint32_t(r.ReplicaIdentity),
		version:          C.uint64_t(r.Version),
	}
	for i := range r.Columns {
		from, to := &r.Columns[i], &made.columns[i]
		to.name, to.name_len = texts.addString(from.Name), C.uint32_t(len(from.Name))
		to.type_name, to.type_name_len = texts.addString(from.TypeName), C.uint32_t(len(from.TypeName))
		to.type_oid, to.type_modifier = C.uint32_t(from.TypeOID), C.int32_t(from.TypeModifier)
		if from.Key {
			to.flags = C.WALSTREAM_COLUMN_KEY
			made.relation.key_count++
		}
	}
	made.text = texts.all
	return made
}

// keepDetail copies what detail points to.
func (k *kept) keepDetail(e *Event) {
	if e.c.detail == nil {
		return
	}
	switch e.Kind() {
	case Truncate:
		relations := make([]*C.walstream_relation, len(e.truncated))
		for i, relation := range e.truncated {
			relations[i] = k.keep(relation)
		}
		k.detail(unsafe.Pointer(unsafe.SliceData(relations)))
	case TypeChange:
		detail := *(*C.walstream_type_detail)(e.c.detail)
		detail.schema, detail.name = k.keepText(detail.schema), k.keepText(detail.name)
		k.detail(unsafe.Pointer(&detail))
	case Origin:
		detail := *(*C.walstream_origin_detail)(e.c.detail)
		k.detail(unsafe.Pointer(&detail))
	case RollbackPrepared:
		detail := *(*C.walstream_rollback_detail)(e.c.detail)
		k.detail(unsafe.Pointer(&detail))
	case Timeline:
		detail := *(*C.walstream_timeline_detail)(e.c.detail)
		k.detail(unsafe.Pointer(&detail))
	case BackupStart, BackupEnd:
		k.keepBackup(*(*C.walstream_backup_detail)(e.c.detail))
	case ArchiveBegin:
		detail := *(*C.walstream_tablespace_detail)(e.c.detail)
		detail.location = k.keepText(detail.location)
		k.detail(unsafe.Pointer(&detail))
	case BackupProgress:
		detail := *(*C.walstream_progress_detail)(e.c.detail)
		k.detail(unsafe.Pointer(&detail))
	default:
		// Of a later library: its form is unknown.
		k.event.detail, k.event.detail_count = nil, 0
	}
}

func (k *kept) detail(detail unsafe.Pointer) {
	k.event.detail = detail
	k.parts = append(k.parts, detail)
}

func (k *kept) keepText(text *C.char) *C.char {
	copied := unsafe.Pointer(unsafe.StringData(C.GoString(text) + "\x00"))
	k.parts = append(k.parts, copied)
	return (*C.char)(copied)
}

// pin lets C see a clone: memory that points to Go's memory may go there only while that stays where it is.
func (k *kept) pin(pinner *runtime.Pinner) {
	pinner.Pin(k.event)
	if len(k.values) > 0 {
		pinner.Pin(unsafe.SliceData(k.values))
	}
	if len(k.text) > 0 {
		pinner.Pin(unsafe.SliceData(k.text))
	}
	for _, part := range k.parts {
		pinner.Pin(part)
	}
}
