//! The sending code itself against processes that end, and whose ids others get, while it is at work.

extern crate alloc;

#[allow(dead_code)] // the binary's own parts, of which sending is the one under test
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
use agent::target::{Want, YOUNG_MS};
use host::procfs::Proc;
use host::signal::{Sent, send};
use std::collections::{HashSet, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Root, Running};

const SIGHUP: u32 = 1;
/// Set inside the PID namespace: the test's own directory.
const INSIDE: &str = "HOTRELOAD_TEST_INSIDE";

/// Runs `test` in a PID namespace of its own, where ids can be given out again (any user may make one).
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

/// One that can be signalled.
struct Victim {
    process: Process,
    birth: u64,
}

/// Starts and ends them, and knows which of them were signalled.
struct Victims {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    log: std::fs::File,
    proc: Proc,
    told: HashSet<u64>,
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
            told: HashSet::new(),
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
        Victim { process, birth: birth.parse().unwrap() }
    }

    /// Signals the process that a scan has found before; whether it was.
    fn tell(&mut self, victim: &Victim) -> bool {
        // Of a process that is gone another would be looked for, and there is none.
        let want = Want { processes: vec!["nobody".into()], ..Want::default() };
        match send(&self.proc, &want, SIGHUP, u64::MAX, Some(&victim.process)) {
            Sent::Told(_) => self.told.insert(victim.birth),
            Sent::Not(_) => false,
            Sent::Younger(_) => unreachable!("nothing started after the end of time"),
        }
    }

    /// Whoever was signalled was meant.
    fn check(&mut self) {
        let mut lines = String::new();
        self.log.read_to_string(&mut lines).unwrap();
        for birth in lines.lines().map(|line| line.parse().unwrap()) {
            assert!(self.told.remove(&birth), "victim {birth} was signalled, and not meant");
        }
    }
}

/// On one processor, and after everybody else there: whoever wakes up interrupts us wherever we are.
fn be_interrupted() {
    let mut one = rustix::thread::CpuSet::new();
    let allowed = rustix::thread::sched_getaffinity(None).unwrap();
    one.set((0..1024).find(|cpu| allowed.is_set(*cpu)).unwrap());
    rustix::thread::sched_setaffinity(None, &one).unwrap();
}

fn respawned_between_look_and_signal(directory: &Path) {
    const TIMES: usize = 10_000;
    /// So many that each is older than a second when its turn comes: younger ones are looked at twice.
    const ALIVE: usize = 500;
    /// A signal takes less, unless the machine is busy with others.
    const LONGEST: Duration = Duration::from_micros(500);
    be_interrupted();
    let mut victims = Victims::new(directory);
    // No further down: on a busy machine the test would hardly get on.
    rustix::process::setpriority_process(None, 5).unwrap();
    let mut queue: VecDeque<Victim> = (0..ALIVE)
        .map(|_| {
            victims.order("start");
            victims.answer()
        })
        .collect();
    let (mut told, mut longest) = (0, Duration::ZERO);
    for time in 0..TIMES {
        let victim = queue.pop_front().unwrap();
        let age = host::clock::now().saturating_sub(victim.process.started_ms());
        std::thread::sleep(Duration::from_millis((YOUNG_MS + 10).saturating_sub(age)));
        // From before the first look to after the signal; rather early, since whoever waits is woken a little late.
        let share = (time * 7919 % 1000) as u32;
        let wait = longest * share / 1000 * share / 1000;
        victims.order(&format!("replace {} {}", victim.process.pid, wait.as_micros()));
        let begun = Instant::now();
        if victims.tell(&victim) {
            told += 1;
            longest = longest.max(begun.elapsed()).min(LONGEST);
        }
        let next = victims.answer();
        assert_eq!(next.process.pid, victim.process.pid, "the id was given out again");
        queue.push_back(next);
        victims.check();
    }
    assert!(told > 0 && told < TIMES, "{told} of {TIMES} were told before their end");
}

#[test]
fn the_successor_of_a_process_never_gets_its_signal() {
    in_a_pid_namespace("the_successor_of_a_process_never_gets_its_signal", respawned_between_look_and_signal);
}

fn another_program_soon(directory: &Path) {
    let program = directory.join("victim");
    let path = std::env::var("PATH").unwrap();
    let sleep = path.split(':').map(|directory| Path::new(directory).join("sleep")).find(|file| file.exists()).unwrap();
    std::os::unix::fs::symlink(sleep, &program).unwrap();
    be_interrupted();
    let mut victims = Victims::new(directory);
    let (mut spared, mut told) = (0, 0);
    while spared < 20 {
        // In the time between the two looks it becomes a program of the same name that the signal would end.
        victims.order(&format!("become {} 3000", program.display()));
        let victim = victims.answer();
        if victims.tell(&victim) {
            // On a busy machine it may come to that only after both. Without a second look it would be so each time.
            told += 1;
            assert!(told < 60, "told on the word of a handler that is gone");
            continue;
        }
        spared += 1;
        assert!(host::signal::is_still(&victims.proc, &victim.process), "it has ended");
    }
    victims.check();
    victims.order("start");
    let victim = victims.answer();
    assert!(victims.tell(&victim), "a young one that handles the signal all the time is told");
}

#[test]
fn a_handler_that_is_soon_gone_does_not_count() {
    in_a_pid_namespace("a_handler_that_is_soon_gone_does_not_count", another_program_soon);
}
