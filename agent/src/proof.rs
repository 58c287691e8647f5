//! What proves that a program has taken a change after a signal: `--confirm`. A master that has renewed its workers has
//! read its configuration; some programs publish the time of their last successful reload. Times are milliseconds, of
//! processes since boot, of metrics since 1970.

use crate::http::{self, ReloadRequest};
use crate::proc;
use alloc::{string::String, vec::Vec};

/// How long a new worker must live: one that fails at its start ends earlier.
pub const STAY_MS: u64 = 500;
/// As much may two readings of the clock differ that are of one moment: since boot, and since 1970.
const CLOCKS_MS: u64 = 5;
/// A line of a metric is shorter.
const LINE_MAX_BYTES: usize = 512;

/// What to look for after a signal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Proof {
    /// The signalled process has new children.
    Workers,
    /// A metric is the time of a reload after the signal.
    Metric {
        /// Its name, without labels.
        name: String,
        /// The request for the page that has it.
        request: ReloadRequest,
    },
}

impl Proof {
    /// Parses `workers`, or `NAME URL`: a metric and its page on the Pod's loopback.
    pub fn parse(text: &str) -> Option<Proof> {
        if text == "workers" {
            return Some(Proof::Workers);
        }
        let (name, url) = text.split_once(' ')?;
        let is_name =
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
        let request = http::parse_reload_request(&alloc::format!("GET {url}"))?;
        is_name.then(|| Proof::Metric { name: name.into(), request })
    }
}

/// What a look at the program shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// The program has taken the change.
    Taken,
    /// The program has new workers, which may fail at their start.
    Starting,
    /// The program is as it was before the signal.
    NotYet,
    /// Nothing can be known: no workers, no metric.
    Nothing,
}

/// A child of a master.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Worker {
    /// Its id.
    pub pid: u32,
    /// Its start.
    pub started: u64,
    /// It says itself that it only finishes its connections.
    pub is_leaving: bool,
}

/// Whether a command line is that of a worker that only finishes its connections. nginx alone shows it.
pub fn is_leaving(cmdline: &[u8]) -> bool {
    proc::arguments(cmdline).first().is_some_and(|title| title.ends_with(b"worker process is shutting down"))
}

/// Compares a master's children of `before`, at the time of the signal, with those of now. A master that refused its
/// configuration starts a worker in place of one that ended, as after a crash, and keeps most of them. So new workers are a
/// proof if no old one works on, if they are more than those that ended, or if most of the old ones ended. Workers
/// older than the `generation` that was the last proof may finish their connections for hours, and don't count.
///
/// In the end each worker may have crashed. So a look `in_doubt`, after the time for the proof, takes only what crashes
/// can't give: more new workers than old ones ended, or old ones that have begun to leave.
pub fn workers(
    before: &[Worker],
    children: &[Worker],
    generation: u64,
    signalled: u64,
    now: u64,
    in_doubt: bool,
) -> Evidence {
    // A process's start is rounded down to a tick.
    let is_new = |worker: &&Worker| worker.started + 10 > signalled;
    let is_old = |worker: &&Worker| !is_new(worker) && worker.started + 10 > generation;
    let stays = |worker: &&Worker| worker.started + STAY_MS <= now;
    let (new, starting) = children
        .iter()
        .filter(is_new)
        .fold((0, 0), |(new, starting), worker| if stays(&worker) { (new + 1, starting) } else { (new, starting + 1) });
    let working = children.iter().filter(is_old).filter(|worker| !worker.is_leaving).count();
    let now_of =
        |worker: &Worker| children.iter().find(|child| (child.pid, child.started) == (worker.pid, worker.started));
    let had = before.iter().filter(is_old).count();
    let ended = before.iter().filter(is_old).filter(|worker| now_of(worker).is_none()).count();
    let begins_to_leave = |worker: &Worker| !worker.is_leaving && now_of(worker).is_some_and(|child| child.is_leaving);
    let is_proved = if in_doubt {
        had > 0 && new > ended || before.iter().any(begins_to_leave)
    } else {
        working == 0 || new > ended || ended > working
    };
    match (new, working) {
        (1.., _) if is_proved => Evidence::Taken,
        _ if starting > 0 => Evidence::Starting,
        (0, 0) => Evidence::Nothing,
        _ => Evidence::NotYet,
    }
}

/// Compares the time of the last reload, which has a fraction of a second, with that of the signal: a program may have
/// started in the same second. `known` is the time of the reload before. Before `doubtful` it may be due to the signal
/// before, which had no proof yet. A time after `now` is from before the clock was set back.
pub fn reload_time(value: Option<u64>, signalled: u64, known: u64, doubtful: u64, now: u64) -> Evidence {
    match value {
        Some(value) if value + CLOCKS_MS < signalled || value == known || value > now => Evidence::NotYet,
        Some(value) if value >= doubtful => Evidence::Taken,
        _ => Evidence::Nothing,
    }
}

/// Finds one metric in a page that arrives in parts.
#[derive(Debug)]
pub struct MetricScan {
    name: String,
    line: Vec<u8>,
    /// Its value as a time, once found.
    pub value: Option<u64>,
}

impl MetricScan {
    /// Looks for the metric `name`.
    pub fn new(name: &str) -> MetricScan {
        MetricScan { name: name.into(), line: Vec::new(), value: None }
    }

    /// Takes the next part of the page.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let found = core::str::from_utf8(&self.line).ok().and_then(|line| value(line, &self.name));
                    self.value = self.value.or(found);
                    self.line.clear();
                }
                _ if self.line.len() < LINE_MAX_BYTES => self.line.push(*byte),
                _ => {}
            }
        }
    }
}

/// The value in `NAME 1.7e+09` or `NAME{label="…"} 1.7e+09`.
fn value(line: &str, name: &str) -> Option<u64> {
    let rest = line.strip_prefix(name)?;
    let rest = if rest.starts_with('{') { rest.rsplit_once('}')?.1 } else { rest };
    seconds(rest.strip_prefix(' ')?.trim().split(' ').next()?)
}

/// Seconds with a fraction and an exponent, in milliseconds.
fn seconds(text: &str) -> Option<u64> {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: usize =
        exponent.strip_prefix('+').unwrap_or(exponent).parse().ok().filter(|exponent| *exponent < 16)?;
    // More digits would be a time after the year 30000.
    let length = whole.len().checked_add(exponent + 3).filter(|length| *length <= 15)?;
    let mut digits = whole.bytes().chain(fraction.bytes()).chain(core::iter::repeat(b'0')).take(length);
    digits.try_fold(0, |value: u64, digit| digit.is_ascii_digit().then(|| value * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};
    use proptest::prelude::*;

    #[test]
    fn a_proof_is_parsed() {
        assert_eq!(Proof::parse("workers"), Some(Proof::Workers));
        let Some(Proof::Metric { name, request }) = Proof::parse("last_reload http://127.0.0.1:9090/metrics") else {
            panic!("no metric")
        };
        assert_eq!((name.as_str(), request.describe().as_str()), ("last_reload", "GET http://127.0.0.1:9090/metrics"));
        for bad in [
            "",
            "worker",
            "a",
            "a http://10.0.0.1/",
            " http://127.0.0.1/",
            "a b http://127.0.0.1/",
            "a{} http://127.0.0.1/",
        ] {
            assert_eq!(Proof::parse(bad), None, "{bad}");
        }
    }

    fn started(starts: &[u64]) -> Vec<Worker> {
        let worker = |(pid, started): (usize, &u64)| Worker { pid: pid as u32, started: *started, is_leaving: false };
        starts.iter().enumerate().map(worker).collect()
    }

    /// The signal came at 100 s. `kept` of the workers of `before` are left, and there are new ones.
    fn at(now: u64, before: &[u64], kept: &[usize], new: &[u64]) -> Evidence {
        look(now, before, kept, new, false)
    }

    /// The same after the time for the proof.
    fn late(before: &[u64], kept: &[usize], new: &[u64]) -> Evidence {
        look(900_000, before, kept, new, true)
    }

    fn look(now: u64, before: &[u64], kept: &[usize], new: &[u64], in_doubt: bool) -> Evidence {
        let before = started(before);
        let mut children: Vec<Worker> = kept.iter().map(|index| before[*index]).collect();
        children.extend(started(new).into_iter().map(|worker| Worker { pid: worker.pid + 100, ..worker }));
        workers(&before, &children, 0, 100_000, now, in_doubt)
    }

    const FOUR: [u64; 4] = [50_000, 50_010, 50_010, 50_020];

    #[test]
    fn new_workers_that_stay_are_a_proof() {
        assert_eq!(at(100_600, &FOUR, &[], &[100_030; 4]), Evidence::Taken);
        assert_eq!(at(100_600, &FOUR, &[1, 3], &[100_030; 4]), Evidence::Taken, "two old ones still drain");
        assert_eq!(at(100_600, &FOUR, &[0, 1, 2, 3], &[100_030; 4]), Evidence::Taken, "all old ones still drain");
        assert_eq!(at(100_600, &[], &[], &[100_000]), Evidence::Taken, "in the tick of the signal");
        assert_eq!(at(100_300, &FOUR, &[], &[100_030; 4]), Evidence::Starting, "too young");
        assert_eq!(
            at(160_000, &FOUR, &[0, 1, 2, 3], &[]),
            Evidence::NotYet,
            "a refused configuration: the old workers"
        );
        assert_eq!(at(160_000, &[], &[], &[]), Evidence::Nothing, "php-fpm starts workers on demand");
    }

    #[test]
    fn fewer_new_workers_are_a_proof_while_the_old_ones_drain() {
        assert_eq!(at(100_600, &FOUR, &[0, 1, 2, 3], &[100_030]), Evidence::Taken, "none has ended");
        assert_eq!(at(100_600, &FOUR, &[2], &[100_030]), Evidence::Taken, "most have ended");
        assert_eq!(at(100_600, &FOUR, &[2, 3], &[100_030, 100_040]), Evidence::NotYet, "or two have crashed");
        let leaving = started(&FOUR).into_iter().skip(2).map(|worker| Worker { is_leaving: true, ..worker });
        let children: Vec<Worker> = leaving.chain(started(&[100_030, 100_040])).collect();
        assert_eq!(
            workers(&started(&FOUR), &children, 0, 100_000, 100_600, false),
            Evidence::Taken,
            "the others are leaving"
        );
        assert!(is_leaving(b"nginx: worker process is shutting down\0\0"));
        assert!(!is_leaving(b"nginx: worker process\0") && !is_leaving(b""));
    }

    #[test]
    fn workers_of_earlier_reloads_may_drain_for_hours() {
        let before = started(&[20_000, 30_000, 50_000]);
        let mut children = started(&[20_000, 30_000, 50_000, 100_030]);
        assert_eq!(workers(&before, &children, 0, 100_000, 101_000, false), Evidence::Taken);
        // One of them ends meanwhile. The last reload was at 50 s.
        children.remove(0);
        assert_eq!(workers(&before, &children, 50_000, 100_000, 101_000, false), Evidence::Taken);
        children.pop();
        assert_eq!(workers(&before, &children, 50_000, 100_000, 101_000, false), Evidence::NotYet);
    }

    #[test]
    fn a_worker_that_was_replaced_after_a_crash_is_no_reload() {
        assert_eq!(at(103_000, &FOUR, &[0, 1, 2], &[101_000]), Evidence::NotYet);
        assert_eq!(at(103_000, &FOUR[..2], &[0], &[101_000]), Evidence::NotYet, "of two");
        assert_eq!(at(103_000, &[50_000, 50_010, 90_000], &[1, 2], &[101_000]), Evidence::NotYet, "the second crash");
    }

    #[test]
    fn after_the_time_for_the_proof_crashes_are_no_reload() {
        assert_eq!(late(&FOUR[..1], &[], &[500_000]), Evidence::NotYet, "the one worker");
        assert_eq!(late(&FOUR, &[3], &[300_000, 400_000, 500_000]), Evidence::NotYet, "most");
        assert_eq!(late(&FOUR, &[], &[300_000, 400_000, 500_000, 600_000]), Evidence::NotYet, "one after the other");
        assert_eq!(late(&FOUR[..1], &[], &[899_900]), Evidence::Starting);
        assert_eq!(late(&[], &[], &[500_000]), Evidence::NotYet, "a worker on demand");
        assert_eq!(late(&FOUR[..1], &[], &[]), Evidence::Nothing);
    }

    #[test]
    fn after_the_time_for_the_proof_new_workers_beside_old_ones_are_a_reload() {
        assert_eq!(late(&FOUR[..1], &[0], &[500_000]), Evidence::Taken);
        assert_eq!(late(&FOUR, &[2], &[500_000; 4]), Evidence::Taken);
        let before = started(&FOUR);
        let fewer = |was: bool, is: bool| {
            let before: Vec<Worker> = before.iter().map(|worker| Worker { is_leaving: was, ..*worker }).collect();
            let left = Worker { is_leaving: is, ..before[3] };
            workers(&before, &[left, Worker { pid: 9, started: 500_000, is_leaving: false }], 0, 100_000, 900_000, true)
        };
        assert_eq!(fewer(false, true), Evidence::Taken, "fewer workers, and an old one leaves");
        assert_eq!(fewer(true, true), Evidence::NotYet, "it left before the signal");
    }

    #[test]
    fn a_child_that_is_no_worker_and_stays_changes_nothing() {
        assert_eq!(at(103_000, &[50_000, 50_010, 50_010], &[0], &[100_030, 100_030]), Evidence::Taken);
    }

    fn scanned(page: &str, size: usize) -> Option<u64> {
        let mut scan = MetricScan::new("last_reload");
        page.as_bytes().chunks(size).for_each(|part| scan.feed(part));
        scan.value
    }

    #[test]
    fn a_metric_is_found_in_a_page_of_any_parts() {
        let long = "x".repeat(2_000);
        let page = format!(
            "HTTP/1.0 200 OK\r\n\r\n# HELP last_reload x\nlast_reload_total 3\n{long} 1\nlast_reload 1.7326358961234567e+09\n"
        );
        for size in [1, 2, 7, 64, 5_000] {
            assert_eq!(scanned(&page, size), Some(1_732_635_896_123), "{size}");
        }
        for (line, expected) in [
            ("last_reload{a=\"} 5\"} 12", Some(12_000)),
            ("last_reload 0", Some(0)),
            ("last_reload 1732635896", Some(1_732_635_896_000)),
            ("last_reload 1732635896.5", Some(1_732_635_896_500)),
            ("last_reload 1.7e+09 1732635896000", Some(1_700_000_000_000)),
            ("last_reload -1", None),
            ("last_reload NaN", None),
            ("last_reload 1e+99", None),
            ("last_reload 1e-5", None),
            ("last_reload", None),
        ] {
            assert_eq!(scanned(&format!("{line}\n"), 9), expected, "{line}");
        }
    }

    #[test]
    fn a_time_of_the_signal_or_later_is_a_proof_once() {
        let (signalled, before, now) = (1_700_000_000_700, 1_600_000_000_000, 1_700_000_010_000);
        for (value, known, doubtful, expected) in [
            (Some(1_700_000_000_750), before, 0, Evidence::Taken),
            (Some(1_700_000_000_750), 1_700_000_000_750, 0, Evidence::NotYet),
            (Some(1_700_000_000_699), before, 0, Evidence::Taken),
            // The program's start, in the second of the signal.
            (Some(1_700_000_000_135), 0, 0, Evidence::NotYet),
            (Some(1_699_999_999_999), 0, 0, Evidence::NotYet),
            (None, 0, 0, Evidence::Nothing),
            // The signal before was at 1_699_999_995_000.
            (Some(1_700_000_000_750), before, 1_700_000_005_000, Evidence::Nothing),
            (Some(1_700_000_005_000), before, 1_700_000_005_000, Evidence::Taken),
            // The program's start, before the clock was set back by an hour.
            (Some(1_700_003_000_000), 0, 0, Evidence::NotYet),
        ] {
            assert_eq!(reload_time(value, signalled, known, doubtful, now), expected, "{value:?} {known} {doubtful}");
        }
    }

    proptest! {
        #[test]
        fn any_page_and_flag_is_read(page in "(last_reload)?[ -~\n]{0,40}", flag in any::<String>(), starts in proptest::collection::vec(0u64..1 << 40, 0..8), now in 0u64..1 << 40) {
            let children = started(&starts);
            let _ = (scanned(&page, 3), Proof::parse(&flag), workers(&children, &children, now / 2, now, now, now % 2 == 0));
            let _ = vec![seconds(&page)];
        }
    }
}
