//! Where messages wait that we leave unread: with a server that is near, mostly at its side.
//!
//! A walsender sends each message by itself. What does not fit the receiver's window waits in the sender's socket, where small
//! messages are put together, and each costs the server a part of what sending it would. With the window that TCP would grow
//! that never comes about, so a stream that reads in gulps keeps a small one (docs/performance.md). Owns how small, and which
//! server is near; refuses the others, because a window bounds what can be on its way.

use std::mem::size_of_val;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::connection::Connection;

/// Of the shortest round trip that a near server may take, in microseconds: on this machine, or in a container of it.
const NEAR_US: u32 = 100;
/// The system doubles it, for its own account. Of what may be on its way about half to all of that is: a GB a second at least. Much less
/// than 64 kB would be less than one segment on loopback, and then the connection all but stands still.
const WINDOW: usize = 96 << 10;
/// Where `struct tcp_info` has the shortest round trip, in words (include/uapi/linux/tcp.h; it only ever grew at its end).
const MIN_RTT: usize = 148 / 4;

impl Connection {
    /// To be called before much was read: a window that was large once must not become small.
    pub fn let_wait_at_server(&mut self) {
        self.waits_at_server = self.socket().is_ok_and(|socket| is_near(socket) && narrow(socket));
    }
}

fn is_near(socket: BorrowedFd<'_>) -> bool {
    tcp_info(socket).is_some_and(|info| info[MIN_RTT] <= NEAR_US)
}

fn narrow(socket: BorrowedFd<'_>) -> bool {
    set_socket_recv_buffer_size(socket, WINDOW).is_ok()
}

/// None: this is not TCP, or not a system that tells.
#[cfg(target_os = "linux")]
fn tcp_info(socket: BorrowedFd<'_>) -> Option<[u32; 40]> {
    let mut info = [u32::MAX; 40];
    let mut length = size_of_val(&info) as libc::socklen_t;
    // SAFETY: the system writes at most `length` bytes, which are there, and any bits make a u32.
    let failed = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &mut length,
        )
    };
    (failed == 0).then_some(info)
}

#[cfg(not(target_os = "linux"))]
fn tcp_info(_: BorrowedFd<'_>) -> Option<[u32; 40]> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use rustix::io::ioctl_fionread;
    use rustix::net::sockopt::set_tcp_congestion;

    use super::*;

    const MESSAGE: [u8; 160] = [b'x'; 160];
    const GULP: usize = 4000;
    const GULPS: usize = 25;
    /// Where `struct tcp_info` counts segments that had data in them, of those received.
    const SEGMENTS: usize = 152 / 4;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    /// What becomes of a server's messages when the reader reads in gulps: how many bytes of a gulp wait at the reader's side, and
    /// which share of all messages came in a segment of their own. The sender has reno, which every system has, because bbr
    /// keeps messages together by itself.
    fn gulps(ours: &mut TcpStream, theirs: &mut TcpStream) -> (u64, f64) {
        set_tcp_congestion(&*theirs, "reno").unwrap();
        theirs.set_nodelay(true).unwrap();
        let mut gulp = vec![0; GULP * MESSAGE.len()];
        let mut here = 0;
        for _ in 0..GULPS {
            for _ in 0..GULP {
                theirs.write_all(&MESSAGE).unwrap();
            }
            here = ioctl_fionread(&*ours).unwrap();
            ours.read_exact(&mut gulp).unwrap();
        }
        let segments = tcp_info(ours.as_fd()).unwrap()[SEGMENTS];
        (here, f64::from(segments) / (GULP * GULPS) as f64)
    }

    /// Without the window 640,000 bytes are here, and 0.7 of the messages came alone.
    #[test]
    fn a_sender_puts_messages_together_for_a_narrow_window() {
        let (mut ours, mut theirs) = pair();
        assert!(narrow(ours.as_fd()));
        let (here, alone) = gulps(&mut ours, &mut theirs);
        assert!(here <= 2 * WINDOW as u64, "{here} bytes wait here");
        assert!(alone < 0.4, "{alone:.2} of the messages came alone");
    }

    #[test]
    fn loopback_is_near() {
        // Where the processors are busy one handshake may take longer.
        assert!((0..100).any(|_| is_near(pair().0.as_fd())));
    }

    #[test]
    fn a_unix_socket_is_left_alone() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert!(!is_near(ours.as_fd()));
    }
}
