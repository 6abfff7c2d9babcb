package walstream_test

import (
	"context"
	"flag"
	"runtime"
	"testing"

	"walstream"
	"walstream/internal/live"
)

// replay gives a stream that stands before a batch of rows, which Rewind repeats.
func replay(t testing.TB) (*walstream.Stream, int) {
	db := world(t)
	// The batch of the first row must not hold the COMMIT.
	stream := open(t, db, walstream.WithOption("batch.max_events", "1000"))
	db.Exec("INSERT INTO account SELECT i, 'name ' || i, NULL FROM generate_series(1, 2000) i")
	nextOf(t, stream, walstream.Insert)
	for left := stream.Mark() - 1; left > 0; left-- {
		if event, err := stream.Next(deadline(t)); err != nil || event.Kind() != walstream.Insert {
			t.Fatal(event, err)
		}
	}
	return stream, stream.Rewind()
}

// What a host does with a row: its key as a number, its text without a copy.
func touch(event *walstream.Event) int {
	row := event.New()
	id, err := row.Value(0).Int64()
	if err != nil {
		panic(err)
	}
	return int(id) + len(row.Value(1).Text())
}

var sum int

func BenchmarkNext(b *testing.B) {
	stream, left := replay(b)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if left == 0 {
			left = stream.Rewind()
		}
		event, err := stream.Next(ctx)
		if err != nil {
			b.Fatal(err)
		}
		left--
		sum += touch(event)
	}
}

func BenchmarkEvents(b *testing.B) {
	stream, left := replay(b)
	n := 0
	b.ReportAllocs()
	b.ResetTimer()
	for event, err := range stream.Events(context.Background()) {
		if err != nil {
			b.Fatal(err)
		}
		sum += touch(event)
		if n++; n == b.N {
			break
		}
		if left--; left == 0 {
			left = stream.Rewind()
		}
	}
}

func BenchmarkScanStruct(b *testing.B) {
	stream, _ := replay(b)
	event, err := stream.Next(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	var account struct {
		ID int64 `wal:"id"`
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if err := event.New().ScanStruct(&account); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	stream, _ := replay(b)
	event, err := stream.Next(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	line := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		if line, err = event.AppendJSON(line[:0]); err != nil {
			b.Fatal(err)
		}
	}
}

// The benchmarks in one number that can fail.
func TestTheHotPathAllocatesNothing(t *testing.T) {
	// Rounds enough to count allocations by; the time they take is nobody's business here.
	benchtime := flag.Lookup("test.benchtime").Value
	before := benchtime.String()
	defer func() { _ = benchtime.Set(before) }()
	if err := benchtime.Set("5000x"); err != nil {
		t.Fatal(err)
	}
	for name, benchmark := range map[string]func(*testing.B){
		"Next": BenchmarkNext, "Events": BenchmarkEvents, "ScanStruct": BenchmarkScanStruct, "AppendJSON": BenchmarkAppendJSON,
	} {
		result := testing.Benchmark(func(b *testing.B) {
			benchmark(b)
			if b.Failed() {
				t.Error(name, "failed")
			}
		})
		if result.N < 1000 || result.AllocsPerOp() != 0 {
			t.Errorf("%s: %v, %v", name, result, result.MemString())
		}
	}
}

// With batches that come from the server, too: what is allocated does not grow with the events.
func TestALiveStreamAllocatesNothingForEachEvent(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	const rows = 100_000
	db.Exec("INSERT INTO account SELECT i, 'name ' || i, NULL FROM generate_series(1, 100000) i")
	nextOf(t, stream, walstream.Insert)
	// A host that is quicker than the server gets small batches, and each costs a little.
	live.Eventually(t, "the queue is well filled", func() bool { return stream.Stats().Events > rows/2 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	events := 1
	for event, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind() != walstream.Insert {
			break
		}
		sum += touch(event)
		events++
	}
	runtime.ReadMemStats(&after)
	if events != rows {
		t.Error(events, "events")
	}
	if made := after.Mallocs - before.Mallocs; made > rows/100 {
		t.Error(made, "allocations for", rows, "events")
	}
}
