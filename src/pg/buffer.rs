//! What the system keeps for us between two reads, before the server has to wait.
//!
//! Owns the numbers that belong to Linux. They need not be right: a reader that trusts them too much is slow, not wrong.

#![forbid(unsafe_code)]

use rustix::net::AddressFamily;
use rustix::net::sockopt::{socket_domain, socket_recv_buffer_size, socket_send_buffer_size};

use super::connection::Connection;

/// A message of few bytes takes this much of a unix socket's buffer besides: 768 bytes in all.
const PACKET: u64 = 640;

/// A buffer's size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffer {
    /// In all.
    pub bytes: u64,
    /// Taken by each message besides its own bytes.
    pub overhead: u64,
}

impl Connection {
    /// What waits for us waits in this buffer. A lost connection has none.
    pub fn buffer(&self) -> Buffer {
        let Ok(socket) = self.socket() else { return Buffer::default() };
        let (size, overhead) = match socket_domain(socket) {
            // Bytes wait on the sender's account. Its buffer is not known; nobody makes it other than ours.
            Ok(AddressFamily::UNIX) => (socket_send_buffer_size(socket), PACKET),
            // Half is the system's own, and TCP puts small messages together.
            _ => (socket_recv_buffer_size(socket).map(|size| size / 2), 0),
        };
        Buffer { bytes: size.unwrap_or(0) as u64, overhead }
    }
}
