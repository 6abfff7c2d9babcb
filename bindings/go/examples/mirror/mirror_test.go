package main

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strconv"
	"testing"

	"walstream"
	"walstream/internal/live"
)

// table is what the mirror ought to be.
func table(t *testing.T, db *live.DB) map[int64]Account {
	rows := make(map[int64]Account)
	for _, row := range db.Query("SELECT id, name, coalesce(note, 'none') FROM account") {
		id, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		rows[id] = Account{ID: id, Name: row[1], Note: &row[2]}
	}
	return rows
}

func equal(a, b Account) bool {
	note := func(a Account) string {
		if a.Note == nil {
			return "none"
		}
		return *a.Note
	}
	return a.ID == b.ID && a.Name == b.Name && note(a) == note(b)
}

// follow runs the mirror while during runs.
func follow(t *testing.T, db *live.DB, file string, during func(*Mirror)) {
	t.Helper()
	mirror, err := Load("public.account", file)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		ended <- mirror.Run(ctx, db.Conninfo, walstream.WithSlot(db.Slot), walstream.WithPublications("pub"), walstream.WithCreateSlot())
	}()
	// A slot that is being made is active, too, but has no position: what is committed by then is not in it.
	live.Eventually(t, "the slot is there", func() bool {
		return db.Query("SELECT count(*) FROM pg_replication_slots WHERE active AND confirmed_flush_lsn IS NOT NULL AND slot_name = '" + db.Slot + "'")[0][0] == "1"
	})
	during(mirror)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func inStep(t *testing.T, db *live.DB, mirror *Mirror) {
	t.Helper()
	want := table(t, db)
	live.Eventually(t, "in step", func() bool { return maps.EqualFunc(mirror.All(), want, equal) })
}

func TestTheMirrorFollowsTheTableAcrossRestarts(t *testing.T) {
	db := live.New(t)
	db.Exec("CREATE TABLE account (id bigint PRIMARY KEY, name text NOT NULL, note text); ALTER TABLE account ALTER note SET STORAGE EXTERNAL",
		"CREATE TABLE other (id int)", "CREATE PUBLICATION pub FOR ALL TABLES")
	file := filepath.Join(t.TempDir(), "mirror.json")
	follow(t, db, file, func(mirror *Mirror) {
		db.Exec("INSERT INTO account SELECT i, 'n' || i, repeat('x', 5000) FROM generate_series(1, 100) i",
			"UPDATE account SET name = 'renamed' WHERE id < 10",
			"UPDATE account SET id = id + 1000 WHERE id BETWEEN 5 AND 15",
			"BEGIN; DELETE FROM account WHERE id = 1; INSERT INTO account VALUES (1, 'again', NULL); UPDATE account SET id = 2000 WHERE id = 1; COMMIT",
			"BEGIN; DELETE FROM account; ROLLBACK", "INSERT INTO other VALUES (1)")
		inStep(t, db, mirror)
		if len(mirror.All()) != 100 {
			t.Error(len(mirror.All()), "rows")
		}
	})
	db.Exec("DELETE FROM account WHERE id > 50 AND id < 1000", "INSERT INTO account VALUES (1, 'while away', 'x')")
	follow(t, db, file, func(mirror *Mirror) {
		inStep(t, db, mirror)
		db.Exec("BEGIN; INSERT INTO account VALUES (77, 'gone', NULL); TRUNCATE account; INSERT INTO account VALUES (3, 'left', NULL); COMMIT")
		inStep(t, db, mirror)
		if account, found := mirror.Get(3); !found || account.Name != "left" {
			t.Error(account, found)
		}
	})
	follow(t, db, file, func(mirror *Mirror) { inStep(t, db, mirror) })
}
