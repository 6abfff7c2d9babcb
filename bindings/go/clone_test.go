package walstream_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"runtime"
	"testing"

	"walstream"
	"walstream/internal/live"
)

// allKinds makes a server send most kinds of events.
func allKinds(db *live.DB) {
	db.Exec(`BEGIN; INSERT INTO account VALUES (1, 'Ada', 'x'), (2, E'"\\\n\u20ac', NULL);
		UPDATE account SET id = 3 WHERE id = 2; DELETE FROM account WHERE id = 3;
		SELECT pg_logical_emit_message(true, 'prefix', 'content'); COMMIT`,
		"SELECT pg_logical_emit_message(false, '', '')",
		"CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE feeling (id int PRIMARY KEY, mood mood)",
		"INSERT INTO feeling VALUES (1, 'sad')",
		"TRUNCATE account, feeling",
		"SELECT pg_replication_origin_create('"+db.Slot+"'); SELECT pg_replication_origin_session_setup('"+db.Slot+"')",
		"BEGIN; SELECT pg_replication_origin_xact_setup('0/ABC', now()); INSERT INTO account VALUES (4, 'away', NULL); COMMIT",
		"SELECT pg_replication_origin_session_reset(); SELECT pg_replication_origin_drop('"+db.Slot+"')")
}

func TestAClonedEventStays(t *testing.T) {
	for _, form := range []string{"text", "binary"} {
		t.Run(form, func(t *testing.T) {
			db := world(t)
			allKinds(db)
			end, err := walstream.ParseLSN(db.Query("SELECT pg_current_wal_insert_lsn()")[0][0])
			if err != nil {
				t.Fatal(err)
			}
			options := []walstream.Option{walstream.WithMessages(), walstream.WithStopLSN(end)}
			if form == "binary" {
				options = append(options, walstream.WithBinary())
			}
			stream := open(t, db, options...)
			var clones []*walstream.Event
			var lines []string
			var details []any
			kinds := make(map[walstream.Kind]bool)
			for event, err := range stream.Events(deadline(t)) {
				if err != nil {
					t.Fatal(err)
				}
				line, err := event.JSON()
				if err != nil {
					t.Fatal(err)
				}
				clones = append(clones, event.Clone().Clone())
				lines = append(lines, string(line))
				details = append(details, event.Detail())
				kinds[event.Kind()] = true
			}
			for _, kind := range []walstream.Kind{walstream.Begin, walstream.Insert, walstream.Update, walstream.Delete, walstream.Truncate,
				walstream.Message, walstream.RelationChange, walstream.TypeChange, walstream.Origin, walstream.Commit} {
				if !kinds[kind] {
					t.Errorf("no %v came", kind)
				}
			}
			if err := stream.Close(); err != nil {
				t.Fatal(err)
			}
			stream = nil
			runtime.GC()
			runtime.GC()
			for i, clone := range clones {
				if line, err := clone.JSON(); err != nil || string(line) != lines[i] {
					t.Errorf("%s, %v\nwas %s", line, err, lines[i])
				}
				if !json.Valid([]byte(lines[i])) {
					t.Error(lines[i])
				}
				if detail := clone.Detail(); !reflect.DeepEqual(detail, details[i]) {
					t.Errorf("%v was %v", detail, details[i])
				}
			}
		})
	}
}

func TestJSONOfAnEventThatIsOver(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account VALUES (1, 'n', NULL)")
	event := nextOf(t, stream, walstream.Insert)
	room := make([]byte, 5, 2000)
	line, err := event.AppendJSON(room)
	if err != nil || &line[0] != &room[0] || !json.Valid(line[5:]) {
		t.Errorf("%s %v", line, err)
	}
	// Room for the line, but not for C's NUL.
	for _, spare := range []int{-1, 0, 1} {
		tight, err := event.AppendJSON(make([]byte, 0, len(line)-5+spare))
		if err != nil || string(tight) != string(line[5:]) {
			t.Errorf("%d to spare: %q %v", spare, tight, err)
		}
	}
	stream.Close()
	_, _ = stream.Next(deadline(t))
	if line, err := json.Marshal(event); !errors.Is(err, walstream.ErrState) {
		t.Errorf("%s %v", line, err)
	}
}
