package walstream_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"walstream"
)

// samples are types with values that have something to get wrong. Each becomes a column, each value a row.
var samples = map[string][]string{
	"bool":          {"true", "false"},
	"int2":          {"-32768", "32767"},
	"int4":          {"-2147483648", "0"},
	"int8":          {"-9223372036854775808", "9223372036854775807"},
	"oid":           {"4294967295"},
	"xid8":          {"'18446744073709551615'"},
	"float4":        {"0.1", "'-Infinity'", "3.4028235e38", "1e-45"},
	"float8":        {"0.1", "'Infinity'", "1.7976931348623157e308", "5e-324"},
	"numeric":       {"0", "0.00", "-0.00010", "1e20", "12345678901234567890.123456789", "9999", "10000", "-10000.5", "1e-20", "'NaN'"},
	"numeric(20,5)": {"1.5", "123456.78901"},
	"text":          {"''", "'Grüße'", `E'\\"'`},
	"varchar(9)":    {"'nine'"},
	"char(5)":       {"'ab'"},
	`"char"`:        {"'x'"},
	"name":          {"'n'"},
	"bytea":         {`'\x'`, `'\x00ff5c'`},
	"date":          {"'2024-02-29'", "'0044-03-15 BC'", "'infinity'", "'-infinity'", "'5874897-12-31'", "'1999-12-31'"},
	"timestamp":     {"'2024-02-29 12:34:56.789012'", "'4713-01-01 00:00:00 BC'", "'infinity'", "'294276-12-31 23:59:59.999999'", "'1969-12-31 23:59:59.999999'"},
	"timestamptz":   {"'2024-02-29 12:34:56.7+05:30'", "'-infinity'", "'0001-01-01 00:00:00+00'", "'2000-01-01 00:00:00+00'"},
	"time":          {"'00:00:00'", "'24:00:00'", "'12:34:56.000001'"},
	"interval":      {"'1 year 2 mons -3 days 04:05:06.789'", "'-00:00:01'", "'0'", "'-14 mons +3 days -1:00'", "'99999:00:00'"},
	"uuid":          {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"},
	"json":          {`'{"a": [1, null]}'`, "'1'"},
	"jsonb":         {`'{"a": [1, null]}'`, "'null'"},
	"xml":           {"'<a/>'"},
	"inet":          {"'10.0.0.1'", "'10.0.0.1/8'", "'::1'", "'fe80::/10'"},
	"cidr":          {"'10.0.0.0/8'", "'::/0'"},
	"macaddr":       {"'08:00:2b:01:02:03'"},
	"macaddr8":      {"'08:00:2b:01:02:03:04:05'"},
	"pg_lsn":        {"'16/B374D848'"},
	"bit(3)":        {"B'101'"},
	"varbit":        {"B''", "B'101010101'"},
	"int4[]":        {"'{}'", "'{1,NULL,3}'", "'{{1,2},{3,4}}'", "'[0:1]={1,2}'"},
	"text[]":        {`'{"a,b",NULL,"NULL","","\"\\"," "}'`},
	"numeric[]":     {"'{1.50,-0.001}'"},
	"timestamptz[]": {"'{2024-02-29 12:00:00+00,infinity}'"},
	"bool[]":        {"'{t,f}'"},
	"bytea[]":       {`'{"\\x00ff"}'`},
	"uuid[]":        {"'{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'"},
	"jsonb[]":       {`ARRAY['{"a": "b,\"c"}'::jsonb]`},
	"ws_mood":       {"'sad'"},
	"ws_age":        {"7"},
	"ws_label":      {"'x'"},
	"ws_positive[]": {"'{1}'"},
}

// strungs are those of which Any makes a string.
var strungs = []string{"numeric", "numeric(20,5)", "text", "varchar(9)", "char(5)", `"char"`, "name", "xml", "bit(3)", "varbit",
	"ws_mood", "ws_label", "ws_positive[]"}

// read gives Any of each sample, in one form.
func read(t *testing.T, options ...walstream.Option) map[string]any {
	db := world(t, "CREATE TYPE ws_mood AS ENUM ('sad'); CREATE DOMAIN ws_age AS int4; CREATE DOMAIN ws_label AS text; CREATE DOMAIN ws_positive AS int4")
	for name, values := range samples {
		db.Exec("CREATE TABLE sample (id int, v " + name + ")")
		for i, value := range values {
			db.Exec(fmt.Sprintf("INSERT INTO sample VALUES (%d, %s)", i, value))
		}
		db.Exec(`ALTER TABLE sample RENAME TO "s ` + strings.ReplaceAll(name, `"`, `""`) + `"`)
	}
	end, err := walstream.ParseLSN(db.Query("SELECT pg_current_wal_insert_lsn()")[0][0])
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]any)
	tables := make(map[uint32]string)
	for _, row := range db.Query("SELECT oid, substr(relname, 3) FROM pg_class WHERE relname LIKE 's %'") {
		var oid uint32
		fmt.Sscan(row[0], &oid)
		tables[oid] = row[1]
	}
	stream := open(t, db, append(options, walstream.WithStopLSN(end))...)
	for event, err := range stream.Events(deadline(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Kind() != walstream.Insert {
			continue
		}
		id, err := event.New().Value(0).Int64()
		if err != nil {
			t.Fatal(err)
		}
		name := tables[event.Relation().OID]
		key := name + ": " + samples[name][id]
		if got[key], err = event.New().Value(1).Any(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	return got
}

func TestAnyIsTheSameFromBothForms(t *testing.T) {
	text, binary := read(t), read(t, walstream.WithBinary())
	count := 0
	for name, values := range samples {
		for _, value := range values {
			key := name + ": " + value
			count++
			if _, isString := text[key].(string); isString != slices.Contains(strungs, name) || text[key] == nil {
				t.Errorf("%s: %#v", key, text[key])
			}
			if name == "ws_mood" || name == "ws_positive[]" {
				continue // OIDs of their own: bytes
			}
			if !same(text[key], binary[key]) {
				t.Errorf("%s: from text %#v, from binary %#v", key, text[key], binary[key])
			}
		}
	}
	if len(text) != count || len(binary) != count {
		t.Error(len(text), len(binary), "of", count)
	}
	if text["ws_age: 7"] != int32(7) {
		t.Errorf("a domain: %#v", text["ws_age: 7"])
	}
	if text["numeric: -0.00010"] != "-0.00010" || text["numeric: 1e20"] != "100000000000000000000" {
		t.Errorf("%#v %#v", text["numeric: -0.00010"], text["numeric: 1e20"])
	}
}

// jsonb[] keeps its elements as RawMessage, which == cannot compare; times are equal by instant and in UTC both.
func same(a, b any) bool {
	if x, ok := a.(time.Time); ok {
		y, ok := b.(time.Time)
		return ok && x.Equal(y) && x.Location() == y.Location()
	}
	return reflect.DeepEqual(a, b)
}

func TestRowScan(t *testing.T) {
	db := world(t)
	stream := open(t, db)
	db.Exec("INSERT INTO account VALUES (7, 'Ada', NULL)")
	row := nextOf(t, stream, walstream.Insert).New()
	var id int
	var name string
	note := new(string)
	if err := row.Scan(&id, &name, &note); err != nil || id != 7 || name != "Ada" || note != nil {
		t.Error(err, id, name, note)
	}
	if err := row.Scan(nil, &name, nil); err != nil {
		t.Error(err)
	}
	if err := row.Scan(&id); !errors.Is(err, walstream.ErrArgument) {
		t.Error(err)
	}
	if err := row.Scan(&id, &name, &name); !errors.Is(err, walstream.ErrNull) || !strings.Contains(err.Error(), "public.account.note") {
		t.Error(err)
	}
	if value, ok := row.Get("name"); !ok || value.Text() != "Ada" {
		t.Error(value, ok)
	}
	if _, ok := row.Get("Name"); ok {
		t.Error("names are exact")
	}
	if string(row.Bytes(1)) != "Ada" || row.Bytes(2) != nil {
		t.Error(row.Bytes(1), row.Bytes(2))
	}
}

type base struct {
	ID int64 `wal:"id"`
}

type document struct {
	base
	Title string  `wal:"title"`
	Body  *string `wal:"body,keep"`
	Later string  `wal:"later,optional"`
	Other int
}

func TestScanStruct(t *testing.T) {
	db := world(t, "CREATE TABLE document (id int8 PRIMARY KEY, body text, title text); ALTER TABLE document ALTER body SET STORAGE EXTERNAL")
	stream := open(t, db)
	db.Exec("INSERT INTO document VALUES (1, repeat('x', 4000), 'a')", "UPDATE document SET title = 'b'",
		"ALTER TABLE document ADD later text NOT NULL DEFAULT 'here'", "UPDATE document SET id = 2", "DELETE FROM document")
	var found document
	if err := nextOf(t, stream, walstream.Insert).New().ScanStruct(&found); err != nil {
		t.Fatal(err)
	}
	if found.ID != 1 || found.Title != "a" || len(*found.Body) != 4000 || found.Later != "" {
		t.Errorf("%+v", found)
	}

	update := nextOf(t, stream, walstream.Update)
	if value, _ := update.New().Get("body"); !value.IsUnchanged() || value.IsNull() {
		t.Error(value)
	}
	if err := update.New().ScanStruct(&found); err != nil || found.Title != "b" || len(*found.Body) != 4000 {
		t.Errorf("%v %+v", err, found)
	}
	var strict struct {
		Body *string `wal:"body"`
	}
	if err := update.New().ScanStruct(&strict); !errors.Is(err, walstream.ErrUnchanged) {
		t.Error(err)
	}
	if err := update.Old().ScanStruct(&found); !errors.Is(err, walstream.ErrState) {
		t.Error(err)
	}

	// The column that was added, under a new definition of the relation; the old key.
	update = nextOf(t, stream, walstream.Update)
	if err := update.New().ScanStruct(&found); err != nil || found.ID != 2 || found.Later != "here" {
		t.Errorf("%v %+v", err, found)
	}
	if err := update.Old().ScanStruct(&found); err != nil || found.ID != 1 || found.Later != "here" {
		t.Errorf("%v %+v", err, found)
	}

	gone := nextOf(t, stream, walstream.Delete).Old()
	var missing struct {
		X int `wal:"x"`
	}
	var hidden struct {
		x int `wal:"id"`
	}
	var misspelt struct {
		ID int `wal:"id,kep"`
	}
	var number int
	for _, dest := range []any{&missing, &hidden, &misspelt, &struct{}{}, found, (*document)(nil), &number, nil} {
		if err := gone.ScanStruct(dest); !errors.Is(err, walstream.ErrArgument) {
			t.Errorf("%T: %v", dest, err)
		}
	}
	_ = hidden.x
}
