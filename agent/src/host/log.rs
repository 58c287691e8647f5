//! Writes log lines to standard output. Each is one JSON object: time, level, msg (constant) and fields. A log line never
//! contains the content of a ConfigMap or Secret. Where nobody reads standard output and its pipe is full, lines are
//! dropped and counted: the agent does not wait.

use super::{clock, files};
use crate::runtime::stdout;
use agent::{errors::Problem, json::Object, time::rfc3339};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, OFlags};
use rustix::time::Timespec;

/// Kubernetes' default terminationMessagePath.
const TERMINATION_MESSAGE: &str = "/dev/termination-log";
/// PIPE_BUF (pipe(7)): a pipe that is ready for writing takes at least so many bytes.
const CHUNK: usize = 4096;
/// Lines that were dropped since the start.
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// The same since the last line that says so.
static UNREPORTED: AtomicU64 = AtomicU64::new(0);
/// The last line was written in part.
static IS_BROKEN: AtomicBool = AtomicBool::new(false);

/// Lines that were dropped since the start.
pub fn dropped() -> u64 {
    DROPPED.load(SeqCst)
}

/// A line that is being written.
pub struct Line(Object);

/// An expected event.
pub fn info(msg: &str) -> Line {
    line("info", msg)
}

/// A problem that a person should see; the agent continues.
pub fn warn(msg: &str) -> Line {
    line("warn", msg)
}

/// The agent could not follow its flags or its command.
pub fn error(msg: &str) -> Line {
    line("error", msg)
}

/// Logs why the app may not start. The first problem is also what the kubelet shows when the container has ended: nobody
/// sees the output of a hook.
pub fn held_back(msg: &str, problems: &[Problem]) {
    for problem in problems {
        error(msg).string("code", problem.code.text()).string("error", &problem.message).write();
    }
    let file = files::open(CWD, TERMINATION_MESSAGE, OFlags::WRONLY | OFlags::TRUNC);
    if let (Ok(file), Some(problem)) = (file, problems.first()) {
        let _ = files::write_all(&file, problem.sentence().as_bytes());
    }
}

fn line(level: &str, msg: &str) -> Line {
    let time = rfc3339(clock::wall());
    Line(Object::new().string("time", &time).string("level", level).string("msg", msg))
}

impl Line {
    /// Adds a text.
    pub fn string(self, key: &str, value: &str) -> Line {
        Line(self.0.string(key, value))
    }

    /// Adds a number.
    pub fn number(self, key: &str, value: u64) -> Line {
        Line(self.0.number(key, value))
    }

    /// Writes the line, unless standard output is full. An error is ignored: the agent has no other place to report it.
    pub fn write(self) {
        let lost = UNREPORTED.load(SeqCst);
        if lost > 0 && warn("log lines dropped").number("lines", lost).put() {
            UNREPORTED.store(0, SeqCst);
        }
        if !self.put() {
            DROPPED.fetch_add(1, SeqCst);
            UNREPORTED.fetch_add(1, SeqCst);
        }
    }

    /// Writes the line without waiting; whether all of it was written.
    fn put(self) -> bool {
        let mut text = self.0.finish();
        text.push('\n');
        if IS_BROKEN.load(SeqCst) {
            text.insert(0, '\n');
        }
        let mut chunks = text.as_bytes().chunks(CHUNK);
        let failed = chunks.position(|chunk| !is_writable() || files::write_all(stdout(), chunk).is_err());
        match failed {
            Some(0) => {}
            _ => IS_BROKEN.store(failed.is_some(), SeqCst),
        }
        failed.is_none()
    }
}

fn is_writable() -> bool {
    let output = stdout();
    let mut polled = [PollFd::new(&output, PollFlags::OUT)];
    let _ = poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    polled[0].revents().contains(PollFlags::OUT)
}
