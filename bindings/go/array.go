package walstream

import (
	"encoding/binary"
	"strings"
	"unsafe"
)

// array is what an array value holds, in row-major order. No dimension: it is empty.
type array struct {
	sizes    []int
	elements []Value
}

func (v Value) array() (array, bool) {
	element := elements[v.base]
	if element == 0 {
		return array{}, false
	}
	if v.kind == Binary {
		return v.binaryArray(element)
	}
	text := v.Text()
	if strings.HasPrefix(text, "[") {
		// Lower bounds other than 1: "[0:1]={…}".
		var found bool
		if _, text, found = strings.Cut(text, "="); !found {
			return array{}, false
		}
	}
	parser := arrayParser{rest: text, element: element}
	if !parser.level(0) || parser.rest != "" {
		return array{}, false
	}
	count := 1
	for _, size := range parser.found.sizes {
		count *= size
	}
	return parser.found, len(parser.found.elements) == count || len(parser.found.sizes) == 0
}

// arrayParser reads array_out's form: "{{1,NULL},{\"a \\\"b\\\"\",c}}".
type arrayParser struct {
	rest    string
	element uint32
	found   array
}

func (p *arrayParser) take(b byte) bool {
	if p.rest == "" || p.rest[0] != b {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// level reads one pair of braces.
func (p *arrayParser) level(depth int) bool {
	const deepest = 6 // MAXDIM
	if depth == deepest || !p.take('{') {
		return false
	}
	if p.take('}') {
		return depth == 0
	}
	first := len(p.found.sizes) == depth
	if first {
		p.found.sizes = append(p.found.sizes, 0)
	}
	count := 0
	for {
		deepest := len(p.found.sizes) == depth+1
		if strings.HasPrefix(p.rest, "{") {
			if deepest && count > 0 || !p.level(depth+1) {
				return false
			}
		} else if !deepest || !p.value() {
			return false
		}
		count++
		if p.take('}') {
			break
		}
		if !p.take(',') {
			return false
		}
	}
	if first {
		p.found.sizes[depth] = count
	}
	return p.found.sizes[depth] == count
}

func (p *arrayParser) value() bool {
	if p.take('"') {
		return p.quoted()
	}
	end := strings.IndexAny(p.rest, ",}")
	if end <= 0 {
		return false
	}
	text := p.rest[:end]
	p.rest = p.rest[end:]
	if text == "NULL" {
		p.add("", Null)
	} else {
		p.add(text, Text)
	}
	return true
}

func (p *arrayParser) quoted() bool {
	if end := strings.IndexAny(p.rest, `"\`); end >= 0 && p.rest[end] == '"' {
		p.add(p.rest[:end], Text)
		p.rest = p.rest[end+1:]
		return true
	}
	var text strings.Builder
	for i := 0; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '"':
			p.rest = p.rest[i+1:]
			p.add(text.String(), Text)
			return true
		case '\\':
			i++
			if i == len(p.rest) {
				return false
			}
		}
		text.WriteByte(p.rest[i])
	}
	return false
}

func (p *arrayParser) add(text string, kind ValueKind) {
	p.found.elements = append(p.found.elements, textValue(text, kind, p.element))
}

func textValue(text string, kind ValueKind, oid uint32) Value {
	return Value{unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)), kind, oid, oid}
}

// binaryArray: dimensions, flag, element type; size and lower bound of each dimension; size and bytes of each element.
func (v Value) binaryArray(element uint32) (array, bool) {
	const head, deepest = 12, 6
	bytes := v.Bytes()
	if len(bytes) < head {
		return array{}, false
	}
	dimensions := int(binary.BigEndian.Uint32(bytes))
	bytes = bytes[head:]
	if dimensions > deepest || len(bytes) < 8*dimensions {
		return array{}, false
	}
	var found array
	for range dimensions {
		found.sizes = append(found.sizes, int(int32(binary.BigEndian.Uint32(bytes))))
		bytes = bytes[8:]
	}
	count := min(dimensions, 1)
	for _, size := range found.sizes {
		// Each element takes four bytes at least: a larger size is a lie.
		if size < 0 || size > len(bytes)/4 {
			return array{}, false
		}
		count *= size
	}
	if count > len(bytes)/4 {
		return array{}, false
	}
	found.elements = make([]Value, 0, count)
	for range count {
		if len(bytes) < 4 {
			return array{}, false
		}
		size := int(int32(binary.BigEndian.Uint32(bytes)))
		bytes = bytes[4:]
		if size < 0 {
			found.elements = append(found.elements, Value{nil, 0, Null, element, element})
			continue
		}
		if len(bytes) < size {
			return array{}, false
		}
		data := unsafe.Pointer(unsafe.SliceData(bytes))
		found.elements = append(found.elements, Value{data, uint32(size), Binary, element, element})
		bytes = bytes[size:]
	}
	return found, len(bytes) == 0
}

func (v Value) anyArray() (any, error) {
	found, ok := v.array()
	if !ok {
		return nil, v.mismatch("an array")
	}
	if len(found.sizes) == 0 {
		return []any{}, nil
	}
	nested, _, err := nest(found.sizes, found.elements)
	if err != nil {
		return nil, err
	}
	return nested, nil
}

// nest takes what it needs of the elements, and gives back the rest.
func nest(sizes []int, elements []Value) ([]any, []Value, error) {
	made := make([]any, sizes[0])
	for i := range made {
		var err error
		if len(sizes) == 1 {
			made[i], err = elements[0].Any()
			elements = elements[1:]
		} else {
			made[i], elements, err = nest(sizes[1:], elements)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return made, elements, nil
}
