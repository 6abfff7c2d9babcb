package walstream_test

import (
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
			// The median: a busy machine may be late now and then.
			if took[len(took)/2] > 2*time.Second {
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

func TestCancellingAmongEventsLosesNone(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account SELECT i, 'n', NULL FROM generate_series(1, 1000) i")
	ctx, cancel := context.WithCancel(deadline(t))
	defer cancel()
	seen := int64(0)
	for event, err := range stream.Events(ctx) {
		if err != nil {
			if !errors.Is(err, context.Canceled) || event != nil {
				t.Fatal(event, err)
			}
			break
		}
		if event.Kind() == walstream.Insert {
			if seen++; seen == 10 {
				cancel()
			}
		}
	}
	if seen != 10 {
		t.Error("it went on to", seen)
	}
	if event, err := stream.Next(ctx); !errors.Is(err, context.Canceled) || event != nil {
		t.Error(event, err)
	}
	if id, err := nextOf(t, stream, walstream.Insert).New().Value(0).Int64(); id != 11 {
		t.Error(id, err)
	}
}

func TestOpenCanBeCancelled(t *testing.T) {
	conninfo := silence(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	stream, err := walstream.Open(ctx, conninfo, walstream.WithSlot("s"), walstream.WithPublications("p"))
	if stream != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Error(stream, err)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Error("it took", took)
	}
}

// silence takes connections and says nothing.
func silence(t *testing.T) (conninfo string) {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	return fmt.Sprintf("host=127.0.0.1 port=%d user=u dbname=d", silent.Addr().(*net.TCPAddr).Port)
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

func descriptors(t *testing.T) int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

func TestNothingIsLeft(t *testing.T) {
	db := world(t)
	opened := 0
	// Other tests' streams are closed by then.
	live.Eventually(t, "no thread yet", func() bool { return threads(t) == 0 })
	goroutines := runtime.NumGoroutine()
	for round := range 3 {
		stream := open(t, db, walstream.WithLogFunc(func(slog.Level, string) {}))
		// That of a failed Open may be there for a moment more.
		live.Eventually(t, "its thread alone", func() bool { return threads(t) == 1 })
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
		// What Go and libpq open once and keep is there after the first round.
		if round == 0 {
			live.Eventually(t, "the first thread is gone", func() bool { return threads(t) == 0 })
			opened = descriptors(t)
		}
	}
	live.Eventually(t, "the threads are gone", func() bool { return threads(t) == 0 })
	live.Eventually(t, "the goroutines are gone", func() bool { return runtime.NumGoroutine() <= goroutines })
	live.Eventually(t, "the descriptors are gone", func() bool { return descriptors(t) <= opened })
}

// A wait is the poller's: a thread that is blocked in C would be one for each stream.
func TestAWaitHoldsNoThread(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	ctx, cancel := context.WithCancel(deadline(t))
	ended := make(chan error)
	go func() {
		_, err := stream.Next(ctx)
		ended <- err
	}()
	stacks := make([]byte, 1<<20)
	live.Eventually(t, "it waits for the descriptor", func() bool {
		for _, stack := range strings.Split(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
			if strings.Contains(stack, "[IO wait") && strings.Contains(stack, "walstream.(*Stream).Next") {
				return true
			}
		}
		return false
	})
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
