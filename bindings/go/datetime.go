package walstream

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"
)

// time decodes a timestamptz, timestamp or date.
func (v Value) time() (at time.Time, infinity Infinity, ok bool) {
	if v.kind == Binary {
		return v.binaryTime()
	}
	text := v.Text()
	switch text {
	case "infinity":
		return at, 1, true
	case "-infinity":
		return at, -1, true
	}
	at, ok = parseTime(text)
	return at, 0, ok
}

func (v Value) binaryTime() (at time.Time, infinity Infinity, ok bool) {
	bytes := v.Bytes()
	if v.base == oidDate {
		if len(bytes) != 4 {
			return at, 0, false
		}
		switch days := int32(binary.BigEndian.Uint32(bytes)); days {
		case math.MaxInt32:
			return at, 1, true
		case math.MinInt32:
			return at, -1, true
		default:
			return time.Date(2000, time.January, 1+int(days), 0, 0, 0, 0, time.UTC), 0, true
		}
	}
	if len(bytes) != 8 {
		return at, 0, false
	}
	switch us := int64(binary.BigEndian.Uint64(bytes)); us {
	case math.MaxInt64:
		return at, 1, true
	case math.MinInt64:
		return at, -1, true
	default:
		// PostgreSQL counts from 2000.
		const epoch = 946684800
		seconds, rest := us/1e6, us%1e6
		return time.Unix(epoch+seconds, rest*1000).UTC(), 0, true
	}
}

// parseTime reads the ISO form, any year: "2024-02-29 12:34:56.789+05:30", "0044-03-15 BC".
func parseTime(text string) (time.Time, bool) {
	text, bc := strings.CutSuffix(text, " BC")
	date, clock, hasClock := strings.Cut(text, " ")
	y, rest, ok1 := strings.Cut(date, "-")
	m, d, ok2 := strings.Cut(rest, "-")
	year, ok3 := digits(y)
	month, ok4 := digits(m)
	day, ok5 := digits(d)
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || month < 1 || month > 12 || day < 1 || day > 31 {
		return time.Time{}, false
	}
	if bc {
		// The year before 1 is 1 BC, which Go calls 0.
		year = 1 - year
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !hasClock {
		return at, true
	}
	offset := 0
	if sign := strings.LastIndexAny(clock, "+-"); sign >= 0 {
		var ok bool
		if offset, ok = parseOffset(clock[sign:]); !ok {
			return time.Time{}, false
		}
		clock = clock[:sign]
	}
	since, ok := parseClock(clock)
	return at.Add(since - time.Duration(offset)*time.Second), ok
}

// parseOffset reads "+05", "-03:30" or "+01:23:45", in seconds east.
func parseOffset(text string) (int, bool) {
	sign := 1
	if text[0] == '-' {
		sign = -1
	}
	seconds, unit := 0, 3600
	for _, part := range strings.Split(text[1:], ":") {
		number, ok := digits(part)
		if !ok || unit == 0 {
			return 0, false
		}
		seconds += number * unit
		unit /= 60
	}
	return sign * seconds, true
}

// parseClock reads "12:34:56.789"; 24:00:00 is one.
func parseClock(text string) (time.Duration, bool) {
	h, rest, ok1 := strings.Cut(text, ":")
	m, s, ok2 := strings.Cut(rest, ":")
	s, fraction, _ := strings.Cut(s, ".")
	hours, ok3 := digits(h)
	minutes, ok4 := digits(m)
	seconds, ok5 := digits(s)
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || minutes > 59 || seconds > 60 || len(fraction) > 6 || hours > 24 {
		return 0, false
	}
	since := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
	if fraction != "" {
		number, ok := digits(fraction)
		if !ok {
			return 0, false
		}
		for range 6 - len(fraction) {
			number *= 10
		}
		since += time.Duration(number) * time.Microsecond
	}
	return since, true
}

// digits reads a number without a sign.
func digits(text string) (int, bool) {
	if text == "" || text[0] == '+' || text[0] == '-' {
		return 0, false
	}
	number, err := strconv.Atoi(text)
	return number, err == nil
}

func (v Value) timeOfDay() (time.Duration, bool) {
	if v.kind == Binary {
		us, ok := v.unsigned()
		return time.Duration(us) * time.Microsecond, ok
	}
	return parseClock(v.Text())
}

func (v Value) interval() (interval Interval, infinity Infinity, ok bool) {
	if v.kind == Text {
		return parseInterval(v.Text())
	}
	bytes := v.Bytes()
	if len(bytes) != 16 {
		return interval, 0, false
	}
	interval.Microseconds = int64(binary.BigEndian.Uint64(bytes))
	interval.Days = int32(binary.BigEndian.Uint32(bytes[8:]))
	interval.Months = int32(binary.BigEndian.Uint32(bytes[12:]))
	switch interval {
	case Interval{math.MaxInt32, math.MaxInt32, math.MaxInt64}:
		return Interval{}, 1, true
	case Interval{math.MinInt32, math.MinInt32, math.MinInt64}:
		return Interval{}, -1, true
	}
	return interval, 0, true
}

// parseInterval reads IntervalStyle postgres: "-1 years +2 mons -3 days +04:05:06.789".
func parseInterval(text string) (interval Interval, infinity Infinity, ok bool) {
	switch text {
	case "infinity":
		return interval, 1, true
	case "-infinity":
		return interval, -1, true
	}
	words := strings.Fields(text)
	for len(words) > 0 {
		word := words[0]
		if strings.Contains(word, ":") {
			since, ok := parseIntervalClock(word)
			interval.Microseconds = since
			return interval, 0, ok && len(words) == 1
		}
		number, err := strconv.ParseInt(word, 10, 32)
		if err != nil || len(words) < 2 {
			return interval, 0, false
		}
		switch strings.TrimSuffix(words[1], "s") {
		case "year":
			interval.Months += int32(number) * 12
		case "mon":
			interval.Months += int32(number)
		case "day":
			interval.Days += int32(number)
		default:
			return interval, 0, false
		}
		words = words[2:]
	}
	return interval, 0, text != ""
}

// parseIntervalClock counts microseconds: an interval may have more hours than a Duration.
func parseIntervalClock(text string) (int64, bool) {
	negative := text[0] == '-'
	text = strings.TrimLeft(text, "+-")
	h, rest, _ := strings.Cut(text, ":")
	hours, ok := digits(h)
	since, ok2 := parseClock("0:" + rest)
	us := int64(hours)*3600e6 + since.Microseconds()
	if negative {
		us = -us
	}
	return us, ok && ok2
}
