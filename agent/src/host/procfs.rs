//! Reads /proc. A process that can't be read, as it ended or is hidden, counts as missing.

use super::files;
use agent::mountinfo;
use agent::proc::{self, Masks, Process};
use agent::proof::{self, Worker};
use agent::target::{self, Facts, NoTarget, TargetSelector};
use alloc::{format, string::String, vec::Vec};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, OFlags};
use rustix::io;

/// More than the kernel writes into stat and status, and than the mount table of any container.
const FILE_MAX_BYTES: usize = 1 << 20;

/// An open /proc.
pub struct Proc {
    directory: OwnedFd,
    /// The agent's own Pod UID, if the runtime shows it.
    pub pod: Option<String>,
    /// The agent's own process.
    pub me: u32,
}

impl Proc {
    /// Opens /proc and reads the agent's own Pod UID.
    pub fn open() -> io::Result<Proc> {
        let directory = files::open_directory(CWD, "/proc")?;
        let me = rustix::process::getpid().as_raw_nonzero().get() as u32;
        let mut proc = Proc { directory, pod: None, me };
        let own = proc.text(me, "mountinfo").and_then(|text| mountinfo::instance(&text));
        proc.pod = own.map(|instance| instance.pod);
        Ok(proc)
    }

    fn bytes(&self, pid: u32, file: &str) -> Option<Vec<u8>> {
        files::read(&self.directory, format!("{pid}/{file}").as_str(), FILE_MAX_BYTES).ok()
    }

    /// Parses stat or status.
    fn parse<T>(&self, pid: u32, file: &str, parse: impl Fn(&str) -> T) -> Option<T> {
        let mut found = None;
        self.read(pid, file, &mut |text| found = Some(parse(text)));
        found
    }

    /// Mostly the memory of one page on the stack is enough.
    fn read(&self, pid: u32, file: &str, take: &mut dyn FnMut(&str)) {
        let mut buffer = [0; 4096];
        let path = format!("{pid}/{file}");
        let Ok(open) = files::open(&self.directory, path.as_str(), OFlags::RDONLY) else { return };
        // The kernel writes as much as fits at once (seq_file).
        match files::read_some(open, &mut buffer) {
            Ok(count) if count < buffer.len() => take(&String::from_utf8_lossy(&buffer[..count])),
            Ok(_) => self.text(pid, file).iter().for_each(|text| take(text)),
            Err(_) => {}
        }
    }

    /// Invalid UTF-8 is replaced: a command name may contain any bytes.
    fn text(&self, pid: u32, file: &str) -> Option<String> {
        self.bytes(pid, file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Every visible process.
    pub fn processes(&self) -> Vec<Process> {
        self.pids().into_iter().filter_map(|pid| self.process(pid)).collect()
    }

    /// The children of a process.
    pub fn workers(&self, master: u32) -> Vec<Worker> {
        let is_child = |process: &Process| process.parent == master && !process.zombie;
        let worker = |process: Process| Worker {
            pid: process.pid,
            started: process.started_ms(),
            is_leaving: proof::is_leaving(&self.command(process.pid)),
        };
        self.pids().into_iter().filter_map(|pid| self.stat(pid)).filter(is_child).map(worker).collect()
    }

    fn pids(&self) -> Vec<u32> {
        let list = files::open_directory(&self.directory, ".").and_then(files::names).unwrap_or_default();
        list.iter().filter_map(|name| name.to_str().ok()?.parse().ok()).collect()
    }

    fn process(&self, pid: u32) -> Option<Process> {
        let process = self.stat(pid)?;
        let instance = match &self.pod {
            Some(pod) => self.text(pid, "mountinfo").and_then(|text| mountinfo::instance_in_pod(&text, pod)),
            None => None,
        };
        Some(Process { instance, ..process })
    }

    /// One process, without its container.
    pub fn stat(&self, pid: u32) -> Option<Process> {
        self.parse(pid, "stat", proc::stat)?
    }

    /// Whether a process still runs the same program: it has not ended, and no other process has its id.
    pub fn is_still(&self, process: &Process) -> bool {
        let is_same = |now: Process| now.started == process.started && now.comm == process.comm && !now.zombie;
        self.stat(process.pid).is_some_and(is_same)
    }

    /// Whether a process has ended; one that now runs another program has not.
    pub fn has_ended(&self, process: &Process) -> bool {
        self.stat(process.pid).is_none_or(|now| now.zombie || now.started != process.started)
    }

    /// The signal masks of a process.
    pub fn masks(&self, pid: u32) -> Option<Masks> {
        self.parse(pid, "status", proc::masks)?
    }

    /// The same, if the process has not ended and still runs the program of this name.
    pub fn masks_of(&self, process: &Process) -> Option<Masks> {
        self.parse(process.pid, "status", |status| proc::masks(status).filter(|_| proc::runs(status, &process.comm)))?
    }

    /// Whether a process has yet to take a signal, or blocks it.
    pub fn is_held(&self, pid: u32, signal: u32) -> bool {
        self.parse(pid, "status", |status| proc::is_held(status, signal)).unwrap_or(true)
    }

    /// The signals that any thread of a process blocks.
    pub fn blocked(&self, pid: u32) -> u64 {
        let Ok(tasks) = files::open_directory(&self.directory, format!("{pid}/task").as_str()) else { return 0 };
        let threads = files::names(&tasks).unwrap_or_default();
        let masks = threads.iter().filter_map(|thread| {
            let path = format!("{}/status", thread.to_str().ok()?);
            let text = files::read(&tasks, path.as_str(), FILE_MAX_BYTES).ok()?;
            proc::masks(&String::from_utf8_lossy(&text))
        });
        masks.fold(0, |all, masks| all | masks.blocked)
    }

    /// The process to signal. `signal` is None where the process is to end.
    pub fn choose<'a>(
        &self,
        all: &'a [Process],
        selector: &TargetSelector,
        signal: Option<u32>,
    ) -> Result<&'a Process, NoTarget> {
        let facts = Facts { command: &|pid| self.command(pid), masks: &|pid| self.masks(pid), signal };
        target::choose(all, selector, self.pod.as_deref(), self.me, &facts)
    }

    /// The command line of a process; NUL ends each word.
    pub fn command(&self, pid: u32) -> Vec<u8> {
        self.bytes(pid, "cmdline").unwrap_or_default()
    }
}
