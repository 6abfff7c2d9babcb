//! The peer pg_walstream, as its README shows it: one event after the other, every value touched.
//!
//!     bench-pg-walstream CONNINFO_URI SLOT PUBLICATION END_LSN
//!     bench-pg-walstream parse FILE MESSAGES

mod parse;

use std::time::Duration;

use pg_walstream::{
    CancellationToken, ColumnValue, EventType, LogicalReplicationStream, ReplicationStreamConfig, RetryConfig,
    RowData, StreamingMode,
};

fn touch(row: &RowData) -> u64 {
    let ends = |bytes: &[u8]| bytes.first().zip(bytes.last()).map_or(0, |(first, last)| u64::from(*first) + u64::from(*last));
    row.iter()
        .map(|(_, value)| match value {
            ColumnValue::Null => 0,
            ColumnValue::Text(bytes) | ColumnValue::Binary(bytes) => ends(bytes),
        })
        .sum()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, what, file, messages] = &arguments[..] {
        if what != "parse" {
            return Err("bench-pg-walstream parse FILE MESSAGES".into());
        }
        println!("parse={:.2}", parse::times(file, messages.parse()?)?);
        return Ok(());
    }
    let [_, conninfo, slot, publication, end] = &arguments[..] else {
        return Err("bench-pg-walstream CONNINFO SLOT PUBLICATION END_LSN".into());
    };
    let (high, low) = end.split_once('/').ok_or("END_LSN is X/Y")?;
    let end = u64::from_str_radix(high, 16)? << 32 | u64::from_str_radix(low, 16)?;
    let config = ReplicationStreamConfig::new(
        slot.clone(),
        publication.clone(),
        1,
        StreamingMode::Off,
        Duration::from_secs(10),
        Duration::from_secs(30),
        Duration::from_secs(60),
        RetryConfig::default(),
    );
    let mut stream = LogicalReplicationStream::new(conninfo, config).await?;
    stream.start(None).await?;
    let token = CancellationToken::new();
    let (mut events, mut sum) = (0u64, 0u64);
    loop {
        let event = stream.next_event_with_retry(&token).await?;
        events += 1;
        match &event.event_type {
            EventType::Insert { data, .. } => sum += touch(data),
            EventType::Update { old_data, new_data, .. } => {
                sum += old_data.as_ref().map_or(0, touch) + touch(new_data);
            }
            EventType::Delete { old_data, .. } => sum += touch(old_data),
            EventType::Commit { end_lsn, .. } if end_lsn.value() >= end => break,
            _ => {}
        }
    }
    println!("events={events} sum={sum:x}");
    // As a program that ends: without waiting for the server.
    std::process::exit(0)
}
