package walstream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
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

func TestCancellingEndsAWait(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	reads := map[string]func(context.Context) error{
		"Next": func(ctx context.Context) error {
			_, err := stream.Next(ctx)
			return err
		},
		"Events": func(ctx context.Context) error {
			for _, err := range stream.Events(ctx) {
				return err
			}
			return nil
		},
	}
	for name, read := range reads {
		t.Run(name, func(t *testing.T) {
			var took []time.Duration
			for range 9 {
				ctx, cancel := context.WithCancel(context.Background())
				ended := make(chan error)
				go func() { ended <- read(ctx) }()
				// It ought to be waiting by then; if not, it returns all the earlier.
				time.Sleep(20 * time.Millisecond)
				start := time.Now()
				cancel()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			// The median: a busy machine may be late once.
			if took[len(took)/2] > 50*time.Millisecond {
				t.Error("it took", took)
			}
		})
	}
	// Neither a wake that nobody waited for nor a cancelled read did any harm.
	db.Exec("INSERT INTO account VALUES (1, 'n', NULL)")
	nextOf(t, stream, walstream.Insert)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	nextOf(t, stream, walstream.Commit)
	if _, err := stream.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestOpenCanBeCancelled(t *testing.T) {
	// It takes connections and says nothing.
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	conninfo := fmt.Sprintf("host=127.0.0.1 port=%d user=u dbname=d", silent.Addr().(*net.TCPAddr).Port)
	stream, err := walstream.Open(ctx, conninfo, walstream.WithSlot("s"), walstream.WithPublications("p"))
	if stream != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(stream, err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Error("it took", took)
	}
}

func TestClosingEndsARead(t *testing.T) {
	db := world(t)
	for range 5 {
		stream := open(t, db)
		ended := make(chan error, 1)
		go func() {
			_, err := stream.Next(context.Background())
			ended <- err
		}()
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if !errors.Is(err, walstream.ErrClosed) {
				t.Fatal(err)
			}
		case <-time.After(live.Wait):
			t.Fatal("still reading")
		}
	}
}

// Everything at once, for the race detector.
func TestClosingAmongCalls(t *testing.T) {
	db := world(t)
	db.Exec("INSERT INTO account SELECT i, 'n', NULL FROM generate_series(1, 5000) i")
	for range 5 {
		stream := open(t, db, walstream.WithOption("batch.max_events", "7"))
		var group sync.WaitGroup
		call := func(body func() error) {
			group.Add(1)
			go func() {
				defer group.Done()
				for body() == nil {
				}
			}()
		}
		call(func() error {
			for event, err := range stream.Events(context.Background()) {
				if err != nil {
					return err
				}
				// Whoever closes must leave this memory alone.
				if row := event.Clone().New(); row.Len() > 0 && row.Value(1).Text() != "n" {
					return fmt.Errorf("read %v", row.Value(1))
				}
			}
			return io.EOF
		})
		call(func() error { return stream.Ack(0) })
		call(func() error {
			_, err := stream.Position()
			return err
		})
		call(func() error {
			if stream.Stats().State == walstream.StateEnded {
				return io.EOF
			}
			return nil
		})
		time.Sleep(2 * time.Millisecond)
		for range 2 {
			group.Add(1)
			go func() {
				defer group.Done()
				if err := stream.Close(); err != nil {
					t.Error(err)
				}
			}()
		}
		group.Wait()
	}
}

func TestUseAfterCloseIsAnError(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account VALUES (1, 'still here', NULL)")
	event := nextOf(t, stream, walstream.Insert)
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	// The last event is there until the next read, even now.
	runtime.GC()
	if name := event.New().Value(1).Text(); name != "still here" {
		t.Errorf("%q", name)
	}
	_, nextErr := stream.Next(context.Background())
	_, positionErr := stream.Position()
	eventsErr := error(nil)
	for _, err := range stream.Events(context.Background()) {
		eventsErr = err
	}
	for _, err := range []error{nextErr, positionErr, eventsErr, stream.Ack(1)} {
		if !errors.Is(err, walstream.ErrClosed) {
			t.Error(err)
		}
	}
	if event.Kind() != 0 || event.New().Len() != 0 || event.Name() != "" || event.Payload() != nil {
		t.Error("the event is not over")
	}
	if stats := stream.Stats(); stats.State != walstream.StateEnded || stats.Events == 0 {
		t.Errorf("%+v", stats)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
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

func TestErrorsSayWhat(t *testing.T) {
	db := world(t)
	fails := func(options ...walstream.Option) *walstream.Error {
		t.Helper()
		stream, err := walstream.Open(deadline(t), db.Conninfo, options...)
		var failure *walstream.Error
		if stream != nil || !errors.As(err, &failure) {
			t.Fatal(stream, err)
		}
		return failure
	}
	slot, pub := walstream.WithSlot(db.Slot), walstream.WithPublications("pub")

	failure := fails(walstream.WithSlot("absent"), pub)
	if !errors.Is(failure, walstream.ErrSlotMissing) || errors.Is(failure, walstream.ErrSlotLost) {
		t.Error(failure)
	}
	if !strings.Contains(failure.Message, "absent") || failure.Hint == "" || failure.Retriable() {
		t.Errorf("%+v", failure)
	}
	if failure := fails(slot, walstream.WithPublications(`no "such" one`)); !errors.Is(failure, walstream.ErrPublication) ||
		!strings.Contains(failure.Message, `"no ""such"" one"`) {
		t.Errorf("%+v", failure)
	}
	for _, option := range []walstream.Option{
		walstream.WithOption("nonsense", "1"), walstream.WithOption("binary", "perhaps"), walstream.WithOption("a\x00b", "1"),
		walstream.WithOption("binary", "on\x00"), walstream.WithStartPosition("here"),
	} {
		if failure := fails(slot, pub, option); failure.Code != walstream.ErrArgument {
			t.Errorf("%+v", failure)
		}
	}
	if failure := fails(slot, pub, walstream.WithStartLSN(1<<60)); !errors.Is(failure, walstream.ErrGap) {
		t.Errorf("%+v", failure)
	}
	if _, err := walstream.Open(deadline(t), "host=/nowhere dbname=x", slot, pub); !errors.Is(err, walstream.ErrConnect) {
		t.Error(err)
	}
	if _, err := walstream.Open(deadline(t), "host=\x00", slot, pub); !errors.Is(err, walstream.ErrArgument) {
		t.Error(err)
	}

	stream := open(t, db)
	if err := stream.Ack(1 << 60); !errors.Is(err, walstream.ErrAckAhead) {
		t.Error(err)
	}
	if walstream.ErrSlotLost.String() != "WALSTREAM_E_SLOT_LOST" || walstream.ErrSlotLost.Error() != "walstream: slot lost" {
		t.Error(walstream.ErrSlotLost.String(), walstream.ErrSlotLost.Error())
	}
}

func TestAFatalErrorEndsEveryRead(t *testing.T) {
	db := world(t)
	stream := open(t, db, walstream.WithOption("retry.initial_ms", "1"))
	db.EndWalsenders()
	live.Eventually(t, "the slot is dropped", func() bool {
		dropped := db.Query("SELECT count(pg_drop_replication_slot(slot_name)) FROM pg_replication_slots WHERE slot_name = '" + db.Slot + "' AND active_pid IS NULL")
		return dropped[0][0] == "1"
	})
	for range 2 {
		_, err := stream.Next(deadline(t))
		var failure *walstream.Error
		if !errors.As(err, &failure) || failure.Code != walstream.ErrSlotMissing || !failure.Fatal() {
			t.Fatal(err)
		}
	}
	for _, err := range stream.Events(deadline(t)) {
		if !errors.Is(err, walstream.ErrSlotMissing) {
			t.Error(err)
		}
	}
}

// threads of the library in this process.
func threads(t *testing.T) int {
	names, err := filepath.Glob("/proc/self/task/*/comm")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, name := range names {
		// One that ends meanwhile has no name.
		if text, err := os.ReadFile(name); err == nil && string(text) == "walstream\n" {
			count++
		}
	}
	return count
}

func TestNothingIsLeft(t *testing.T) {
	db := world(t)
	// Other tests' streams are closed by then.
	live.Eventually(t, "no thread yet", func() bool { return threads(t) == 0 })
	goroutines := runtime.NumGoroutine()
	for range 3 {
		stream := open(t, db, walstream.WithLogFunc(func(slog.Level, string) {}))
		if threads(t) != 1 {
			t.Error(threads(t), "threads")
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		for range stream.Events(ctx) {
		}
		_, _ = stream.Next(ctx)
		cancel()
		if err := stream.Close(); err != nil {
			t.Fatal(err)
		}
		// Fails, and leaves nothing either.
		_, err := walstream.Open(context.Background(), db.Conninfo, walstream.WithSlot("absent"), walstream.WithPublications("pub"))
		if err == nil {
			t.Error("opened")
		}
	}
	live.Eventually(t, "the threads are gone", func() bool { return threads(t) == 0 })
	live.Eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
}
