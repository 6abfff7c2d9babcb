package walstream

// #include "native.h"
import "C"

import (
	"context"
	"io"
	"iter"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// Stream reads one replication slot, or a base backup ([StartBackup]). One goroutine at a time reads (Events, Next); every other method may be called
// from any goroutine at any moment.
type Stream struct {
	// Held for reading by every call into c, for writing by Close, which frees it.
	mu           sync.RWMutex
	c            *C.walstream_stream
	closed       atomic.Bool
	closeOnce    sync.Once
	closeErr     error
	closeTimeout time.Duration
	ready        *ready
	log          logHandle
	last         Stats

	// The reader's, whoever set reading.
	reading   atomic.Bool
	batch     *batch
	taken     C.walstream_go_batch
	tryTake   func(uintptr) bool // take: made once, it would be allocated for each wait
	next      unsafe.Pointer
	left      int
	stride    uintptr
	event     Event
	relations map[uint32]*Relation
}

// batch owns the library's batch that the reader is in. It stays where it is while batches come and go.
type batch struct {
	c *C.walstream_batch
}

func (b *batch) free() {
	C.walstream_batch_free(b.c)
	b.c = nil
}

// Open connects, checks server and slot, and starts to stream. ctx bounds only this.
func Open(ctx context.Context, conninfo string, options ...Option) (*Stream, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	settings := newSettings(options)
	stream := newStream(&settings)
	err := stream.open(conninfo, settings.pairs)
	if err == nil {
		err = stream.start(ctx, settings.start)
	}
	if err != nil {
		stream.abandon()
		return nil, err
	}
	return stream, nil
}

func newStream(settings *settings) *Stream {
	stream := &Stream{
		batch:        &batch{},
		relations:    make(map[uint32]*Relation),
		closeTimeout: settings.closeTimeout,
		log:          newLogHandle(settings.log),
	}
	stream.event.c = &noEvent
	stream.tryTake = stream.take
	return stream
}

func (s *Stream) open(conninfo string, pairs [][2]string) error {
	return configured(conninfo, pairs, s.log, func(text *C.char, config *C.walstream_config) error {
		var c *C.walstream_stream
		var cerr *C.walstream_error
		return s.made(c, takeError(C.walstream_open(text, config, &c, &cerr), cerr))
	})
}

// made takes what an opening gave.
func (s *Stream) made(c *C.walstream_stream, err error) error {
	s.c = c
	if err == nil {
		s.ready, err = newReady(c)
	}
	return err
}

func (s *Stream) start(ctx context.Context, lsn LSN) error {
	defer context.AfterFunc(ctx, s.wake)()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		var cerr *C.walstream_error
		code := C.walstream_start(s.c, C.uint64_t(lsn), &cerr)
		if code != C.WALSTREAM_WOKEN {
			return takeError(code, cerr)
		}
	}
}

// abandon frees a stream that nobody was given.
func (s *Stream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	C.walstream_free(s.c)
	s.c = nil
	s.ready.close()
	s.log.delete()
}

// Events ranges over what comes, for ever, until ctx is done, the stream fails (then the last pair has the error), stop_lsn is
// reached, or the loop is left; a later Events or Next goes on behind the last event. The event is valid in its round of the loop.
func (s *Stream) Events(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		if !s.reading.CompareAndSwap(false, true) {
			yield(nil, errBusy)
			return
		}
		defer s.reading.Store(false)
		// One registration for the whole loop; a look at the channel for each event.
		defer context.AfterFunc(ctx, s.wake)()
		done := ctx.Done()
		for {
			err := s.advance(ctx, done)
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&s.event, nil) {
				return
			}
		}
	}
}

func (s *Stream) advance(ctx context.Context, done <-chan struct{}) error {
	if s.closed.Load() {
		return s.leave()
	}
	select {
	case <-done:
		return ctx.Err()
	default:
	}
	if s.left > 0 {
		s.step()
		return nil
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if woken, err := s.fetch(true); err != nil || !woken {
			return err
		}
	}
}

// Next waits for the next event, which is valid until the next call. io.EOF: the stream came to its end (stop_lsn).
func (s *Stream) Next(ctx context.Context) (*Event, error) {
	if !s.reading.CompareAndSwap(false, true) {
		return nil, errBusy
	}
	defer s.reading.Store(false)
	if s.closed.Load() {
		return nil, s.leave()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.left > 0 {
		s.step()
		return &s.event, nil
	}
	// What is there already needs no watch over ctx.
	if woken, err := s.fetch(false); err != nil || !woken {
		return s.found(err)
	}
	defer context.AfterFunc(ctx, s.wake)()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if woken, err := s.fetch(true); err != nil || !woken {
			return s.found(err)
		}
	}
}

func (s *Stream) found(err error) (*Event, error) {
	if err != nil {
		return nil, err
	}
	return &s.event, nil
}

// step moves on inside the batch.
func (s *Stream) step() {
	c := (*C.walstream_event)(s.next)
	s.left--
	if s.left > 0 {
		s.next = unsafe.Add(s.next, s.stride)
	}
	s.event.set(c, s)
}

// fetch gives the batch back, takes the next one, and moves to its first event. True: nothing came, look around and call again.
func (s *Stream) fetch(wait bool) (bool, error) {
	s.event.set(&noEvent, nil)
	s.taken.code = C.WALSTREAM_TIMEOUT
	if !wait {
		s.take(0)
	} else if err := s.ready.wait(s.tryTake); err != nil && !s.closed.Load() {
		return false, err
	}
	next := &s.taken
	switch next.code {
	case C.WALSTREAM_OK:
		s.next, s.left, s.stride = unsafe.Pointer(next.events), int(next.count), uintptr(next.stride)
		s.step()
		return false, nil
	case C.WALSTREAM_TIMEOUT, C.WALSTREAM_WOKEN:
		if s.closed.Load() {
			return false, s.leave()
		}
		return true, nil
	case C.WALSTREAM_END:
		return false, io.EOF
	default:
		return false, takeError(next.code, next.error)
	}
}

// take gives the batch back and takes what is there, whatever the descriptor. False: nothing yet.
func (s *Stream) take(uintptr) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	// After Close, which wakes whoever waits.
	if s.c == nil {
		return true
	}
	s.taken = C.walstream_go_next(s.c, s.batch.c, 0)
	s.batch.c = s.taken.batch
	return s.taken.code != C.WALSTREAM_TIMEOUT
}

// leave is a read after Close: what the reader still had is over.
func (s *Stream) leave() error {
	s.event.set(&noEvent, nil)
	s.left = 0
	s.batch.free()
	return errClosed
}

// relation finds or makes Go's view of a definition. A table has one version at a time, so the map stays small.
func (s *Stream) relation(c *C.walstream_relation) *Relation {
	if found := s.relations[uint32(c.oid)]; found != nil && found.Version == uint64(c.version) {
		return found
	}
	made := newRelation(c)
	s.relations[made.OID] = made
	return made
}

// wake ends a wait in C; the reader then looks why.
func (s *Stream) wake() {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c != nil {
		C.walstream_wake(s.c)
	}
}

// Ack says that everything up to and including lsn, an [Event.AckLSN], is safe: the server may forget it, and a later process goes on
// behind it. It never waits.
func (s *Stream) Ack(lsn LSN) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == nil {
		return errClosed
	}
	result := C.walstream_go_ack(s.c, C.uint64_t(lsn))
	return takeError(result.code, result.error)
}

// Position is where the host stands, with the identity of the server: a text to save for [WithStartPosition] of a later process.
func (s *Stream) Position() (string, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == nil {
		return "", errClosed
	}
	var buffer [C.WALSTREAM_POSITION_BUFFER]C.char
	var cerr *C.walstream_error
	if err := takeError(C.walstream_position(s.c, &buffer[0], &cerr), cerr); err != nil {
		return "", err
	}
	return C.GoString(&buffer[0]), nil
}

// Close ends the stream: reads in progress return [ErrClosed], the last acknowledgement is sent, the connection ends. It waits for
// that, see [WithCloseTimeout]. The second call does nothing and returns what the first one did.
func (s *Stream) Close() error {
	s.closeOnce.Do(func() {
		s.closed.Store(true)
		// The handle is there: only this function frees it. A reader that is just about to wait finds the wake.
		C.walstream_wake(s.c)
		s.closeErr = s.end()
		// Not before the handle can be had again: it waits for the reader, who may want it.
		s.ready.close()
	})
	return s.closeErr
}

func (s *Stream) end() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var cerr *C.walstream_error
	code := C.walstream_stop(s.c, milliseconds(s.closeTimeout), &cerr)
	err := takeError(code, cerr)
	if code == C.WALSTREAM_TIMEOUT {
		err = &Error{
			Code:    ErrConnect,
			Message: "the server did not take the last acknowledgement in time",
			Hint:    "what it had not taken comes again; a longer WithCloseTimeout may help",
		}
	}
	s.last = s.stats()
	C.walstream_free(s.c)
	s.c = nil
	s.log.delete()
	// A goroutine may still be reading the event that it got before. Its batch goes when nobody can any more, or with
	// the next read.
	runtime.SetFinalizer(s.batch, (*batch).free)
	return err
}

// milliseconds as C takes them; more than it can take is its longest.
func milliseconds(d time.Duration) C.int32_t {
	return C.int32_t(min(max(d.Milliseconds(), 0), math.MaxInt32))
}
