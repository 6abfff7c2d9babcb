//! Rows as a server may send them in answer to a command: how many, how wide, NULL or any bytes. What reads them gives values
//! or refuses; it never looks beyond them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use walstream::pg::{
    BackupStart, CreatedSlot, PhysicalPosition, ResultSet, ServerRun, SlotInfo, SystemIdentity, TimelineFile,
    backup_end, missing_of, next_timeline, segment_size,
};
use walstream_fuzz::Input;

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let major = u32::from(input.u8() % 24);
    let mut sets = Vec::new();
    while !input.is_empty() && sets.len() < 4 {
        sets.push(set(&mut input));
    }
    for set in &sets {
        read(set, major);
    }
    let _ = next_timeline(&sets);
    let _ = backup_end(&sets);
    if let Ok(start) = BackupStart::read(&sets) {
        assert_eq!(start.tablespaces.len(), sets[1].rows());
    }
});

/// Each value has a mark before it, so that NULL and the empty text differ.
fn set(input: &mut Input<'_>) -> ResultSet {
    let (columns, count) = (usize::from(input.u8() % 20), usize::from(input.u8()));
    let values: Vec<_> = (0..count).map(|_| (input.u8() & 3 != 0).then(|| short(input))).collect();
    let set = ResultSet::made_of(columns, &values);
    if columns > 0 {
        assert_eq!((set.columns(), set.rows()), (columns, count.div_ceil(columns)));
    }
    for row in 0..set.rows() + 1 {
        for column in 0..columns + 1 {
            let put =
                if column < columns { values.get(row * columns + column).copied().flatten() } else { None };
            assert_eq!(set.bytes(row, column), put);
        }
    }
    set
}

/// Bytes with their count before them, few as a rule.
fn short<'a>(input: &mut Input<'a>) -> &'a [u8] {
    match input.u8() {
        255 => input.block(),
        count => input.take(count.into()),
    }
}

fn read(set: &ResultSet, major: u32) {
    if let Ok(identity) = SystemIdentity::read(set, 180_000) {
        assert_eq!(Some(identity.system_id.as_str()), set.text(0, 0));
    }
    if let Ok(Some(_)) = SlotInfo::read(set, major) {
        assert!(set.rows() > 0);
    }
    if let Ok(Some(position)) = PhysicalPosition::read(set) {
        assert_eq!(position.restart_lsn.is_some(), set.bytes(0, 1).is_some());
    }
    if let Ok(file) = TimelineFile::read(set) {
        assert_eq!(set.bytes(0, 1), Some(&file.content[..]));
        let _ = file.switches();
    }
    let _ = ServerRun::read(set);
    let _ = CreatedSlot::read(set);
    let names: Vec<&str> = (0..set.rows()).filter_map(|row| set.text(row, 0)).collect();
    assert!(missing_of(&names, set).is_empty());
    if let Ok(size) = segment_size(set.text(0, 0).unwrap_or_default()) {
        assert!(size.is_power_of_two());
    }
}
