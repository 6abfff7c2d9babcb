//! What the system keeps for us between two reads, before the server has to wait.
//!
//! Owns the numbers that belong to Linux. They need not be right: a reader that trusts them too much is slow, not wrong.

#![forbid(unsafe_code)]

use rustix::io::ioctl_fionread;
use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_domain, socket_recv_buffer_size, socket_send_buffer_size};

use super::connection::Connection;

/// What a message of few bytes lies in on a unix socket. Larger ones lie in twice, four or eight times as much: kmalloc's sizes.
const LEAST_BLOCK: u64 = 512;
/// The largest one that is doubled.
const LARGEST_BLOCK: u64 = 4096;
/// `skb_shared_info`, behind the message in its block, and the tag and length of a CopyData before it.
const IN_BLOCK: u64 = 320 + 5;
/// `sk_buff`, of each block.
const BESIDE_BLOCK: u64 = 256;
/// Of what a server's own socket holds on a connection whose segments are large: 2.6 MB, if tcp_wmem lets it.
const AT_SERVER: u64 = 1 << 20;

/// A buffer's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// In all.
    pub bytes: u64,
    /// Does each message lie in a block of its own?
    pub blocks: bool,
}

impl Buffer {
    /// What of it `messages` take that have `bytes` in all, and about the same size.
    pub fn taken_by(&self, bytes: u64, messages: u64) -> u64 {
        if !self.blocks || messages == 0 {
            return bytes;
        }
        let one = bytes / messages + IN_BLOCK;
        let block = if one > LARGEST_BLOCK { one } else { one.next_power_of_two().max(LEAST_BLOCK) };
        messages * (block + BESIDE_BLOCK)
    }
}

impl Connection {
    /// What waits for us waits in this buffer. A lost connection has none.
    pub fn buffer(&self) -> Buffer {
        if self.waits_at_server {
            return Buffer { bytes: AT_SERVER, blocks: false };
        }
        let Ok(socket) = self.socket() else { return Buffer::default() };
        let (size, blocks) = match socket_domain(socket) {
            // Bytes wait on the sender's account. Its buffer is not known; nobody makes it other than ours.
            Ok(AddressFamily::UNIX) => (socket_send_buffer_size(socket), true),
            // Half is the system's own, and TCP puts small messages together.
            _ => (socket_recv_buffer_size(socket).map(|size| size / 2), false),
        };
        Buffer { bytes: size.unwrap_or(0) as u64, blocks }
    }

    /// Bytes that are to be read before the server can send on; none where it could all the time, or of a lost connection.
    pub fn waiting(&self) -> u64 {
        if !self.waits_at_server {
            return 0;
        }
        self.socket().ok().and_then(|socket| ioctl_fionread(socket).ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// Against this system's own account. Beyond a page, kernels differ.
    #[test]
    fn messages_fill_a_unix_socket_as_counted() {
        for size in [20_u64, 110, 180, 240, 600, 1000, 1700, 3000] {
            let (mut ours, _theirs) = UnixStream::pair().unwrap();
            ours.set_nonblocking(true).unwrap();
            let buffer = Buffer { bytes: socket_send_buffer_size(&ours).unwrap() as u64, blocks: true };
            // A CopyData's head is counted in.
            let message = vec![0; size as usize + 5];
            let mut messages = 0;
            while ours.write(&message).is_ok_and(|written| written == message.len()) {
                messages += 1;
            }
            let counted = buffer.taken_by(size * messages, messages);
            let share = counted as f64 / buffer.bytes as f64;
            assert!(
                (0.6..1.7).contains(&share),
                "{messages} messages of {size} bytes: {share:.2} of the buffer"
            );
        }
    }
}
