//! Runs the code that sends signals while processes end and other processes get their ids.

extern crate alloc;

#[allow(dead_code)] // these are the binary's modules, of which one is under test
#[path = "../src/host/mod.rs"]
mod host;
#[allow(dead_code)]
#[path = "../src/panics.rs"]
mod panics;
#[allow(dead_code)]
#[path = "../src/runtime.rs"]
mod runtime;
mod support;

use agent::proc::Process;
use agent::target::TargetSelector;
use agent::verdict::YOUNG_MS;
use host::methods::Target;
use host::methods::signal::{Sent, SignalledProcess, send};
use host::procfs::Proc;
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Root, Running};

const SIGHUP: u32 = 1;
/// Set inside the PID namespace: the test's own directory.
const INSIDE: &str = "HOTRELOAD_TEST_INSIDE";

/// Runs `test` in a PID namespace of its own, where ids can be reused (any user may create one).
fn in_a_pid_namespace(name: &str, test: fn(&Path)) {
    if let Some(directory) = std::env::var_os(INSIDE) {
        return test(Path::new(&directory));
    }
    let root = Root::new();
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(std::env::current_exe().unwrap()).args([name, "--exact", "--nocapture"]).env(INSIDE, &root.path);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr)
    );
}

/// A process that handles the signal.
struct Victim {
    process: Process,
    birth: u64,
    handle: OwnedFd,
}

/// Starts and ends victims, and knows which of them got the signal.
struct Victims {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: std::fs::File,
    proc: Proc,
    signalled: HashSet<u64>,
    _process: Running,
}

impl Victims {
    fn new(directory: &Path) -> Victims {
        let log = directory.join("log");
        std::fs::write(&log, "").unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/victims.pl");
        let mut command = Command::new("perl");
        command.arg(script).arg(&log).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Victims {
            orders: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()),
            log: std::fs::File::open(&log).unwrap(),
            proc: Proc::open().unwrap(),
            signalled: HashSet::new(),
            _process: Running(child),
        }
    }

    fn order(&mut self, order: &str) {
        self.orders.write_all(format!("{order}\n").as_bytes()).unwrap();
    }

    fn answer(&mut self) -> Victim {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (pid, birth) = line.trim().split_once(' ').unwrap_or_else(|| panic!("victims.pl ended: {line}"));
        let process = self.proc.stat(pid.parse().unwrap()).unwrap();
        let handle = pidfd_open(Pid::from_raw(process.pid as i32).unwrap(), PidfdFlags::empty()).unwrap();
        Victim { process, birth: birth.parse().unwrap(), handle }
    }

    /// Signals a process that an earlier scan found, or that `has_got` a signal; whether it got this one.
    fn signal(&mut self, victim: &Victim, has_got: bool) -> bool {
        // If the process is gone, the agent looks for another one, and finds none.
        let selector = TargetSelector { processes: vec!["nobody".into()], ..TargetSelector::default() };
        let process = victim.process.clone();
        let handle = has_got.then(|| victim.handle.try_clone().unwrap());
        let signalled = SignalledProcess { process, handle, until: None, signal: 0, sent_at: 0, may_exit: false };
        let mut last = Target { signalled: Some(signalled), ..Target::default() };
        match send(&self.proc, &selector, SIGHUP, u64::MAX, &mut last, false) {
            Ok(Sent::Signalled(_)) => self.signalled.insert(victim.birth),
            Ok(Sent::AlreadyFresh(_)) => unreachable!("nothing started after the end of time"),
            Err(_) => false,
        }
    }

    /// Every process that got a signal was the intended one.
    fn check(&mut self) {
        let mut lines = String::new();
        self.log.read_to_string(&mut lines).unwrap();
        for birth in lines.lines().map(|line| line.trim().parse().unwrap()) {
            assert!(self.signalled.remove(&birth), "victim {birth} got a signal for another process");
        }
    }
}

/// Runs the test on one processor only, so that every process that wakes up interrupts it.
fn be_interrupted() {
    let mut one = rustix::thread::CpuSet::new();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    one.set((0..1024).find(|cpu| allowed.is_set(*cpu)).unwrap());
    rustix::thread::sched_setaffinity(None, &one).unwrap();
}

fn respawned_between_check_and_signal(directory: &Path) {
    const TIMES: usize = 10_000;
    /// Enough that each is older than a second at its turn: the agent checks younger ones twice.
    const ALIVE: usize = 500;
    /// A signal takes less time, unless the machine is busy.
    const LONGEST: Duration = Duration::from_micros(500);
    be_interrupted();
    let mut victims = Victims::new(directory);
    // Not lower: on a busy machine the test would make little progress.
    rustix::process::setpriority_process(None, 5).unwrap();
    let mut queue: VecDeque<Victim> = (0..ALIVE)
        .map(|_| {
            victims.order("start");
            victims.answer()
        })
        .collect();
    let (mut signalled, mut longest) = (0, Duration::ZERO);
    for time in 0..TIMES {
        let victim = queue.pop_front().unwrap();
        let age = host::clock::now().saturating_sub(victim.process.started_ms());
        std::thread::sleep(Duration::from_millis((YOUNG_MS + 10).saturating_sub(age)));
        // From before the first check until after the signal. Early waits are more frequent, as a process wakes up late.
        let share = (time * 7919 % 1000) as u32;
        let wait = longest * share / 1000 * share / 1000;
        victims.order(&format!("replace {} {}", victim.process.pid, wait.as_micros()));
        let begun = Instant::now();
        if victims.signal(&victim, time % 2 == 0) {
            signalled += 1;
            longest = longest.max(begun.elapsed()).min(LONGEST);
        }
        let next = victims.answer();
        assert_eq!(next.process.pid, victim.process.pid, "the id was reused");
        queue.push_back(next);
        victims.check();
    }
    assert!(signalled > 0 && signalled < TIMES, "{signalled} of {TIMES} got the signal before their end");
}

#[test]
fn the_successor_of_a_process_never_gets_its_signal() {
    in_a_pid_namespace("the_successor_of_a_process_never_gets_its_signal", respawned_between_check_and_signal);
}

fn another_program_soon(directory: &Path) {
    let program = directory.join("victim");
    let path = std::env::var("PATH").unwrap();
    let sleep = path.split(':').map(|directory| Path::new(directory).join("sleep")).find(|file| file.exists()).unwrap();
    std::os::unix::fs::symlink(sleep, &program).unwrap();
    be_interrupted();
    let mut victims = Victims::new(directory);
    let (mut spared, mut signalled) = (0, 0);
    while spared < 20 {
        // Between the two checks it becomes a program of the same name that the signal would end.
        victims.order(&format!("become {} 3000", program.display()));
        let victim = victims.answer();
        if victims.signal(&victim, false) {
            // On a busy machine that may happen after both checks. Without the second check it would happen each time.
            signalled += 1;
            assert!(signalled < 60, "the agent trusted a handler that is gone");
            continue;
        }
        spared += 1;
        assert!(victims.proc.is_still(&victim.process), "it has ended");
    }
    victims.check();
    victims.order("start");
    let victim = victims.answer();
    assert!(victims.signal(&victim, false), "a young process that keeps its handler gets the signal");
}

#[test]
fn a_handler_that_is_soon_gone_does_not_count() {
    in_a_pid_namespace("a_handler_that_is_soon_gone_does_not_count", another_program_soon);
}
