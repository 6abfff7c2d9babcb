//! What the host's process costs, second by second, and whether that stays the same.

use std::fs;

use walstream::ffi::StreamStats;

/// One second of one process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sample {
    /// Seconds since the beginning of the run.
    pub at: f64,
    pub resident: f64,
    pub descriptors: f64,
    pub threads: f64,
    pub events: f64,
    pub lag: f64,
    pub reconnects: f64,
    pub spilled: f64,
}

impl Sample {
    /// Of this process.
    pub fn take(at: f64, stats: &StreamStats) -> Sample {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap()
        };
        Sample {
            at,
            resident: number("VmRSS:") * 1024.0,
            // The directory's own is among them.
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count() as f64 - 1.0,
            threads: number("Threads:"),
            events: stats.events as f64,
            lag: stats.lag_bytes as f64,
            reconnects: stats.reconnects as f64,
            spilled: stats.spilled_bytes as f64,
        }
    }

    pub fn line(&self) -> String {
        let Sample { at, resident, descriptors, threads, events, lag, reconnects, spilled } = self;
        format!("{at:.3} {resident} {descriptors} {threads} {events} {lag} {reconnects} {spilled}\n")
    }

    /// What `line` made. The last one may be half a line: its process was killed.
    pub fn read(text: &str) -> Vec<Sample> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let sample = |line: &str| {
            let numbers: Vec<f64> = line.split(' ').map(|word| word.parse().unwrap()).collect();
            let [at, resident, descriptors, threads, events, lag, reconnects, spilled] = numbers[..] else {
                panic!("{line:?}")
            };
            Sample { at, resident, descriptors, threads, events, lag, reconnects, spilled }
        };
        whole.lines().map(sample).collect()
    }
}

/// Too short a run says nothing about a slope.
pub const LONG_ENOUGH: f64 = 600.0;

/// Growth below this is taken for the allocator's.
const LEAST: f64 = (1 << 20) as f64;

pub struct Verdict {
    pub what: &'static str,
    pub measured: String,
    pub rule: &'static str,
    pub holds: bool,
}

/// The verdicts on the second half of a run: until then buffers, pools and arenas may find their sizes.
pub fn judge(samples: &[Sample]) -> Vec<Verdict> {
    let half = samples.last().map_or(0.0, |last| last.at / 2.0);
    let first: Vec<_> = samples.iter().filter(|sample| sample.at < half).copied().collect();
    let second: Vec<_> = samples.iter().filter(|sample| sample.at >= half).copied().collect();
    if first.len() < 2 || second.len() < 3 {
        return Vec::new();
    }
    let (growth, noise, mean) = fit(&second);
    let mb = |bytes: f64| bytes / (1 << 20) as f64;
    let same = |value: fn(&Sample) -> f64| (median(&first, value), median(&second, value));
    let highest = |of: &[Sample], value: fn(&Sample) -> f64| of.iter().map(value).fold(0.0, f64::max);
    let descriptors = same(|sample| sample.descriptors);
    let threads = same(|sample| sample.threads);
    let most_threads = highest(&second, |sample| sample.threads);
    let most = (highest(&first, |sample| sample.descriptors), highest(&second, |sample| sample.descriptors));
    vec![
        Verdict {
            what: "resident memory",
            measured: format!(
                "{:+.2} MB over the second half by the fitted line, at {:.1} MB; the samples scatter by {:.2} MB (2σ)",
                mb(growth),
                mb(mean),
                mb(noise)
            ),
            rule: "the line grows by no more than the samples scatter around it (2σ), or than 1 MB",
            holds: growth <= noise.max(LEAST),
        },
        Verdict {
            what: "descriptors",
            measured: format!(
                "median {} in the first half, {} in the second; most {} and {}",
                descriptors.0, descriptors.1, most.0, most.1
            ),
            rule: "no more in the second half; a socket and a spill file come and go: the median may differ by 1, the most by 2",
            holds: descriptors.1 <= descriptors.0 + 1.0 && most.1 <= most.0 + 2.0,
        },
        Verdict {
            what: "threads",
            measured: format!("median {} in both halves, most {most_threads}", threads.1),
            rule: "the same in both halves, and never more",
            holds: threads.0 == threads.1 && most_threads == threads.1,
        },
    ]
}

/// The least squares' line of the memory: its growth from end to end, twice the residuals' deviation, the mean.
fn fit(samples: &[Sample]) -> (f64, f64, f64) {
    let count = samples.len() as f64;
    let mean = |value: fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|sample| sample.at), mean(|sample| sample.resident));
    let sum = |value: &dyn Fn(&Sample) -> f64| samples.iter().map(value).sum::<f64>();
    let spread = sum(&|sample| (sample.at - time).powi(2));
    let slope = sum(&|sample| (sample.at - time) * (sample.resident - memory)) / spread;
    let rest = sum(&|sample| (sample.resident - memory - slope * (sample.at - time)).powi(2)) / count;
    let length = samples.last().map_or(0.0, |last| last.at) - samples[0].at;
    (slope * length, 2.0 * rest.sqrt(), memory)
}

fn median(samples: &[Sample], value: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<_> = samples.iter().map(value).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
