package walstream

// #include "native.h"
import "C"

import (
	"sync"
	"unsafe"
)

// Relation is a table's published columns at one point of the stream. It is a copy, is not changed, and may be kept.
type Relation struct {
	OID             uint32
	Schema, Name    string
	ReplicaIdentity byte   // 'd' default, 'n' nothing, 'f' full, 'i' index
	Version         uint64 // names this definition in this process: equal Version, equal contents
	Columns         []Column

	index map[string]int
	plans sync.Map // reflect.Type of a struct to its plan
	c     func() *keptRelation
}

// Column is one of a relation's.
type Column struct {
	Name         string
	TypeName     string // "" when the server named no type
	TypeOID      uint32
	TypeModifier int32 // -1: none
	Key          bool  // part of the replica identity; under FULL every column is
	// The built-in type that a value is decoded as: TypeOID, or what a domain stands for. 0: none.
	base uint32
}

// Index finds a column by its exact name; -1: there is none.
func (r *Relation) Index(name string) int {
	if index, found := r.index[name]; found {
		return index
	}
	return -1
}

// String is "schema.name".
func (r *Relation) String() string { return r.Schema + "." + r.Name }

func newRelation(c *C.walstream_relation) *Relation {
	count := int(c.column_count)
	made := &Relation{
		OID:             uint32(c.oid),
		Schema:          C.GoStringN(c.schema, C.int(c.schema_len)),
		Name:            C.GoStringN(c.name, C.int(c.name_len)),
		ReplicaIdentity: byte(c.replica_identity),
		Version:         uint64(c.version),
		Columns:         make([]Column, count),
		index:           make(map[string]int, count),
	}
	made.c = sync.OnceValue(func() *keptRelation { return keepRelation(made) })
	for i := range made.Columns {
		// The library's columns may be larger than those of the header.
		column := (*C.walstream_column)(unsafe.Add(unsafe.Pointer(c.columns), i*int(c.column_size)))
		made.Columns[i] = Column{
			Name:         C.GoStringN(column.name, C.int(column.name_len)),
			TypeName:     C.GoStringN(column.type_name, C.int(column.type_name_len)),
			TypeOID:      uint32(column.type_oid),
			TypeModifier: int32(column.type_modifier),
			Key:          column.flags&C.WALSTREAM_COLUMN_KEY != 0,
		}
		made.Columns[i].base = baseType(&made.Columns[i])
		made.index[made.Columns[i].Name] = i
	}
	return made
}

// baseType: types that initdb did not make are known by name only, and a domain's name is its base type's.
func baseType(c *Column) uint32 {
	const firstNormalOID = 16384
	if c.TypeOID < firstNormalOID {
		return c.TypeOID
	}
	return builtins[c.TypeName]
}
