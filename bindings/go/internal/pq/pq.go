// Package pq runs SQL through libpq: just enough for this module's tests.
package pq

// #cgo pkg-config: libpq
// #include <stdlib.h>
// #include <libpq-fe.h>
import "C"

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"
)

// Conn is one connection. One goroutine at a time.
type Conn struct {
	c *C.PGconn
}

// Connect waits for the connection.
func Connect(conninfo string) (*Conn, error) {
	text := C.CString(conninfo)
	defer C.free(unsafe.Pointer(text))
	conn := &Conn{C.PQconnectdb(text)}
	if C.PQstatus(conn.c) != C.CONNECTION_OK {
		defer conn.Close()
		return nil, conn.failure()
	}
	if _, err := conn.Query("SET client_min_messages = error"); err != nil {
		defer conn.Close()
		return nil, err
	}
	return conn, nil
}

// Close ends the connection.
func (c *Conn) Close() {
	C.PQfinish(c.c)
	c.c = nil
}

func (c *Conn) failure() error {
	return errors.New(strings.TrimSpace(C.GoString(C.PQerrorMessage(c.c))))
}

// Query runs one text, and gives the last result's rows as text. NULL is "".
func (c *Conn) Query(sql string) ([][]string, error) {
	text := C.CString(sql)
	defer C.free(unsafe.Pointer(text))
	result := C.PQexec(c.c, text)
	defer C.PQclear(result)
	if status := C.PQresultStatus(result); status != C.PGRES_COMMAND_OK && status != C.PGRES_TUPLES_OK {
		return nil, fmt.Errorf("%w\n%s", c.failure(), sql)
	}
	rows := make([][]string, C.PQntuples(result))
	for i := range rows {
		rows[i] = make([]string, C.PQnfields(result))
		for j := range rows[i] {
			rows[i][j] = C.GoString(C.PQgetvalue(result, C.int(i), C.int(j)))
		}
	}
	return rows, nil
}

// WithDatabase is conninfo with another database.
func WithDatabase(conninfo, name string) (string, error) {
	text := C.CString(conninfo)
	defer C.free(unsafe.Pointer(text))
	options := C.PQconninfoParse(text, nil)
	if options == nil {
		return "", errors.New("bad conninfo")
	}
	defer C.PQconninfoFree(options)
	var parts []string
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	for option := options; option.keyword != nil; option = (*C.PQconninfoOption)(unsafe.Add(unsafe.Pointer(option), unsafe.Sizeof(*option))) {
		if key := C.GoString(option.keyword); option.val != nil && key != "dbname" {
			parts = append(parts, key+"='"+quote.Replace(C.GoString(option.val))+"'")
		}
	}
	return strings.Join(append(parts, "dbname='"+quote.Replace(name)+"'"), " "), nil
}
