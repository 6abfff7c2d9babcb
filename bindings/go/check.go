package walstream

// #include "native.h"
import "C"

import "context"

// Severity says how bad a [Finding] is; the worse, the higher.
type Severity uint32

// How bad it can be.
const (
	SeverityInfo    Severity = C.WALSTREAM_SEVERITY_INFO    // worth knowing; nothing has to be done
	SeverityWarning Severity = C.WALSTREAM_SEVERITY_WARNING // the stream runs, but something will be missing or go wrong later
	SeverityError   Severity = C.WALSTREAM_SEVERITY_ERROR   // the stream does not start, or cannot go on
)

// String is a word, such as "warning".
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	default:
		return "unknown"
	}
}

// Finding is one thing that [Check] found. All of it is a copy.
type Finding struct {
	Severity Severity
	Code     string // what it is, for programs: "slot-missing"; docs/check.md has them all. The same for ever; new ones may come
	Object   string // about what: a setting, slot, publication, table, role or process; "" where there is none
	Message  string // what is the case, on one line, for a person
	Remedy   string // what to do, on one line, for a person
}

// String is for a log: severity, message, code and remedy.
func (f Finding) String() string {
	return f.Severity.String() + ": " + f.Message + " [" + f.Code + "]; " + f.Remedy
}

// Check tells whether a stream that [Open] opens with the same arguments would run, and run well, the worst first; the position of
// [WithStartLSN] is not looked at. It connects as
// one would, looks at server, role, slot, publications and tables, and changes nothing: no slot is made, moved or taken. None: all
// is well. Also that the server refuses replication to this role or address is a finding. An error ([ErrConnect], [ErrAuth] and so on) is
// what Open would return: nothing answered, or not to this user and password.
//
// It may wait for connect_timeout_ms on each of up to three connections, and for as long on their answers. When ctx ends first, Check
// returns at once; what it was doing goes on to its end unseen.
func Check(ctx context.Context, conninfo string, options ...Option) ([]Finding, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	settings := newSettings(options)
	look := func() ([]Finding, error) { return check(conninfo, settings.pairs) }
	return await(ctx, look, func([]Finding) {})
}

func check(conninfo string, pairs [][2]string) ([]Finding, error) {
	var report *C.walstream_report
	err := configured(conninfo, pairs, 0, func(text *C.char, config *C.walstream_config) error {
		var cerr *C.walstream_error
		return takeError(C.walstream_check(text, config, &report, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	defer C.walstream_report_free(report)
	findings := make([]Finding, C.walstream_report_count(report))
	for i := range findings {
		c := C.walstream_report_finding(report, C.size_t(i))
		findings[i] = Finding{
			Severity: Severity(c.severity),
			Code:     C.GoString(c.code),
			Object:   C.GoString(c.object),
			Message:  C.GoString(c.message),
			Remedy:   C.GoString(c.remedy),
		}
	}
	return findings, nil
}
