// Cgo is the Go host of the benchmark, as benches/host.c is the C one: every value of every row touched, first byte and last.
//
//	cgo CONNINFO SLOT PUBLICATION END_LSN
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"

	"walstream"
)

// Events before allocations are counted: by then everything is warm.
const warm = 10_000

func touch(row walstream.Row) uint64 {
	var sum uint64
	for i := range row.Len() {
		value := row.Bytes(i)
		sum += uint64(len(value))
		if len(value) > 0 {
			sum += uint64(value[0]) + uint64(value[len(value)-1])
		}
	}
	return sum
}

func run(conninfo, slot, publication string, end walstream.LSN) error {
	ctx := context.Background()
	stream, err := walstream.Open(ctx, conninfo, walstream.WithSlot(slot), walstream.WithPublications(publication))
	if err != nil {
		return err
	}
	defer stream.Close()
	var before, after runtime.MemStats
	var events, sum uint64
	for event, err := range stream.Events(ctx) {
		if err != nil {
			return err
		}
		if events++; events == warm {
			runtime.ReadMemStats(&before)
		}
		sum += uint64(event.CommitLSN()) + event.Seq() + touch(event.Old()) + touch(event.New())
		if ack := event.AckLSN(); ack != 0 && ack >= end {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if events < 2*warm {
		before.Mallocs = after.Mallocs
	}
	fmt.Printf("events=%d mallocs=%d sum=%x\n", events, after.Mallocs-before.Mallocs, sum)
	return nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: cgo CONNINFO SLOT PUBLICATION END_LSN")
		os.Exit(2)
	}
	end, err := walstream.ParseLSN(os.Args[4])
	if err == nil {
		err = run(os.Args[1], os.Args[2], os.Args[3], end)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cgo:", err)
		os.Exit(1)
	}
}
