//! Memory of batches: chunks that never move, filled from the front, recycled whole.
//!
//! Owns allocation, and refuses to panic for lack of it: every request can answer `OutOfMemory`. Addresses given
//! out stay valid, and unshared, until the arena that gave them is dropped.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use super::OutOfMemory;
use super::event::Event;

/// What a batch of few events takes.
const SMALL: usize = 4 << 10;
/// What a batch that fills takes again and again.
pub(crate) const LARGE: usize = 16 << 10;
/// A request above this gets a chunk of its own, so that little of a large chunk is wasted on its tail.
const OWN_CHUNK: usize = 4 << 10;
const ALIGN: usize = 16;
/// Idle large chunks that a pool keeps: 1 MiB.
const POOL_LARGE: usize = 64;
const POOL_SMALL: usize = 16;
const POOL_EVENTS: usize = 8;

/// One allocation. Raw on purpose: a `Box` or a slice that is moved would invalidate the pointers into it.
#[derive(Debug)]
pub(super) struct Chunk {
    start: NonNull<u8>,
    capacity: usize,
    used: usize,
}

// SAFETY: a chunk owns its allocation, which is plain bytes; nothing in it is tied to a thread.
unsafe impl Send for Chunk {}
// SAFETY: `&Chunk` gives no access to the bytes.
unsafe impl Sync for Chunk {}

impl Chunk {
    pub(super) fn new(capacity: usize) -> Result<Chunk, OutOfMemory> {
        let layout = Layout::from_size_align(capacity.max(1), ALIGN).map_err(|_| OutOfMemory)?;
        // SAFETY: the layout's size is not zero.
        let start = NonNull::new(unsafe { alloc(layout) }).ok_or(OutOfMemory)?;
        Ok(Chunk { start, capacity: layout.size(), used: 0 })
    }

    /// `size` bytes at a multiple of `align` (a power of two, at most 16), or None when they do not fit.
    pub(super) fn take(&mut self, size: usize, align: usize) -> Option<NonNull<u8>> {
        debug_assert!(align.is_power_of_two() && align <= ALIGN);
        let from = self.used.checked_add(align - 1)? & !(align - 1);
        let to = from.checked_add(size)?;
        if to > self.capacity {
            return None;
        }
        self.used = to;
        // SAFETY: from <= to <= capacity, so the address is inside the allocation or one past its end.
        Some(unsafe { self.start.add(from) })
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: `new` allocated `start` with exactly this layout, and checked it.
        unsafe { dealloc(self.start.as_ptr(), Layout::from_size_align_unchecked(self.capacity, ALIGN)) }
    }
}

/// Chunks given back by batches whose last owner is gone, kept for the batches to come. Any thread.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    small: Vec<Chunk>,
    large: Vec<Chunk>,
    events: Vec<EmptyEvents>,
}

/// Room for events, without any.
#[derive(Debug)]
struct EmptyEvents(Vec<Event>);

// SAFETY: events are not Send for their pointers; an empty vector has none.
unsafe impl Send for EmptyEvents {}

impl Pool {
    fn small(&self) -> Result<Chunk, OutOfMemory> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).small.pop();
        idle.map_or_else(|| Chunk::new(SMALL), Ok)
    }

    fn large(&self) -> Result<Chunk, OutOfMemory> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).large.pop();
        idle.map_or_else(|| Chunk::new(LARGE), Ok)
    }

    /// Room for events: an empty vector, warm if there is one.
    pub(super) fn events(&self) -> Vec<Event> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).events.pop();
        idle.map_or_else(Vec::new, |EmptyEvents(events)| events)
    }

    pub(super) fn give_back_events(&self, mut events: Vec<Event>) {
        events.clear();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if events.capacity() > 0 && idle.events.len() < POOL_EVENTS {
            idle.events.push(EmptyEvents(events));
        }
    }

    fn give_back(&self, chunks: &mut Vec<Chunk>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        for mut chunk in chunks.drain(..) {
            chunk.used = 0;
            match chunk.capacity {
                SMALL if idle.small.len() < POOL_SMALL => idle.small.push(chunk),
                LARGE if idle.large.len() < POOL_LARGE => idle.large.push(chunk),
                _ => {}
            }
        }
    }
}

/// The chunks of one batch.
#[derive(Debug)]
pub(super) struct Arena {
    /// The last one is being filled.
    chunks: Vec<Chunk>,
    bytes: usize,
    pool: Arc<Pool>,
}

impl Arena {
    pub(super) fn new(pool: Arc<Pool>) -> Arena {
        Arena { chunks: Vec::new(), bytes: 0, pool }
    }

    /// Bytes allocated.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// `size` bytes, uninitialised, that nothing else refers to.
    #[inline]
    pub(super) fn take(&mut self, size: usize, align: usize) -> Result<NonNull<u8>, OutOfMemory> {
        if let Some(found) = self.chunks.last_mut().and_then(|chunk| chunk.take(size, align)) {
            return Ok(found);
        }
        self.take_from_new(size, align)
    }

    #[cold]
    fn take_from_new(&mut self, size: usize, align: usize) -> Result<NonNull<u8>, OutOfMemory> {
        let own = size > OWN_CHUNK;
        let first = self.chunks.is_empty();
        let mut chunk = if own {
            Chunk::new(size)?
        } else if first && size <= SMALL {
            self.pool.small()?
        } else {
            self.pool.large()?
        };
        let found = chunk.take(size, align).ok_or(OutOfMemory)?;
        self.chunks.try_reserve(1).map_err(|_| OutOfMemory)?;
        self.bytes += chunk.capacity;
        self.chunks.push(chunk);
        if own && !first {
            // The chunk that was being filled goes on being filled.
            let last = self.chunks.len() - 1;
            self.chunks.swap(last, last - 1);
        }
        Ok(found)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.pool.give_back(&mut self.chunks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_aligned_apart_and_stable() {
        let mut arena = Arena::new(Arc::default());
        let mut taken = Vec::new();
        for i in 0..5_000_usize {
            let (size, align) = (i % 97, 1 << (i % 5));
            let at = arena.take(size, align).unwrap();
            assert_eq!(at.as_ptr() as usize % align, 0);
            // SAFETY: `size` bytes at `at` are ours.
            unsafe { at.as_ptr().write_bytes(i as u8, size) };
            taken.push((at, size, i as u8));
        }
        let big = arena.take(1 << 20, 1).unwrap();
        // SAFETY: as above.
        unsafe { big.as_ptr().write_bytes(0xEE, 1 << 20) };
        for (at, size, byte) in taken {
            // SAFETY: written above, and nothing else may have touched them.
            let bytes = unsafe { std::slice::from_raw_parts(at.as_ptr(), size) };
            assert!(bytes.iter().all(|b| *b == byte));
        }
    }

    #[test]
    fn an_impossible_size_is_an_error() {
        let mut arena = Arena::new(Arc::default());
        assert_eq!(arena.take(usize::MAX, 1).unwrap_err(), OutOfMemory);
        assert_eq!(arena.take(isize::MAX as usize - 8, 8).unwrap_err(), OutOfMemory);
        arena.take(10, 1).unwrap();
    }

    #[test]
    fn a_warm_pool_allocates_nothing() {
        let pool = Arc::new(Pool::default());
        let chunks = |pool: &Arc<Pool>| {
            let mut arena = Arena::new(Arc::clone(pool));
            for _ in 0..40 {
                arena.take(4000, 1).unwrap();
            }
            arena.chunks.iter().map(|chunk| chunk.start).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(chunks(&pool), chunks(&pool));
    }

    #[test]
    fn little_use_takes_little_memory() {
        let mut arena = Arena::new(Arc::default());
        arena.take(100, 8).unwrap();
        assert_eq!(arena.bytes(), SMALL);
        arena.take(100_000, 8).unwrap();
        arena.take(100, 8).unwrap();
        assert_eq!(arena.bytes(), SMALL + 100_000, "the small chunk goes on being filled");
    }
}
