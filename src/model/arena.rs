//! Memory of batches: chunks that never move, filled from the front, recycled whole.
//!
//! Owns allocation, and refuses to panic for lack of it: every request can answer `OutOfMemory`. Addresses given
//! out stay valid, and unshared, until the arena that gave them is dropped.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::OutOfMemory;
use super::event::Event;
use super::relation::RelationDef;

/// What a batch of few events takes.
const SMALL: usize = 4 << 10;
/// What a batch that fills takes again and again.
pub(crate) const LARGE: usize = 16 << 10;
/// A request above this gets a chunk of its own, so that little of a large chunk is wasted on its tail.
const OWN_CHUNK: usize = 4 << 10;
const ALIGN: usize = 16;
/// What an idle pool keeps: 1 MiB in large chunks, 1 MiB of room for events.
const KEPT: Limits = Limits { small: 16, large: 64, empty: 8 };
/// Batches that it takes back until it is used or trimmed. More than that are freed where they are given back.
const MOST_RETURNED: usize = 128;

struct Limits {
    small: usize,
    large: usize,
    empty: usize,
}

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

/// What batches gave back when their last owner let go, kept for the batches to come. Any thread.
///
/// Giving back is one push, because it happens on the host's thread. What came back is looked through on the replication thread, and
/// what is too much goes back to the system there, by `trim`.
#[derive(Debug, Default)]
pub struct Pool {
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    returned: Vec<Empty>,
    small: Vec<Chunk>,
    large: Vec<Chunk>,
    empty: Vec<Empty>,
}

/// One batch's vectors, with nothing in them but room. Where it was returned, its chunks and relations are still to be looked through.
#[derive(Debug, Default)]
pub(super) struct Empty {
    pub(super) events: Vec<Event>,
    pub(super) relations: Vec<Arc<RelationDef>>,
    pub(super) acks: Vec<u32>,
    pub(super) chunks: Vec<Chunk>,
}

// SAFETY: events are not Send for their pointers; an empty vector has none.
unsafe impl Send for Empty {}

impl Pool {
    fn small(&self) -> Result<Chunk, OutOfMemory> {
        let idle = self.lock().sorted().small.pop();
        idle.map_or_else(|| Chunk::new(SMALL), Ok)
    }

    fn large(&self) -> Result<Chunk, OutOfMemory> {
        let idle = self.lock().sorted().large.pop();
        idle.map_or_else(|| Chunk::new(LARGE), Ok)
    }

    /// Vectors for a batch, warm if there are any.
    pub(super) fn empty(&self) -> Empty {
        self.lock().sorted().empty.pop().unwrap_or_default()
    }

    /// A batch's memory.
    pub(super) fn give_back(&self, mut used: Empty) {
        used.events.clear();
        let mut idle = self.lock();
        if idle.returned.len() < MOST_RETURNED {
            idle.returned.push(used);
        }
    }

    /// Gives to the system what a pause leaves unused.
    pub fn trim(&self) {
        let mut idle = self.lock();
        idle.sort();
        let small = beyond(&mut idle.small, KEPT.small);
        let large = beyond(&mut idle.large, KEPT.large);
        let empty = beyond(&mut idle.empty, KEPT.empty);
        // Freeing takes its time: nobody is to wait for it.
        drop(idle);
        drop((small, large, empty));
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    /// With nothing left to look through.
    fn sorted(&mut self) -> &mut Idle {
        if !self.returned.is_empty() {
            self.sort();
        }
        self
    }

    /// Looks through what came back.
    fn sort(&mut self) {
        for mut used in self.returned.drain(..) {
            used.relations.clear();
            used.acks.clear();
            for mut chunk in used.chunks.drain(..) {
                chunk.used = 0;
                if chunk.capacity == SMALL { &mut self.small } else { &mut self.large }.push(chunk);
            }
            self.empty.push(used);
        }
    }
}

fn beyond<T>(idle: &mut Vec<T>, kept: usize) -> Vec<T> {
    if idle.len() > kept { idle.split_off(kept) } else { Vec::new() }
}

/// The chunks of one batch.
#[derive(Debug)]
pub(super) struct Arena {
    /// The last one is being filled.
    chunks: Vec<Chunk>,
    /// Is one of them of a size of its own?
    odd: bool,
    bytes: usize,
    pool: Arc<Pool>,
}

impl Arena {
    /// Out of chunks of `pool`'s. `chunks` is empty.
    pub(super) fn new(pool: Arc<Pool>, chunks: Vec<Chunk>) -> Arena {
        Arena { chunks, odd: false, bytes: 0, pool }
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
        self.odd |= own;
        self.chunks.push(chunk);
        if own && !first {
            // The chunk that was being filled goes on being filled.
            let last = self.chunks.len() - 1;
            self.chunks.swap(last, last - 1);
        }
        Ok(found)
    }

    /// Everything goes back to the pool: addresses that were given out are void.
    pub(super) fn give_back(&mut self, vectors: Empty) {
        if self.odd {
            // One large message's: to the system at once.
            self.chunks.retain(|chunk| matches!(chunk.capacity, SMALL | LARGE));
        }
        self.pool.give_back(Empty { chunks: std::mem::take(&mut self.chunks), ..vectors });
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if !self.chunks.is_empty() {
            self.give_back(Empty::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(pool: &Arc<Pool>, requests: usize) -> Arena {
        let mut arena = Arena::new(Arc::clone(pool), pool.empty().chunks);
        for _ in 0..requests {
            arena.take(4000, 1).unwrap();
        }
        arena
    }

    #[test]
    fn addresses_are_aligned_apart_and_stable() {
        let mut arena = Arena::new(Arc::default(), Vec::new());
        let mut taken = Vec::new();
        // Miri takes its time: here it sees a change of chunks, and no more.
        for i in 0..if cfg!(miri) { 400 } else { 5_000_usize } {
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
        let mut arena = Arena::new(Arc::default(), Vec::new());
        assert_eq!(arena.take(usize::MAX, 1).unwrap_err(), OutOfMemory);
        assert_eq!(arena.take(isize::MAX as usize - 8, 8).unwrap_err(), OutOfMemory);
        arena.take(10, 1).unwrap();
    }

    #[test]
    fn a_warm_pool_allocates_nothing() {
        let pool = Arc::new(Pool::default());
        let chunks = |pool: &Arc<Pool>| {
            let arena = filled(pool, 40);
            arena.chunks.iter().map(|chunk| chunk.start).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(chunks(&pool), chunks(&pool));
    }

    #[test]
    fn a_trimmed_pool_keeps_little() {
        let pool = Arc::new(Pool::default());
        let arenas: Vec<_> = (0..20).map(|_| filled(&pool, 40)).collect();
        drop(arenas);
        assert!(pool.lock().sorted().large.len() > KEPT.large);
        pool.trim();
        let idle = pool.lock();
        assert_eq!((idle.large.len(), idle.empty.len()), (KEPT.large, KEPT.empty));
    }

    #[test]
    fn little_use_takes_little_memory() {
        let mut arena = Arena::new(Arc::default(), Vec::new());
        arena.take(100, 8).unwrap();
        assert_eq!(arena.bytes(), SMALL);
        arena.take(100_000, 8).unwrap();
        arena.take(100, 8).unwrap();
        assert_eq!(arena.bytes(), SMALL + 100_000, "the small chunk goes on being filled");
    }
}
