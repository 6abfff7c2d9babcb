package walstream_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"walstream"
	"walstream/internal/live"
	"walstream/internal/pq"
)

func TestLogicalSlotsOfAllKinds(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	ctx := deadline(t)
	lsn, snapshot, err := admin.CreateSlot(ctx, db.Slot, walstream.SlotRequest{})
	if err != nil || lsn == 0 || snapshot != nil {
		t.Fatal(lsn, snapshot, err)
	}
	info, err := admin.ReadSlot(ctx, db.Slot)
	if err != nil {
		t.Fatal(err)
	}
	want := walstream.SlotInfo{
		RestartLSN: info.RestartLSN, ConfirmedFlushLSN: lsn, SafeWALSize: -1, CatalogXMin: info.CatalogXMin,
		Plugin: "pgoutput", Database: db.Query("SELECT current_database()")[0][0], WALStatus: "reserved",
	}
	if info != want || info.RestartLSN == 0 || info.CatalogXMin == 0 {
		t.Errorf("%+v, not %+v", info, want)
	}
	var failure *walstream.Error
	if _, _, err := admin.CreateSlot(ctx, db.Slot, walstream.SlotRequest{}); !errors.As(err, &failure) || failure.SQLState != "42710" {
		t.Error(err)
	}
	if err := admin.DropSlot(ctx, db.Slot, false); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ReadSlot(ctx, db.Slot); !errors.Is(err, walstream.ErrSlotMissing) {
		t.Error(err)
	}
	if err := admin.DropSlot(ctx, db.Slot, false); !errors.Is(err, walstream.ErrSlotMissing) {
		t.Error(err)
	}

	request := walstream.SlotRequest{TwoPhase: true, Temporary: true, Plugin: "test_decoding"}
	if _, _, err := admin.CreateSlot(ctx, db.Slot, request); err != nil {
		t.Fatal(err)
	}
	info, err = admin.ReadSlot(ctx, db.Slot)
	if err != nil || !info.TwoPhase || !info.Temporary || !info.Active || info.ActivePID == 0 || info.Physical || info.Plugin != "test_decoding" {
		t.Errorf("%+v %v", info, err)
	}
	admin.Close()
	live.Eventually(t, "the temporary slot is gone", func() bool {
		return db.Query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + db.Slot + "'")[0][0] == "0"
	})
}

func TestPhysicalSlots(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	ctx := deadline(t)
	for _, reserve := range []bool{false, true} {
		lsn, snapshot, err := admin.CreateSlot(ctx, db.Slot, walstream.SlotRequest{Physical: true, ReserveWAL: reserve})
		if lsn != 0 || snapshot != nil || err != nil {
			t.Fatal(lsn, snapshot, err)
		}
		info, err := admin.ReadSlot(ctx, db.Slot)
		if err != nil || !info.Physical || (info.RestartLSN != 0) != reserve || info.Plugin != "" {
			t.Errorf("%+v %v", info, err)
		}
		if err := admin.DropSlot(ctx, db.Slot, false); err != nil {
			t.Fatal(err)
		}
	}
	// Without a database there are no logical ones.
	replication := openAdmin(t, db.Conninfo, walstream.WithOption("mode", "physical"))
	if system, err := replication.Identify(ctx); err != nil || system.Database != "" {
		t.Errorf("%+v %v", system, err)
	}
	if _, _, err := replication.CreateSlot(ctx, db.Slot, walstream.SlotRequest{}); !errors.Is(err, walstream.ErrArgument) {
		t.Error(err)
	}
}

func TestSlotsThatCannotBe(t *testing.T) {
	db := live.New(t)
	admin := openAdmin(t, db.Conninfo)
	ctx := deadline(t)
	for _, name := range []string{"", "A", "a b", "a\x00b", `a"; DROP_REPLICATION_SLOT x`} {
		_, _, created := admin.CreateSlot(ctx, name, walstream.SlotRequest{})
		_, read := admin.ReadSlot(ctx, name)
		for _, err := range []error{created, read, admin.AlterSlot(ctx, name, walstream.SlotChange{}), admin.DropSlot(ctx, name, true)} {
			if !errors.Is(err, walstream.ErrArgument) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	for _, request := range []walstream.SlotRequest{
		{Physical: true, TwoPhase: true},
		{Physical: true, Failover: true},
		{Physical: true, Plugin: "pgoutput"},
		{Physical: true, Snapshot: walstream.SnapshotExport},
		{ReserveWAL: true},
		{Temporary: true, Failover: true},
		{Plugin: "pg\x00output"},
		{Snapshot: 7},
	} {
		if _, _, err := admin.CreateSlot(ctx, db.Slot, request); !errors.Is(err, walstream.ErrArgument) {
			t.Errorf("%+v: %v", request, err)
		}
	}
	if err := admin.AlterSlot(ctx, db.Slot, walstream.SlotChange{TwoPhase: 3}); !errors.Is(err, walstream.ErrArgument) {
		t.Error(err)
	}
}

func TestAlteringNeedsItsVersion(t *testing.T) {
	db := live.New(t)
	db.CreateSlot()
	admin := openAdmin(t, db.Conninfo)
	ctx := deadline(t)
	for _, row := range []struct {
		first   int
		on, off walstream.SlotChange
		is      func(walstream.SlotInfo) bool
	}{
		{
			170000, walstream.SlotChange{Failover: walstream.SwitchOn}, walstream.SlotChange{Failover: walstream.SwitchOff},
			func(info walstream.SlotInfo) bool { return info.Failover },
		},
		{
			180000, walstream.SlotChange{TwoPhase: walstream.SwitchOn}, walstream.SlotChange{TwoPhase: walstream.SwitchOff},
			func(info walstream.SlotInfo) bool { return info.TwoPhase },
		},
	} {
		for _, change := range []walstream.SlotChange{row.on, row.off} {
			err := admin.AlterSlot(ctx, db.Slot, change)
			if version(t, db) < row.first {
				if !errors.Is(err, walstream.ErrUnsupported) {
					t.Error(err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if info, err := admin.ReadSlot(ctx, db.Slot); err != nil || row.is(info) != (change == row.on) {
				t.Errorf("%+v: %+v %v", change, info, err)
			}
		}
	}
}

func TestASnapshotLivesUntilItIsClosed(t *testing.T) {
	db := world(t, "INSERT INTO account VALUES (1, 'in it', NULL)")
	for i, wish := range []walstream.SnapshotWish{walstream.SnapshotExport, walstream.SnapshotUse} {
		admin := openAdmin(t, db.Conninfo)
		slot := db.Slot + strconv.Itoa(i)
		lsn, snapshot, err := admin.CreateSlot(deadline(t), slot, walstream.SlotRequest{Snapshot: wish})
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.LSN() != lsn || lsn == 0 || snapshot.Name() == "" {
			t.Errorf("%q at %v, not %v", snapshot.Name(), snapshot.LSN(), lsn)
		}
		// Its connection is the snapshot's now, and stays when the Admin goes.
		if _, err := admin.Identify(deadline(t)); err != nil {
			t.Error(err)
		}
		admin.Close()
		db.Exec("INSERT INTO account VALUES (2, 'too late', NULL)")
		begin := "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '" + snapshot.Name() + "'"
		db.Exec(begin)
		if count := db.Query("SELECT count(*) FROM account")[0][0]; count != "1" {
			t.Error(count, "rows")
		}
		db.Exec("COMMIT", "DELETE FROM account WHERE id = 2")
		snapshot.Close()
		snapshot.Close()
		live.Eventually(t, "the snapshot is gone", func() bool {
			conn, err := pq.Connect(db.Conninfo)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, err = conn.Query(begin)
			return err != nil
		})
	}
}

func TestDroppingWaitsForTheReader(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	admin := openAdmin(t, db.Conninfo)
	if err := admin.DropSlot(deadline(t), db.Slot, false); !errors.Is(err, walstream.ErrSlotInUse) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := admin.DropSlot(ctx, db.Slot, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if info, err := admin.ReadSlot(deadline(t), db.Slot); err != nil || !info.Active {
		t.Errorf("%+v %v", info, err)
	}
	dropped := make(chan error, 1)
	go func() { dropped <- admin.DropSlot(context.Background(), db.Slot, true) }()
	waiting(t, db, "wait_event = 'ReplicationSlotDrop'")
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if err := ended(t, dropped); err != nil {
		t.Error(err)
	}
	if _, err := admin.ReadSlot(deadline(t), db.Slot); !errors.Is(err, walstream.ErrSlotMissing) {
		t.Error(err)
	}
}

// waiting returns once a replication connection to the database waits for this.
func waiting(t *testing.T, db *live.DB, what string) {
	t.Helper()
	live.Eventually(t, what, func() bool {
		// In a transaction it would show the same for ever.
		db.Exec("SELECT pg_stat_clear_snapshot()")
		return db.Query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database() AND " + what)[0][0] == "1"
	})
}

func ended(t *testing.T, call <-chan error) error {
	t.Helper()
	select {
	case err := <-call:
		return err
	case <-time.After(live.Wait):
		t.Fatal("the call goes on")
		return nil
	}
}

// A slot's making waits for the transaction that is open, until it is ended in one of these ways.
func TestMakingASlotCanBeEnded(t *testing.T) {
	db := live.New(t)
	db.Exec("BEGIN; CREATE TABLE t (a int)")
	nothingIsLeft := func() {
		t.Helper()
		live.Eventually(t, "nothing is left", func() bool {
			return db.Query("SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" + db.Slot + "'")[0][0] == "0"
		})
	}
	for _, way := range []struct {
		name string
		end  func(*walstream.Admin, context.CancelFunc)
		want error
	}{
		{"ctx", func(_ *walstream.Admin, cancel context.CancelFunc) { cancel() }, context.Canceled},
		{"Cancel", func(admin *walstream.Admin, _ context.CancelFunc) { admin.Cancel() }, context.Canceled},
		{"Close", func(admin *walstream.Admin, _ context.CancelFunc) { admin.Close() }, walstream.ErrClosed},
	} {
		t.Run(way.name, func(t *testing.T) {
			for _, wish := range []walstream.SnapshotWish{walstream.SnapshotNothing, walstream.SnapshotExport, walstream.SnapshotUse} {
				admin := openAdmin(t, db.Conninfo)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				made := make(chan error, 1)
				go func() {
					lsn, snapshot, err := admin.CreateSlot(ctx, db.Slot, walstream.SlotRequest{Snapshot: wish})
					if lsn != 0 || snapshot != nil {
						err = fmt.Errorf("made at %v with %v, %w", lsn, snapshot, err)
					}
					made <- err
				}()
				waiting(t, db, "wait_event_type = 'Lock'")
				if _, err := admin.Identify(deadline(t)); !errors.Is(err, walstream.ErrBusy) {
					t.Error(err)
				}
				way.end(admin, cancel)
				if err := ended(t, made); !errors.Is(err, way.want) {
					t.Error(err)
				}
				nothingIsLeft()
				// The handle goes on, unless it is closed.
				if _, err := admin.Identify(deadline(t)); (err != nil) != (way.want == walstream.ErrClosed) {
					t.Error(err)
				}
				admin.Close()
			}
		})
	}
	db.Exec("ROLLBACK")
}
