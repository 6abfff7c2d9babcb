package walstream

import (
	"log/slog"
	"strings"
	"time"
)

// Option configures [Open]. [Check], [OpenAdmin] and [StartBackup] take the same ones, and ignore what says nothing to them, such as a logger.
type Option func(*settings)

type settings struct {
	pairs        [][2]string
	start        LSN
	log          LogFunc
	closeTimeout time.Duration
}

func newSettings(options []Option) settings {
	settings := settings{closeTimeout: 10 * time.Second}
	for _, option := range options {
		option(&settings)
	}
	return settings
}

// WithOption sets any option of the library by name; docs/options.md lists them. Later ones win.
func WithOption(key, value string) Option {
	return func(s *settings) { s.pairs = append(s.pairs, [2]string{key, value}) }
}

// WithSlot names the replication slot to read. Required.
func WithSlot(name string) Option { return WithOption("slot", name) }

// WithCreateSlot makes the slot at the first start, if it is not there.
func WithCreateSlot() Option { return WithOption("slot.create", "if-missing") }

// WithTemporarySlot makes a slot that ends with its connection.
func WithTemporarySlot() Option { return WithOption("slot.create", "temporary") }

// WithPublications names the publications, each exactly as it is called: "Sales" is not "sales". Required for pgoutput.
func WithPublications(names ...string) Option {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	}
	return WithOption("publication", strings.Join(quoted, ","))
}

// WithBinary asks for values in their binary form, which is quicker to decode.
func WithBinary() Option { return WithOption("binary", "on") }

// WithMessages asks for what pg_logical_emit_message writes.
func WithMessages() Option { return WithOption("messages", "on") }

// WithStartLSN goes on behind this position, the host's own last durable AckLSN. 0: where the slot stands.
func WithStartLSN(lsn LSN) Option {
	return func(s *settings) { s.start = lsn }
}

// WithStartPosition goes on where [Stream.Position] of an earlier process stood, and fails when another server answers.
func WithStartPosition(position string) Option { return WithOption("start.position", position) }

// WithStopLSN ends the stream after the transaction that reaches this position.
func WithStopLSN(lsn LSN) Option { return WithOption("stop_lsn", lsn.String()) }

// WithLogger sends the library's log there.
func WithLogger(logger *slog.Logger) Option { return WithLogFunc(slogFunc(logger)) }

// WithLogFunc calls log for each line of the library's log.
func WithLogFunc(log LogFunc) Option {
	return func(s *settings) { s.log = log }
}

// WithCloseTimeout bounds how long [Stream.Close] waits for the server to take the last acknowledgement. 10 s by default.
func WithCloseTimeout(timeout time.Duration) Option {
	return func(s *settings) { s.closeTimeout = timeout }
}
