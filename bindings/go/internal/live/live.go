// Package live gives a test a database of its own on the server that WALSTREAM_TEST_CONNINFO names, and leaves nothing of it.
package live

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"walstream/internal/pq"
)

// DB is a database, with a connection to it and the name for its slots.
type DB struct {
	Conninfo string
	// Slot begins with the database's name, so that it goes with the database.
	Slot string
	t    testing.TB
	conn *pq.Conn
	name string
}

var number atomic.Int32

// Wait is how long a test waits for what must come.
const Wait = 20 * time.Second

// New makes the database. Without a server the test is skipped.
func New(t testing.TB) *DB {
	t.Helper()
	server := os.Getenv("WALSTREAM_TEST_CONNINFO")
	if server == "" {
		t.Skip("WALSTREAM_TEST_CONNINFO is not set: it names a superuser of a server with wal_level=logical")
	}
	db := &DB{t: t, name: fmt.Sprintf("wsgo_%d_%d_", os.Getpid(), number.Add(1))}
	db.Slot = db.name
	admin := db.connect(server)
	defer admin.Close()
	db.run(admin, "CREATE DATABASE "+db.name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	t.Cleanup(func() { db.drop(server) })
	var err error
	if db.Conninfo, err = pq.WithDatabase(server, db.name); err != nil {
		t.Fatal(err)
	}
	db.conn = db.connect(db.Conninfo)
	t.Cleanup(func() { db.conn.Close() })
	return db
}

func (db *DB) connect(conninfo string) *pq.Conn {
	db.t.Helper()
	conn, err := pq.Connect(conninfo)
	if err != nil {
		db.t.Fatal(err)
	}
	return conn
}

func (db *DB) run(conn *pq.Conn, sql string) [][]string {
	db.t.Helper()
	rows, err := conn.Query(sql)
	if err != nil {
		db.t.Fatal(err)
	}
	return rows
}

// Exec runs each text, as a transaction of its own.
func (db *DB) Exec(texts ...string) {
	db.t.Helper()
	for _, text := range texts {
		db.run(db.conn, text)
	}
}

// Query gives the rows of a query, as text.
func (db *DB) Query(sql string) [][]string {
	db.t.Helper()
	return db.run(db.conn, sql)
}

// CreateSlot makes Slot, for pgoutput.
func (db *DB) CreateSlot() {
	db.t.Helper()
	db.Exec("SELECT pg_create_logical_replication_slot('" + db.Slot + "', 'pgoutput')")
}

// EndWalsenders cuts the replication connections.
func (db *DB) EndWalsenders() {
	db.t.Helper()
	db.Exec("SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE starts_with(slot_name, '" + db.name + "')")
}

// Eventually waits until the condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Wait); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

// drop ends what still reads the slots: they outlive their connections and forbid dropping the database.
func (db *DB) drop(server string) {
	admin := db.connect(server)
	defer admin.Close()
	slots := " FROM pg_replication_slots WHERE starts_with(slot_name, '" + db.name + "') AND active_pid IS "
	Eventually(db.t, "the slots are gone", func() bool {
		db.run(admin, "SELECT pg_terminate_backend(active_pid)"+slots+"NOT NULL")
		// One that became active in between is for the next round.
		_, _ = admin.Query("SELECT pg_drop_replication_slot(slot_name)" + slots + "NULL")
		return len(db.run(admin, "SELECT 1 FROM pg_replication_slots WHERE starts_with(slot_name, '"+db.name+"')")) == 0
	})
	db.run(admin, "DROP DATABASE "+db.name+" WITH (FORCE)")
}
