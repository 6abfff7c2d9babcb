//! A test in a process of its own: the memory that it is found to take is nobody else's.

use std::process::Command;

/// What walstream may take beside its queue; with it the fake server, which lives in the same process.
const BESIDE_QUEUE: u64 = 16 << 20;

/// Names the test that this process was started for.
const ALONE: &str = "WALSTREAM_TEST_ALONE";

/// Runs this executable again for the one test `name`, which calls this with the same arguments. There the body runs, and
/// memory must not have grown beyond the queue's share and what is allowed beside it, not even for a moment.
pub fn alone(name: &str, queue_bytes: u64, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some_and(|test| test == name) {
        let before = peak();
        body();
        let (grown, bound) = (peak() - before, queue_bytes + BESIDE_QUEUE);
        println!("grown by {grown} bytes");
        assert!(grown <= bound, "memory grew by {grown} bytes, more than {bound}");
        return;
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(ALONE, name)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    // A name without a test would succeed, too.
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
    println!("{told}");
}

/// The most that this process ever had in memory.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}
