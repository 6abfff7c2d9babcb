package walstream

import "unsafe"

// Rewind lets the stream hand out the batch that it is in once more, from memory; it tells how many events that is.
func (s *Stream) Rewind() int {
	if first == nil || s.left != 0 {
		panic("not at the end of the batch that Mark saw")
	}
	s.next, s.left = first, count
	return count
}

var (
	first unsafe.Pointer
	count int
)

// Mark notes where the batch stands: from here on Rewind repeats it.
func (s *Stream) Mark() int {
	first, count = unsafe.Pointer(s.event.c), s.left+1
	return count
}
