package walstream

import (
	"fmt"
	"strconv"
	"strings"
)

// LSN is a position in the server's write-ahead log. 0 is none.
type LSN uint64

// ParseLSN reads PostgreSQL's form, such as "16/B374D848".
func ParseLSN(text string) (LSN, error) {
	high, low, found := strings.Cut(text, "/")
	h, ok := parseHex32(high)
	l, ok2 := parseHex32(low)
	if !found || !ok || !ok2 {
		return 0, &Error{
			Code:    ErrArgument,
			Message: fmt.Sprintf("%q is not an LSN", text),
			Hint:    "write two hexadecimal numbers of 32 bits, as in 16/B374D848",
		}
	}
	return LSN(h)<<32 | LSN(l), nil
}

func parseHex32(text string) (uint32, bool) {
	if len(text) == 0 || len(text) > 8 {
		return 0, false
	}
	number, err := strconv.ParseUint(text, 16, 32)
	return uint32(number), err == nil
}

// String is PostgreSQL's form, such as "16/B374D848".
func (l LSN) String() string {
	var buffer [17]byte
	return string(l.append(buffer[:0]))
}

func (l LSN) append(to []byte) []byte {
	start := len(to)
	to = strconv.AppendUint(to, uint64(l>>32), 16)
	to = append(to, '/')
	to = strconv.AppendUint(to, uint64(uint32(l)), 16)
	for i := start; i < len(to); i++ {
		if 'a' <= to[i] && to[i] <= 'f' {
			to[i] -= 'a' - 'A'
		}
	}
	return to
}

// MarshalText makes an LSN a string in JSON and the like.
func (l LSN) MarshalText() ([]byte, error) { return l.append(nil), nil }

// UnmarshalText is the reverse of MarshalText.
func (l *LSN) UnmarshalText(text []byte) error {
	parsed, err := ParseLSN(string(text))
	if err == nil {
		*l = parsed
	}
	return err
}
