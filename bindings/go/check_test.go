package walstream_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"walstream"
)

func TestCheckTellsWhatIsWrong(t *testing.T) {
	db := world(t, "CREATE TABLE keyless (a int)")
	slot, pub := walstream.WithSlot(db.Slot), walstream.WithPublications("pub")
	check := func(options ...walstream.Option) []walstream.Finding {
		t.Helper()
		findings, err := walstream.Check(deadline(t), db.Conninfo, options...)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(findings, func(a, b walstream.Finding) int { return int(b.Severity) - int(a.Severity) }) {
			t.Error("not the worst first:", findings)
		}
		return findings
	}
	find := func(findings []walstream.Finding, code string) (found walstream.Finding) {
		for _, finding := range findings {
			if finding.Code == code {
				found = finding
			}
		}
		return found
	}

	absent := find(check(walstream.WithSlot("absent"), pub), "slot-missing")
	if absent.Severity != walstream.SeverityError || absent.Object != "absent" || absent.Remedy == "" ||
		!strings.Contains(absent.Message, "absent") {
		t.Errorf("%+v", absent)
	}
	if text := absent.String(); !strings.HasPrefix(text, "error: ") || !strings.Contains(text, "[slot-missing]") {
		t.Error(text)
	}
	if missing := find(check(slot, walstream.WithPublications("elsewhere")), "publication-missing"); missing.Object != "elsewhere" {
		t.Errorf("%+v", missing)
	}

	findings := check(slot, pub)
	if len(findings) == 0 || findings[0].Severity == walstream.SeverityError {
		t.Error(findings)
	}
	if !slices.ContainsFunc(findings, func(f walstream.Finding) bool { return strings.Contains(f.Object, "keyless") }) {
		t.Error("nothing about the table without a key:", findings)
	}
	// Nothing was taken.
	if active := db.Query("SELECT active FROM pg_replication_slots WHERE slot_name = '" + db.Slot + "'")[0][0]; active != "f" {
		t.Error("the slot is active:", active)
	}
	stream := open(t, db)
	if active := find(check(slot, pub), "slot-active"); active.Severity != walstream.SeverityWarning {
		t.Errorf("%+v", active)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
}

func TestACheckThatFails(t *testing.T) {
	for conninfo, want := range map[string]walstream.Code{
		"host=127.0.0.1 port=1 user=u dbname=d": walstream.ErrConnect,
		"port=x y":                              walstream.ErrArgument,
		"host=\x00":                             walstream.ErrArgument,
	} {
		if findings, err := walstream.Check(deadline(t), conninfo, walstream.WithSlot("s")); findings != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v %v", conninfo, findings, err)
		}
	}
	for _, option := range []walstream.Option{walstream.WithOption("nonsense", "1"), walstream.WithSlot("a\x00b")} {
		if _, err := walstream.Check(deadline(t), "", option); !errors.Is(err, walstream.ErrArgument) {
			t.Error(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := walstream.Check(ctx, silence(t), walstream.WithSlot("s"), walstream.WithOption("connect_timeout_ms", "1000")); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if took := time.Since(start); took > 800*time.Millisecond {
		t.Error("it took", took)
	}
}
