// Conformance prints every event as a line of JSON, for the comparison of all hosts:
//
//	conformance CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE]...
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"

	"walstream"
)

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: conformance CONNINFO SLOT PUBLICATION STOP_LSN [KEY=VALUE]...")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1], os.Args[2:5], os.Args[5:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, conninfo string, required, pairs []string) error {
	// As they were given: the names of publications are not quoted here.
	options := []walstream.Option{
		walstream.WithSlot(required[0]),
		walstream.WithOption("publication", required[1]),
		walstream.WithOption("stop_lsn", required[2]),
	}
	for _, pair := range pairs {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("%q is not KEY=VALUE", pair)
		}
		options = append(options, walstream.WithOption(key, value))
	}
	stream, err := walstream.Open(ctx, conninfo, options...)
	if err != nil {
		return err
	}
	defer stream.Close()

	out := bufio.NewWriter(os.Stdout)
	var line []byte
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		if line, err = event.AppendJSON(line[:0]); err != nil {
			return err
		}
		if _, err := out.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return stream.Close()
}
