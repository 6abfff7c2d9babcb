package walstream

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ScanStruct copies columns to the fields of the struct that dest points to, by their tags:
//
//	type account struct {
//		ID   int64   `wal:"id"`
//		Note *string `wal:"note,keep"`
//		Kind string  `wal:"kind,optional"`
//	}
//
// keep: the field stays as it is when the update did not touch a stored-apart value ([Unchanged]), else that is an error.
// optional: the table may lack the column. Of an old row of kind [OldKey] only the key's fields are set. Fields without a tag are
// passed over; structs embedded without one count as their fields.
func (r Row) ScanStruct(dest any) error {
	target := reflect.ValueOf(dest)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return &Error{Code: ErrArgument, Message: fmt.Sprintf("%T is no pointer to a struct", dest)}
	}
	if r.Len() == 0 {
		return &Error{
			Code:    ErrState,
			Message: fmt.Sprintf("%s has no such row", r.event.Kind()),
			Hint:    "Insert and Update have New; Old depends on REPLICA IDENTITY",
		}
	}
	target = target.Elem()
	plan, err := r.event.relation.plan(target.Type())
	if err != nil {
		return err
	}
	for i := range plan {
		field := &plan[i]
		value := r.Value(field.column)
		if value.kind == NotSent || value.kind == Unchanged && field.keep {
			continue
		}
		if err := value.Scan(target.FieldByIndex(field.index).Addr().Interface()); err != nil {
			return r.in(field.column, err)
		}
	}
	return nil
}

// planned is a field with its column.
type planned struct {
	index  []int
	column int
	keep   bool
}

// plan is worked out once for each struct and definition of a relation.
func (r *Relation) plan(of reflect.Type) ([]planned, error) {
	if known, ok := r.plans.Load(of); ok {
		return known.([]planned), nil
	}
	plan, err := r.makePlan(nil, of, nil)
	if err == nil && len(plan) == 0 {
		err = &Error{Code: ErrArgument, Message: fmt.Sprintf("%s has no field with a tag such as `wal:\"id\"`", of)}
	}
	if err != nil {
		return nil, err
	}
	r.plans.Store(of, plan)
	return plan, nil
}

func (r *Relation) makePlan(plan []planned, of reflect.Type, above []int) ([]planned, error) {
	var failures []error
	for i := range of.NumField() {
		field := of.Field(i)
		index := append(append([]int(nil), above...), i)
		tag, tagged := field.Tag.Lookup("wal")
		if !tagged && field.Anonymous && field.Type.Kind() == reflect.Struct {
			var err error
			plan, err = r.makePlan(plan, field.Type, index)
			failures = append(failures, err)
			continue
		}
		if !tagged || tag == "-" {
			continue
		}
		made, found, err := r.planField(of, &field, tag)
		failures = append(failures, err)
		if found {
			made.index = index
			plan = append(plan, made)
		}
	}
	return plan, errors.Join(failures...)
}

func (r *Relation) planField(of reflect.Type, field *reflect.StructField, tag string) (planned, bool, error) {
	fail := func(format string, args ...any) (planned, bool, error) {
		message := fmt.Sprintf("%s.%s: ", of, field.Name) + fmt.Sprintf(format, args...)
		return planned{}, false, &Error{Code: ErrArgument, Message: message}
	}
	if !field.IsExported() {
		return fail("the field is not exported")
	}
	name, rest, _ := strings.Cut(tag, ",")
	made := planned{column: r.Index(name)}
	optional := false
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, ",")
		switch word {
		case "keep":
			made.keep = true
		case "optional":
			optional = true
		default:
			return fail("unknown word %q in the tag: known are keep and optional", word)
		}
	}
	if made.column < 0 && !optional {
		return fail("%s has no column %q", r, name)
	}
	return made, made.column >= 0, nil
}
