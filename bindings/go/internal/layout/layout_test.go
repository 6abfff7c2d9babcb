package layout

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// printer asks a C compiler about every struct of the header, so that none can be forgotten here.
const printer = "../../../../scripts/print-layout"

func TestGoSeesTheStructsAsCDoes(t *testing.T) {
	if _, err := os.Stat(printer); os.IsNotExist(err) {
		t.Skip("outside of the source tree")
	}
	command := exec.Command(printer)
	command.Stderr = os.Stderr
	printed, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	structs, fields := Structs(), make(map[string]int)
	lines := bufio.NewScanner(bytes.NewReader(printed))
	for lines.Scan() {
		what, rest, _ := strings.Cut(lines.Text(), " ")
		var name string
		var offset, size uintptr
		switch what {
		case "struct":
			if _, err := fmt.Sscan(rest, &name, &size); err != nil {
				t.Fatal(lines.Text(), err)
			}
			fields[name] = 0
			if found := structs[name]; found == nil || found.Size() != size {
				t.Errorf("%s: %d bytes in C, in Go %v", name, size, found)
			}
		case "field":
			if _, err := fmt.Sscan(rest, &name, &offset, &size); err != nil {
				t.Fatal(lines.Text(), err)
			}
			name, field, _ := strings.Cut(name, ".")
			fields[name]++
			in := structs[name]
			if in == nil {
				continue // was said above
			}
			found, ok := in.FieldByName(field)
			if !ok || found.Offset != offset || found.Type.Size() != size {
				t.Errorf("%s.%s: %d bytes at %d in C, in Go %v", name, field, size, offset, found)
			}
		}
	}
	for name, found := range structs {
		if fields[name] != found.NumField() {
			t.Errorf("%s: %d fields in Go, %d in C", name, found.NumField(), fields[name])
		}
	}
}
