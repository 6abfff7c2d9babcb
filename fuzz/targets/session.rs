//! A whole session: frames of any kind, acknowledgements, lost connections, with time going on. Whatever comes, the host gets
//! whole transactions in order, and the server hears of nothing that is not safe.
#![no_main]

use std::sync::Arc;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use walstream::lsn::Lsn;
use walstream::model::view::EventView;
use walstream::model::{EventFlag, Kind, json};
use walstream::stream::session::{Connected, Now, Session};
use walstream::stream::{Failure, Options};
use walstream_fuzz::{Input, is_json};

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let mut run = Run::new(input.u8());
    while !input.is_empty() && run.step(&mut input).is_ok() {}
});

/// The last of a transaction has it.
const LAST_SEQ: u64 = u64::MAX;

struct Run {
    session: Session,
    now: Now,
    committed: bool,
    host: Host,
    /// The highest of the server's positions, and the slot's.
    server: u64,
}

impl Run {
    fn new(choice: u8) -> Run {
        let mut options = Options::default();
        let mut set = |key: &str, value: &str| options.set(key, Some(value)).unwrap();
        set("delivery", if choice & 1 == 0 { "committed" } else { "as-sent" });
        set("idle_advance", ["auto", "host", "off", "auto"][usize::from(choice >> 1 & 3)]);
        set("spill.memory_bytes", if choice & 8 == 0 { "64MB" } else { "0" });
        set("batch.max_events", if choice & 16 == 0 { "1024" } else { "1" });
        if choice & 32 != 0 {
            set("stop_lsn", "0/2000000");
        }
        let now = Now { instant: Instant::now(), unix_us: 0 };
        let session = Session::new(&options, now, Arc::default());
        let mut run = Run { session, now, committed: choice & 1 == 0, host: Host::default(), server: 0 };
        run.connect(100).unwrap();
        run
    }

    fn connect(&mut self, slot: u64) -> Result<(), Failure> {
        self.server = self.server.max(slot);
        self.session.connected(
            self.now,
            &Connected {
                slot: Lsn(slot),
                start: Lsn::ZERO,
                wal_sender_timeout: Duration::from_secs(60),
                streaming: true,
                left_at: None,
            },
        )
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<(), Failure> {
        let before = self.session.confirmed();
        match input.u8() % 8 {
            0..=2 => {
                let mut block = Input(input.block());
                let lsn = block.number(8).to_be_bytes();
                let frame = [b"w", &lsn[..], &lsn, &[0; 8], block.0].concat();
                self.feed(&frame)?;
            }
            3 => {
                let end = input.number(4);
                self.server = self.server.max(end);
                self.feed(&[b"k", &end.to_be_bytes()[..], &[0; 8], &[input.u8() & 1]].concat())?;
            }
            4 => {
                let frame = input.block();
                if let [b'k', end @ .., _, _, _, _, _, _, _, _, _] = frame {
                    self.server = self.server.max(Input(end).number(8));
                }
                self.feed(frame)?;
            }
            5 => {
                let lsn = self.host.delivered.saturating_sub(input.number(1));
                self.host.acknowledged = self.host.acknowledged.max(lsn);
                self.session.acknowledge(Lsn(lsn))?;
                self.collect();
            }
            // What the slot says of itself is confirmed, whatever is pending (rule 10).
            6 => return self.connect(self.session.confirmed().0 + u64::from(input.u8() == 255)),
            _ => {
                self.now.instant += Duration::from_millis(input.number(2));
                let (update, _) = self.session.poll_feedback(self.now, true);
                if let Some(update) = update {
                    assert_eq!(update.flush, self.session.confirmed());
                }
            }
        }
        let confirmed = self.session.confirmed();
        assert!(confirmed >= before, "what was confirmed stays so");
        assert!(confirmed.0 <= self.host.acknowledged.max(self.server), "confirmed out of nothing");
        if self.committed && self.session.pending() && confirmed > before {
            assert!(confirmed.0 <= self.host.acknowledged, "pending, and advanced without the host");
        }
        Ok(())
    }

    fn feed(&mut self, frame: &[u8]) -> Result<(), Failure> {
        self.server = self.server.max(told(frame));
        let outcome = self.session.handle_frame(self.now, frame).and_then(|()| {
            while self.session.replaying() {
                self.session.replay(self.now, 1 << 20)?;
                self.collect();
            }
            Ok(())
        });
        self.collect();
        outcome
    }

    fn collect(&mut self) {
        while let Ok(Some(batch)) = self.session.outbox().take() {
            for event in batch.events() {
                // SAFETY: an event of a batch that lives until the end of this loop.
                let view = unsafe { EventView::new(event) };
                let mut text = Vec::new();
                json::write_event(&view, &mut text);
                assert!(is_json(&text) && !text.contains(&b'\n'));
                self.host.delivered = self.host.delivered.max(event.ack_lsn);
                if self.committed && event.flags & EventFlag::NO_IDENTITY as u32 == 0 {
                    self.host.check(event.kind, event.commit_lsn, event.seq);
                }
                if event.kind == Kind::POSITION as u32 {
                    assert!(self.host.open.is_none(), "a position inside a transaction");
                }
            }
        }
    }
}

/// The end of a transaction. One that came to nothing tells where the server is, as a keepalive does.
fn told(frame: &[u8]) -> u64 {
    let end = match frame.get(25) {
        Some(b'C') => frame.get(35..43),
        Some(b'c') => frame.get(39..47),
        _ => None,
    };
    end.filter(|_| frame[0] == b'w').map_or(0, |end| Input(end).number(8))
}

#[derive(Default)]
struct Host {
    delivered: u64,
    acknowledged: u64,
    /// The transaction that has begun, and its last seq.
    open: Option<(u64, u64)>,
}

impl Host {
    fn check(&mut self, kind: u32, commit_lsn: u64, seq: u64) {
        let is = |wanted: &[Kind]| wanted.iter().any(|wanted| *wanted as u32 == kind);
        if is(&[Kind::BEGIN, Kind::BEGIN_PREPARE]) {
            assert_eq!((self.open, seq), (None, 1));
            self.open = Some((commit_lsn, 1));
        } else if is(&[Kind::COMMIT, Kind::PREPARE]) {
            assert_eq!(self.open.take().map(|(open, _)| open), Some(commit_lsn));
            assert_eq!(seq, LAST_SEQ);
        } else if seq > 1 {
            let (open, last) = self.open.expect("a change inside a transaction");
            assert_eq!((commit_lsn, seq), (open, last + 1));
            self.open = Some((open, seq));
        } else {
            assert_eq!(self.open, None, "between transactions");
        }
    }
}
