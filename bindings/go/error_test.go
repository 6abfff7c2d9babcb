package walstream_test

import (
	"errors"
	"strings"
	"testing"

	"walstream"
	"walstream/internal/live"
)

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
	stream := open(t, db, walstream.WithOption("retry.initial_ms", "1000"))
	live.Eventually(t, "the slot is dropped", func() bool {
		// While the stream waits before it comes back. One that was quicker is ended again.
		db.EndWalsenders()
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
