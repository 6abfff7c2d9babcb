// Mirror keeps a Go map in step with a table, and goes on where it was after a restart:
//
//	CREATE TABLE account (id bigint PRIMARY KEY, name text NOT NULL, note text);
//	CREATE PUBLICATION accounts FOR TABLE account;
//
//	mirror CONNINFO SLOT PUBLICATION SCHEMA.TABLE FILE
//
// The slot is made at the first start. Rows that are older than the slot are not in the stream: begin with an empty table, or touch
// them once (UPDATE account SET id = id). Each commit is saved to FILE before it is acknowledged.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"walstream"
)

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: mirror CONNINFO SLOT PUBLICATION SCHEMA.TABLE FILE")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	mirror, err := Load(args[3], args[4])
	if err != nil {
		return err
	}
	go report(ctx, mirror)
	return mirror.Run(ctx, args[0], walstream.WithSlot(args[1]), walstream.WithPublications(args[2]), walstream.WithCreateSlot())
}

// report stands for the rest of the program: it reads the map while the stream writes it.
func report(ctx context.Context, mirror *Mirror) {
	for ctx.Err() == nil {
		fmt.Printf("%d accounts\n", len(mirror.All()))
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}
