// Tail prints what changes, and acknowledges what it printed.
//
//	tail [-create] CONNINFO SLOT PUBLICATION [KEY=VALUE]...
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"walstream"
)

func main() {
	create := flag.Bool("create", false, "make the slot if it is not there")
	flag.Parse()
	if flag.NArg() < 3 {
		fmt.Fprintln(os.Stderr, "usage: tail [-create] CONNINFO SLOT PUBLICATION [KEY=VALUE]...")
		os.Exit(2)
	}
	options := []walstream.Option{
		walstream.WithSlot(flag.Arg(1)),
		walstream.WithPublications(flag.Arg(2)),
		walstream.WithLogger(slog.New(slog.NewTextHandler(os.Stderr, nil))),
	}
	if *create {
		options = append(options, walstream.WithCreateSlot())
	}
	for _, pair := range flag.Args()[3:] {
		key, value, _ := strings.Cut(pair, "=")
		options = append(options, walstream.WithOption(key, value))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := tail(ctx, flag.Arg(0), options); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func tail(ctx context.Context, conninfo string, options []walstream.Option) error {
	stream, err := walstream.Open(ctx, conninfo, options...)
	if err != nil {
		return err
	}
	defer stream.Close()

	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		write(out, event)
		if lsn := event.AckLSN(); lsn != 0 {
			// It must be out before the server may forget it.
			if err := out.Flush(); err != nil {
				return err
			}
			if err := stream.Ack(lsn); err != nil {
				return err
			}
		}
	}
	return nil
}

func write(out *bufio.Writer, event *walstream.Event) {
	fmt.Fprintf(out, "%-12s %v/%d", event.Kind(), event.CommitLSN(), event.Seq())
	if relation := event.Relation(); relation != nil {
		fmt.Fprintf(out, " %v", relation)
	}
	for _, relation := range event.Truncated() {
		fmt.Fprintf(out, " %v", relation)
	}
	if name := event.Name(); name != "" {
		fmt.Fprintf(out, " %q", name)
	}
	if payload := event.Payload(); payload != nil {
		fmt.Fprintf(out, " %q", payload)
	}
	writeRow(out, " old:", event.Old())
	writeRow(out, "", event.New())
	out.WriteByte('\n')
}

func writeRow(out *bufio.Writer, title string, row walstream.Row) {
	if row.Len() == 0 {
		return
	}
	out.WriteString(title)
	for column, value := range row.All() {
		switch value.Kind() {
		case walstream.NotSent:
		case walstream.Text:
			fmt.Fprintf(out, " %s=%q", column.Name, value.Text())
		default:
			fmt.Fprintf(out, " %s=%v", column.Name, value)
		}
	}
}
