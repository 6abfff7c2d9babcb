package layout

import (
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// frozen is the C test that holds the numbers of the first release.
const frozen = "../../../../tests/c/test_layout.c"

var (
	size  = regexp.MustCompile(`(?m)^\s*SIZE\((\w+), (\d+)\);`)
	least = regexp.MustCompile(`(?m)^\s*CHECK\(sizeof\((\w+)\) >= (\d+)\);`)
	place = regexp.MustCompile(`(?m)^\s*AT\((\w+), (\w+), (\d+), (\d+)\);`)
)

func TestGoSeesTheStructsAsCDoes(t *testing.T) {
	text, err := os.ReadFile(frozen)
	if os.IsNotExist(err) {
		t.Skip("outside of the source tree")
	}
	if err != nil {
		t.Fatal(err)
	}
	structs := Structs()
	seen := make(map[string]int)
	for _, match := range size.FindAllStringSubmatch(string(text), -1) {
		if strings.HasSuffix(match[1], "_code") || strings.HasSuffix(match[1], "_kind") {
			continue // an enum: cgo has their values, no type
		}
		if found := structs[match[1]]; found == nil || found.Size() != number(match[2]) {
			t.Errorf("%s: %v bytes in C, %v in Go", match[1], match[2], found)
		}
	}
	for _, match := range least.FindAllStringSubmatch(string(text), -1) {
		if found := structs[match[1]]; found == nil || found.Size() < number(match[2]) {
			t.Errorf("%s: at least %v bytes in C, %v in Go", match[1], match[2], found)
		}
	}
	for _, match := range place.FindAllStringSubmatch(string(text), -1) {
		checkField(t, structs[match[1]], match[1], match[2], number(match[3]), number(match[4]))
		seen[match[1]]++
	}
	for name, found := range structs {
		if places, ok := physical[name]; ok && seen[name] == 0 {
			for i, place := range places {
				checkField(t, found, name, found.Field(i).Name, place[0], place[1])
			}
			seen[name] = len(places)
		}
		if seen[name] != found.NumField() {
			t.Errorf("%s: %d fields in Go, %d in %s", name, found.NumField(), seen[name], frozen)
		}
	}
}

// physical is of the structs that the C test leaves to others: offset and size of each field in order.
var physical = map[string][][2]uintptr{
	"walstream_timeline_detail":   {{0, 8}, {8, 4}, {12, 4}},
	"walstream_tablespace_detail": {{0, 8}, {8, 8}, {16, 4}, {20, 4}},
	"walstream_progress_detail":   {{0, 8}, {8, 8}},
}

func checkField(t *testing.T, in reflect.Type, name, field string, offset, size uintptr) {
	if in == nil {
		t.Errorf("%s: not in Structs", name)
		return
	}
	found, ok := in.FieldByName(field)
	if !ok || found.Offset != offset || found.Type.Size() != size {
		t.Errorf("%s.%s: at %d, %d bytes in C; in Go %v", name, field, offset, size, found)
	}
}

func number(text string) uintptr {
	value, _ := strconv.Atoi(text)
	return uintptr(value)
}
