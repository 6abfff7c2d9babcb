package walstream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"walstream"
	"walstream/internal/live"
)

func openAdmin(t testing.TB, conninfo string, options ...walstream.Option) *walstream.Admin {
	t.Helper()
	admin, err := walstream.OpenAdmin(deadline(t), conninfo, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { admin.Close() })
	return admin
}

// version is as in server_version_num.
func version(t testing.TB, db *live.DB) int {
	t.Helper()
	number, err := strconv.Atoi(db.Query("SHOW server_version_num")[0][0])
	if err != nil {
		t.Fatal(err)
	}
	return number
}

func TestTheSystemIsIdentified(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	system, err := admin.Identify(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	known := db.Query("SELECT system_identifier, current_database(), pg_current_wal_flush_lsn() FROM pg_control_system()")[0]
	flushed, err := walstream.ParseLSN(known[2])
	if err != nil {
		t.Fatal(err)
	}
	if strconv.FormatUint(system.SystemID, 10) != known[0] || system.Database != known[1] || system.Timeline != 1 ||
		system.ServerVersion != version(t, db) || system.FlushLSN == 0 || system.FlushLSN > flushed {
		t.Errorf("%+v, not %v", system, known)
	}
}

func TestSettingsAreShown(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	for _, name := range []string{"no such setting", "wal_level; DROP TABLE x", "wal_level\x00", ""} {
		if value, err := admin.Show(deadline(t), name); value != "" || !errors.Is(err, walstream.ErrArgument) {
			t.Errorf("%q: %q %v", name, value, err)
		}
	}
	if value, err := admin.Show(deadline(t), "wal_level"); value != "logical" || err != nil {
		t.Error(value, err)
	}
}

func TestCancelWithoutACallEndsTheNext(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	admin.Cancel()
	if _, err := admin.Show(deadline(t), "wal_level"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if value, err := admin.Show(deadline(t), "wal_level"); value != "logical" || err != nil {
		t.Error(value, err)
	}
	// A ctx that ends when its call is over harms no other.
	for range 100 {
		ctx, cancel := context.WithCancel(context.Background())
		go cancel()
		if _, err := admin.Show(ctx, "wal_level"); err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		cancel()
		if value, err := admin.Show(deadline(t), "wal_level"); value != "logical" || err != nil {
			t.Fatal(value, err)
		}
	}
}

// A temporary slot ends with its connection, and with the first error there: neither has been.
func TestAnEndedContextTouchesNothing(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	if _, _, err := admin.CreateSlot(deadline(t), db.Slot, walstream.SlotRequest{Temporary: true}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for range 10 {
		if err := admin.DropSlot(ended, db.Slot, true); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := admin.ReadSlot(deadline(t), db.Slot); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		if err := admin.DropSlot(ended, db.Slot, true); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := admin.DropSlot(deadline(t), db.Slot+"_none", false); !errors.Is(err, walstream.ErrSlotMissing) {
			t.Error(err)
		}
	}
}

func TestAnAdminConnectsAnew(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	senders := " FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()"
	db.Exec("SELECT pg_terminate_backend(pid)" + senders)
	live.Eventually(t, "the connection is gone", func() bool { return db.Query("SELECT count(*)" + senders)[0][0] == "0" })
	if value, err := admin.Show(deadline(t), "wal_level"); value != "logical" || err != nil {
		t.Error(value, err)
	}
}

func TestAnAdminIsNotUsedAfterClose(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	for range 2 {
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	}
	admin.Cancel()
	ctx := context.Background()
	_, identify := admin.Identify(ctx)
	_, show := admin.Show(ctx, "wal_level")
	_, history := admin.TimelineHistory(ctx, 1)
	_, _, create := admin.CreateSlot(ctx, db.Slot, walstream.SlotRequest{})
	_, read := admin.ReadSlot(ctx, db.Slot)
	alter := admin.AlterSlot(ctx, db.Slot, walstream.SlotChange{})
	for i, err := range []error{identify, show, history, create, read, alter, admin.DropSlot(ctx, db.Slot, true)} {
		if !errors.Is(err, walstream.ErrClosed) {
			t.Error(i, err)
		}
	}
	live.Eventually(t, "the connection is gone", func() bool {
		return db.Query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()")[0][0] == "0"
	})
}

// Everything at once, for the race detector.
func TestClosingAnAdminAmongCalls(t *testing.T) {
	db := live.New(t)
	for range 5 {
		admin := openAdmin(t, db.Conninfo)
		var group sync.WaitGroup
		var calls atomic.Int32
		for i := range 4 {
			group.Add(1)
			go func() {
				defer group.Done()
				for {
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i+1)*time.Millisecond)
					_, err := admin.Show(ctx, "wal_level")
					cancel()
					calls.Add(1)
					if errors.Is(err, walstream.ErrClosed) {
						return
					}
					if err != nil && !errors.Is(err, walstream.ErrBusy) && !errors.Is(err, context.DeadlineExceeded) {
						t.Error(err)
						return
					}
				}
			}()
		}
		live.Eventually(t, "calls go on", func() bool { return calls.Load() > 20 })
		for range 2 {
			group.Add(1)
			go func() {
				defer group.Done()
				admin.Close()
			}()
		}
		group.Wait()
	}
}

func TestAnAdminThatDoesNotOpen(t *testing.T) {
	for conninfo, want := range map[string]walstream.Code{
		"host=127.0.0.1 port=1 user=u dbname=d": walstream.ErrConnect,
		"port=x y":                              walstream.ErrArgument,
		"host=\x00":                             walstream.ErrArgument,
	} {
		if admin, err := walstream.OpenAdmin(deadline(t), conninfo); admin != nil || !errors.Is(err, want) {
			t.Errorf("%q: %v", conninfo, err)
		}
	}
	if _, err := walstream.OpenAdmin(deadline(t), "", walstream.WithOption("nonsense", "1")); !errors.Is(err, walstream.ErrArgument) {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := walstream.OpenAdmin(ended, ""); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	conninfo := silence(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if admin, err := walstream.OpenAdmin(ctx, conninfo, walstream.WithOption("connect_timeout_ms", "3000")); admin != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(admin, err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Error("it took", took)
	}
}

// An attempt that came too late is closed.
func TestAnAdminThatCameTooLateIsClosed(t *testing.T) {
	db := live.New(t)
	for i := range 20 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*500*time.Microsecond)
		if admin, err := walstream.OpenAdmin(ctx, db.Conninfo); err == nil {
			admin.Close()
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
	live.Eventually(t, "the connections are gone", func() bool {
		return db.Query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()")[0][0] == "0"
	})
}

// A server of its own, whose timeline can be changed.
func TestTimelineHistories(t *testing.T) {
	const program = "../../scripts/pg-server"
	if _, err := os.Stat(program); os.IsNotExist(err) || os.Getenv("WALSTREAM_TEST_CONNINFO") == "" {
		t.Skip("outside of the source tree, or without a server")
	}
	major := os.Getenv("WALSTREAM_TEST_MAJOR")
	if major == "" {
		major = "any"
	}
	server := exec.Command(program, "--major", major)
	server.Stderr = os.Stderr
	input, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		_ = server.Wait()
	})
	facts := make(map[string]string)
	lines := bufio.NewScanner(output)
	for lines.Scan() && lines.Text() != "ready" {
		key, value, _ := strings.Cut(lines.Text(), "=")
		facts[key] = value
	}
	command := func(text string) {
		t.Helper()
		if _, err := fmt.Fprintln(input, text); err != nil || !lines.Scan() || lines.Text() != "ok" {
			t.Fatal(text, err, lines.Text())
		}
	}
	command("stop fast")
	if err := os.WriteFile(filepath.Join(facts["datadir"], "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	command("start")
	admin := openAdmin(t, facts["conninfo"])
	if first, err := admin.TimelineHistory(deadline(t), 1); err != nil || first.Timeline != 1 || len(first.Content) != 0 || len(first.Switches) != 0 {
		t.Errorf("%+v %v", first, err)
	}
	command("promote")
	var history walstream.History
	live.Eventually(t, "the server is on timeline 2", func() bool {
		history, err = admin.TimelineHistory(deadline(t), 2)
		return err == nil
	})
	stored, err := os.ReadFile(filepath.Join(facts["datadir"], "pg_wal", "00000002.history"))
	if err != nil {
		t.Fatal(err)
	}
	if history.Timeline != 2 || history.FileName != "00000002.history" || string(history.Content) != string(stored) {
		t.Errorf("%+v, not %q", history, stored)
	}
	lsn, err := walstream.ParseLSN(strings.Split(string(stored), "\t")[1])
	if err != nil {
		t.Fatal(err)
	}
	if want := []walstream.TimelineDetail{{SwitchLSN: lsn, Old: 1, New: 2}}; !slices.Equal(history.Switches, want) {
		t.Errorf("%+v, not %+v", history.Switches, want)
	}
	if _, err := admin.TimelineHistory(deadline(t), 3); !errors.Is(err, walstream.ErrServer) {
		t.Error(err)
	}
}
