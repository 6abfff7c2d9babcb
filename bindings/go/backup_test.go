package walstream_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"walstream"
	"walstream/internal/live"
)

// tablespace makes one in the server's file system, with a table in it.
func tablespace(t *testing.T, db *live.DB) walstream.TablespaceDetail {
	t.Helper()
	location := "/tmp/" + db.Slot + "space"
	// The server's own process makes it: it has to be its owner.
	db.Exec("COPY (SELECT WHERE false) TO PROGRAM 'mkdir "+location+"'", "CREATE TABLESPACE "+db.Slot+"space LOCATION '"+location+"'",
		"CREATE TABLE elsewhere (a int) TABLESPACE "+db.Slot+"space")
	t.Cleanup(func() {
		db.Exec("DROP TABLE elsewhere", "DROP TABLESPACE "+db.Slot+"space", "COPY (SELECT WHERE false) TO PROGRAM 'rmdir "+location+"'")
	})
	oid, err := strconv.ParseUint(db.Query("SELECT oid FROM pg_tablespace WHERE spcname = '" + db.Slot + "space'")[0][0], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return walstream.TablespaceDetail{OID: uint32(oid), Location: location}
}

func TestABaseBackup(t *testing.T) {
	db := live.New(t)
	other := tablespace(t, db)
	stream, err := walstream.StartBackup(deadline(t), db.Conninfo, walstream.WithOption("backup.checkpoint", "fast"))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()

	files := make(map[string]*bytes.Buffer)
	var file *bytes.Buffer
	var events []*walstream.Event
	var details []any
	var lines []string
	var archives []walstream.TablespaceDetail
	for event, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		switch event.Kind() {
		case walstream.BackupData:
			file.Write(event.Payload())
			continue
		case walstream.ArchiveBegin:
			archives = append(archives, event.Detail().(walstream.TablespaceDetail))
			fallthrough
		case walstream.ManifestBegin:
			file = new(bytes.Buffer)
			files[strings.Clone(event.Name())] = file
		}
		line, err := event.JSON()
		if err != nil {
			t.Fatal(err)
		}
		events, details, lines = append(events, event.Clone().Clone()), append(details, event.Detail()), append(lines, string(line))
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}

	for i, event := range events {
		if !reflect.DeepEqual(event.Detail(), details[i]) {
			t.Errorf("%v was %v", event.Detail(), details[i])
		}
		if line, err := event.JSON(); err != nil || string(line) != lines[i] {
			t.Errorf("%s was %s: %v", line, lines[i], err)
		}
	}
	first, last := events[0], events[len(events)-1]
	start, _ := first.Detail().(walstream.BackupDetail)
	if first.Kind() != walstream.BackupStart || start.Timeline != 1 || !slices.Equal(start.Tablespaces, archives) {
		t.Errorf("%v %+v, and archives of %+v", first, start, archives)
	}
	if end, _ := last.Detail().(walstream.BackupDetail); last.Kind() != walstream.BackupEnd || end.Timeline != 1 || end.Tablespaces != nil ||
		last.LSN() <= first.LSN() {
		t.Errorf("%v %+v at %v", last, end, last.LSN())
	}
	var data, space bool
	for _, archive := range archives {
		data = data || archive.OID == 0 && archive.Location == "" && archive.Size > 0
		space = space || archive.OID == other.OID && archive.Location == other.Location
	}
	if !data || !space {
		t.Errorf("archives of %+v, not of %+v", archives, other)
	}
	progress := slices.IndexFunc(events, func(event *walstream.Event) bool {
		detail, _ := event.Detail().(walstream.ProgressDetail)
		return detail.Done > 0 && detail.Total > 0
	})
	if progress < 0 {
		t.Error("nothing tells how far it is")
	}

	if manifest := files["backup_manifest"]; manifest == nil || !strings.Contains(manifest.String(), "PostgreSQL-Backup-Manifest-Version") {
		t.Error("no manifest among", len(files), "files")
	}
	names := make(map[string]bool)
	archive := tar.NewReader(files["base.tar"])
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names[header.Name] = true
	}
	if !names["backup_label"] || !names["global/pg_control"] {
		t.Error("not a data directory's archive:", names)
	}
}

func TestABackupCanBeClosed(t *testing.T) {
	db := live.New(t)
	stream, err := walstream.StartBackup(deadline(t), db.Conninfo, walstream.WithOption("backup.checkpoint", "fast"),
		walstream.WithOption("backup.max_rate_kb", "32"))
	if err != nil {
		t.Fatal(err)
	}
	nextOf(t, stream, walstream.BackupData)
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Next(context.Background()); !errors.Is(err, walstream.ErrClosed) {
		t.Error(err)
	}
}

func TestABackupThatDoesNotStart(t *testing.T) {
	db := live.New(t)
	for _, option := range []walstream.Option{walstream.WithOption("nonsense", "1"), walstream.WithOption("backup.label", "a\x00b")} {
		if stream, err := walstream.StartBackup(deadline(t), db.Conninfo, option); stream != nil || !errors.Is(err, walstream.ErrArgument) {
			t.Error(err)
		}
	}
	if _, err := walstream.StartBackup(deadline(t), "host=127.0.0.1 port=1 user=u dbname=d"); !errors.Is(err, walstream.ErrConnect) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := walstream.StartBackup(ctx, db.Conninfo); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
