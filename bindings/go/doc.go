// Package walstream reads PostgreSQL's replication stream: committed changes, in order, nothing lost and nothing twice.
//
//	stream, err := walstream.Open(ctx, "host=db dbname=shop",
//		walstream.WithSlot("orders"), walstream.WithPublications("shop"))
//	if err != nil {
//		return err
//	}
//	defer stream.Close()
//	for event, err := range stream.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		store(event) // make it safe
//		if lsn := event.AckLSN(); lsn != 0 {
//			stream.Ack(lsn) // the server may forget it
//		}
//	}
//
// It is a thin layer over the C library libwalstream, found by pkg-config; the build tag walstream_static links it
// statically. The library reads, decodes and reconnects on a thread of its own; a goroutine that waits for events holds none.
// A batch of events crosses from C to Go in one call, and Go then reads the library's memory where it is. Hence the one rule: an
// [Event], and every [Row], [Value], string and slice taken from it, is valid until the stream moves on to the next event or is
// closed. [Event.Clone] keeps one. What
// is copied says so: [Value.Any], [Row.Scan], [Value.String].
package walstream
