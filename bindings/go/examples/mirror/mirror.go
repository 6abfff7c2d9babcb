package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"walstream"
)

// Account is a row of the table that is mirrored.
type Account struct {
	ID   int64   `wal:"id" json:"id"`
	Name string  `wal:"name" json:"name"`
	Note *string `wal:"note,keep" json:"note"` // an update that does not touch a long note does not send it
}

// Mirror is a table as a map. What readers see is always the state after some commit.
type Mirror struct {
	table string // schema.name
	file  string

	mu       sync.RWMutex
	accounts map[int64]Account
	position string
	last     walstream.LSN

	// Of the transaction that is being read: what becomes of each key. nil is gone. The stream's goroutine only.
	changes map[int64]*Account
}

// saved is the file: the rows, how far they are, and of which transaction the last is.
type saved struct {
	Position string        `json:"position"`
	Last     walstream.LSN `json:"last"`
	Accounts []Account     `json:"accounts"`
}

// Load makes a mirror of what was saved; no file is an empty table.
func Load(table, file string) (*Mirror, error) {
	m := &Mirror{table: table, file: file, accounts: make(map[int64]Account), changes: make(map[int64]*Account)}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	var was saved
	if err := json.Unmarshal(text, &was); err != nil {
		return nil, err
	}
	for _, account := range was.Accounts {
		m.accounts[account.ID] = account
	}
	m.position, m.last = was.Position, was.Last
	return m, nil
}

// Get is the row of this key.
func (m *Mirror) Get(id int64) (Account, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	account, found := m.accounts[id]
	return account, found
}

// All is a copy of the table.
func (m *Mirror) All() map[int64]Account {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return maps.Clone(m.accounts)
}

// Run follows the table until ctx is done. After any end, a crash too, it goes on from the file.
func (m *Mirror) Run(ctx context.Context, conninfo string, options ...walstream.Option) error {
	if m.position != "" {
		options = append(options, walstream.WithStartPosition(m.position))
	}
	stream, err := walstream.Open(ctx, conninfo, options...)
	if err != nil {
		return err
	}
	defer stream.Close()
	clear(m.changes)
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		// What is in the file already comes again when the crash was between saving and acknowledging.
		if event.CommitLSN() > m.last {
			if err := m.apply(event); err != nil {
				return err
			}
			if event.Kind() == walstream.Commit {
				if err := m.commit(stream, event); err != nil {
					return err
				}
			}
		}
		if lsn := event.AckLSN(); lsn != 0 {
			if err := stream.Ack(lsn); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *Mirror) apply(event *walstream.Event) error {
	switch event.Kind() {
	case walstream.Truncate:
		for _, relation := range event.Truncated() {
			if relation.String() == m.table {
				m.truncate()
			}
		}
	case walstream.Insert, walstream.Update, walstream.Delete:
		if event.Relation().String() == m.table {
			return m.applyRow(event)
		}
	}
	return nil
}

func (m *Mirror) applyRow(event *walstream.Event) error {
	var account Account
	if event.OldKind() != walstream.OldNone {
		// The row as it was goes: deleted, or under another key from now on.
		var old Account
		if err := event.Old().ScanStruct(&old); err != nil {
			return err
		}
		account = m.current(old.ID)
		m.changes[old.ID] = nil
	} else if event.Kind() == walstream.Update {
		// Fields that are kept are kept from here.
		id, _ := event.New().Get("id")
		key, err := id.Int64()
		if err != nil {
			return err
		}
		account = m.current(key)
	}
	if event.Kind() != walstream.Delete {
		if err := event.New().ScanStruct(&account); err != nil {
			return err
		}
		m.changes[account.ID] = &account
	}
	return nil
}

// current is a row as this transaction sees it.
func (m *Mirror) current(id int64) Account {
	if changed, ok := m.changes[id]; ok {
		if changed == nil {
			return Account{}
		}
		return *changed
	}
	account, _ := m.Get(id)
	return account
}

func (m *Mirror) truncate() {
	clear(m.changes)
	for id := range m.All() {
		m.changes[id] = nil
	}
}

// commit shows the transaction to readers and saves it; then it may be acknowledged.
func (m *Mirror) commit(stream *walstream.Stream, event *walstream.Event) error {
	position, err := stream.Position()
	if err != nil {
		return err
	}
	m.mu.Lock()
	for id, account := range m.changes {
		if account == nil {
			delete(m.accounts, id)
		} else {
			m.accounts[id] = *account
		}
	}
	m.mu.Unlock()
	clear(m.changes)
	m.position, m.last = position, event.CommitLSN()
	return m.save()
}

// save replaces the file as a whole: it is the old one or the new one, never half of it.
func (m *Mirror) save() error {
	now := saved{Position: m.position, Last: m.last}
	for _, account := range m.accounts {
		now.Accounts = append(now.Accounts, account)
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(m.file), ".mirror-*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), m.file)
}
