// Package layout tells how C's structs lie in memory as cgo sees them, for the test that compares them with the header's.
package layout

// #cgo !walstream_static pkg-config: walstream
// #cgo walstream_static pkg-config: --static walstream
// #include <walstream.h>
import "C"

import "reflect"

// Structs are all of the header's, by name.
func Structs() map[string]reflect.Type {
	return map[string]reflect.Type{
		"walstream_column":            reflect.TypeFor[C.walstream_column](),
		"walstream_relation":          reflect.TypeFor[C.walstream_relation](),
		"walstream_value":             reflect.TypeFor[C.walstream_value](),
		"walstream_event":             reflect.TypeFor[C.walstream_event](),
		"walstream_error":             reflect.TypeFor[C.walstream_error](),
		"walstream_option":            reflect.TypeFor[C.walstream_option](),
		"walstream_stats":             reflect.TypeFor[C.walstream_stats](),
		"walstream_type_detail":       reflect.TypeFor[C.walstream_type_detail](),
		"walstream_origin_detail":     reflect.TypeFor[C.walstream_origin_detail](),
		"walstream_rollback_detail":   reflect.TypeFor[C.walstream_rollback_detail](),
		"walstream_timeline_detail":   reflect.TypeFor[C.walstream_timeline_detail](),
		"walstream_tablespace_detail": reflect.TypeFor[C.walstream_tablespace_detail](),
		"walstream_progress_detail":   reflect.TypeFor[C.walstream_progress_detail](),
		"walstream_backup_detail":     reflect.TypeFor[C.walstream_backup_detail](),
		"walstream_system":            reflect.TypeFor[C.walstream_system](),
		"walstream_history":           reflect.TypeFor[C.walstream_history](),
		"walstream_slot_request":      reflect.TypeFor[C.walstream_slot_request](),
		"walstream_slot_info":         reflect.TypeFor[C.walstream_slot_info](),
		"walstream_finding":           reflect.TypeFor[C.walstream_finding](),
	}
}
