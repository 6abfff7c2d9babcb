package walstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"walstream"
	"walstream/internal/live"
)

// world is a database with a table and its publication and slot.
func world(t testing.TB, setup ...string) *live.DB {
	t.Helper()
	db := live.New(t)
	db.Exec("CREATE TABLE account (id int8 PRIMARY KEY, name text NOT NULL, note text)", "CREATE PUBLICATION pub FOR ALL TABLES")
	db.Exec(setup...)
	db.CreateSlot()
	return db
}

func open(t testing.TB, db *live.DB, options ...walstream.Option) *walstream.Stream {
	t.Helper()
	options = append([]walstream.Option{walstream.WithSlot(db.Slot), walstream.WithPublications("pub")}, options...)
	stream, err := walstream.Open(deadline(t), db.Conninfo, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	})
	return stream
}

func deadline(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), live.Wait)
	t.Cleanup(cancel)
	return ctx
}

// nextOf passes over what comes before an event of this kind.
func nextOf(t testing.TB, stream *walstream.Stream, kind walstream.Kind) *walstream.Event {
	t.Helper()
	ctx := deadline(t)
	for {
		event, err := stream.Next(ctx)
		if err != nil {
			t.Fatalf("waiting for %v: %v", kind, err)
		}
		if event.Kind() == kind {
			return event
		}
	}
}

func TestEventsTellWhatHappened(t *testing.T) {
	db := world(t)
	stream := open(t, db, walstream.WithMessages())
	db.Exec(`BEGIN;
		INSERT INTO account VALUES (1, 'Ada', NULL);
		UPDATE account SET id = 2;
		DELETE FROM account;
		SELECT pg_logical_emit_message(true, 'greeting', 'hello');
		TRUNCATE account;
		COMMIT`)

	var seen []string
	var last walstream.LSN
	for event, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%v %d", event.Kind(), int64(event.Seq()))
		if relation := event.Relation(); relation != nil {
			line += " " + relation.String()
		}
		for _, relation := range event.Truncated() {
			line += " " + relation.String()
		}
		for _, row := range []walstream.Row{event.Old(), event.New()} {
			for column, value := range row.All() {
				line += fmt.Sprintf(" %s=%v", column.Name, value)
			}
		}
		if event.Kind() == walstream.Message {
			line += fmt.Sprintf(" %s %s %v", event.Name(), event.Payload(), event.Flags().Has(walstream.Transactional))
		}
		seen = append(seen, line)
		if last = event.AckLSN(); last != 0 {
			if age := time.Since(event.CommitTime()); age < -time.Minute || age > time.Minute {
				t.Errorf("committed %v ago", age)
			}
			break
		}
	}
	want := []string{
		"BEGIN 1",
		"RELATION 0 public.account",
		"INSERT 2 public.account id=1 name=Ada note=NULL",
		"UPDATE 3 public.account id=1 name=not sent note=not sent id=2 name=Ada note=NULL",
		"DELETE 4 public.account id=2 name=not sent note=not sent",
		"MESSAGE 5 greeting hello true",
		"TRUNCATE 6 public.account",
		"COMMIT -1",
	}
	if !slices.Equal(seen, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(seen, "\n"), strings.Join(want, "\n"))
	}

	if err := stream.Ack(last); err != nil {
		t.Fatal(err)
	}
	if stats := stream.Stats(); stats.State != walstream.StateStreaming || stats.AckedLSN != last {
		t.Errorf("%+v", stats)
	}
	live.Eventually(t, "the server has the acknowledgement", func() bool {
		confirmed, err := walstream.ParseLSN(db.Query("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '" + db.Slot + "'")[0][0])
		return err == nil && confirmed >= last
	})
}

func TestAnAcknowledgementOutlivesTheStream(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account VALUES (1, 'kept', NULL)", "INSERT INTO account VALUES (2, 'comes again', NULL)")
	if err := stream.Ack(nextOf(t, stream, walstream.Commit).AckLSN()); err != nil {
		t.Fatal(err)
	}
	position, err := stream.Position()
	if err != nil {
		t.Fatal(err)
	}
	nextOf(t, stream, walstream.Commit)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, db, walstream.WithStartPosition(position))
	if id, err := nextOf(t, again, walstream.Insert).New().Value(0).Int64(); id != 2 {
		t.Error(id, err)
	}
}

func TestLeavingTheLoopLosesNothing(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account SELECT i, 'n', NULL FROM generate_series(1, 3000) i")
	var seen []int64
	take := func(event *walstream.Event) {
		if event.Kind() == walstream.Insert {
			id, err := event.New().Value(0).Int64()
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, id)
		}
	}
	for len(seen) < 3000 {
		count := 0
		for event, err := range stream.Events(deadline(t)) {
			if err != nil {
				t.Fatal(err)
			}
			take(event)
			if count++; count == 100 || len(seen) == 3000 {
				break
			}
		}
		if len(seen) == 3000 {
			break
		}
		event, err := stream.Next(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		take(event)
	}
	for i, id := range seen {
		if id != int64(i)+1 {
			t.Fatalf("%d at %d", id, i)
		}
	}
}

func TestALostConnectionIsInvisible(t *testing.T) {
	db := world(t)
	var lines lockedBuffer
	stream := open(t, db, walstream.WithLogger(slog.New(slog.NewTextHandler(&lines, nil))),
		walstream.WithOption("retry.initial_ms", "1"))
	db.Exec("INSERT INTO account VALUES (1, 'before', NULL)")
	nextOf(t, stream, walstream.Insert)
	db.EndWalsenders()
	db.Exec("INSERT INTO account VALUES (2, 'after', NULL)")
	if id, err := nextOf(t, stream, walstream.Insert).New().Value(0).Int64(); id != 2 {
		t.Error(id, err)
	}
	if stream.Stats().Reconnects == 0 {
		t.Error("it was not cut")
	}
	if !strings.Contains(lines.String(), "level=WARN") {
		t.Errorf("the log: %q", lines.String())
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestStopLSNEndsTheStream(t *testing.T) {
	db := world(t)
	db.Exec("INSERT INTO account VALUES (1, 'n', NULL)")
	stop, err := walstream.ParseLSN(db.Query("SELECT pg_current_wal_insert_lsn()")[0][0])
	if err != nil {
		t.Fatal(err)
	}
	stream := open(t, db, walstream.WithStopLSN(stop))
	rows := 0
	for event, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind() == walstream.Insert {
			rows++
		}
	}
	if rows != 1 {
		t.Error(rows, "rows")
	}
	if event, err := stream.Next(deadline(t)); err != io.EOF || event != nil {
		t.Error(event, err)
	}
}

func TestOneReaderAtATime(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account VALUES (1, 'n', NULL)")
	for _, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		_, err = stream.Next(deadline(t))
		if !errors.Is(err, walstream.ErrBusy) {
			t.Error(err)
		}
		break
	}
	if _, err := stream.Next(deadline(t)); err != nil {
		t.Error(err)
	}
}
