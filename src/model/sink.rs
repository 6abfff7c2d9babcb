//! Where text and bytes go that this floor makes: memory of ours or, through `ffi`, of the host's.

#![forbid(unsafe_code)]

use std::fmt::{self, Write};

/// Takes bytes, one after another. Whoever began something that cannot be finished takes it back.
pub trait Sink {
    /// Appends.
    fn put(&mut self, bytes: &[u8]);

    /// How many bytes were put.
    fn mark(&self) -> usize;

    /// Forgets what was put since `mark` said this.
    fn rewind(&mut self, mark: usize);

    /// Appends what a format gives.
    fn print(&mut self, text: fmt::Arguments<'_>) {
        // Putting never fails, and nothing of ours that is formatted does.
        let _ = Printer(self).write_fmt(text);
    }
}

struct Printer<'a, S: Sink + ?Sized>(&'a mut S);

impl<S: Sink + ?Sized> Write for Printer<'_, S> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.put(text.as_bytes());
        Ok(())
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    fn mark(&self) -> usize {
        self.len()
    }

    fn rewind(&mut self, mark: usize) {
        self.truncate(mark);
    }
}

/// Bytes as two lower-case hexadecimal digits each.
pub fn put_hex(bytes: &[u8], sink: &mut dyn Sink) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        sink.put(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}
