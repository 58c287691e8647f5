//! A command in flight: the validator, or the reload command. It runs in a process group of its own, which is killed at
//! the time-out. Its output goes to the log only (a validator may print secrets), in bounded size; the agent does not
//! wait for its end.

use super::{clock, files, log};
use crate::runtime::{self, Spawn};
use agent::errors::{Code, Problem};
use alloc::{ffi::CString, format, string::String, vec::Vec};
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::fs::{self, Access};
use rustix::io::{self, Errno};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process_group};

/// The log gets this much of the output.
const OUTPUT_MAX_BYTES: usize = 8 << 10;
/// As many bytes as a pipe holds. A command that writes without pause must not stop the loop, nor its own time-out.
const READ_AT_ONCE_BYTES: usize = 64 << 10;
/// The PATH of execvp(3) where the environment has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command in flight.
pub struct Child {
    pid: i32,
    /// None after every process has closed the other end, which may be before the child ends or after.
    output: Option<OwnedFd>,
    line: Vec<u8>,
    logged: usize,
    msg: &'static str,
    is_killed: bool,
    /// When it is killed, milliseconds since boot.
    pub deadline: u64,
}

/// How a child ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It exited with a code.
    Code(i32),
    /// A signal ended it.
    Signal(i32),
    /// The agent killed it at the time-out.
    TimedOut,
}

impl Ended {
    /// `exited with code 1`.
    pub fn describe(self) -> String {
        match self {
            Ended::Code(127) => "could not be executed".into(),
            Ended::Code(code) => format!("exited with code {code}"),
            Ended::Signal(signal) => format!("was ended by signal {signal}"),
            Ended::TimedOut => "took too long and was killed".into(),
        }
    }
}

impl Child {
    /// Starts `argv` without a shell; a program without a slash is found in PATH. `msg` is the message of the log lines with
    /// its output.
    pub fn start(argv: &[String], msg: &'static str, timeout: u64) -> io::Result<Child> {
        let words: Vec<CString> = argv.iter().filter_map(|word| CString::new(word.as_str()).ok()).collect();
        let pointers: Vec<&CStr> = words.iter().map(CString::as_c_str).collect();
        let path = find(argv.first().map_or("", String::as_str))?;
        let (output, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
        fs::fcntl_setfl(&output, fs::OFlags::NONBLOCK)?;
        let how =
            Spawn { path: &path, argv: &pointers, output: Some(rustix::fd::AsFd::as_fd(&theirs)), own_group: true };
        let pid = runtime::spawn(&how)?;
        Ok(Child {
            pid,
            output: Some(output),
            line: Vec::new(),
            logged: 0,
            msg,
            is_killed: false,
            deadline: clock::now() + timeout,
        })
    }

    /// The descriptor to poll.
    pub fn descriptor(&self) -> Option<PollFd<'_>> {
        self.output.as_ref().map(|output| PollFd::new(output, PollFlags::IN))
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Logs the output so far, and kills the child after its time-out.
    pub fn advance(&mut self) {
        let mut buffer = [0; 1024];
        for _ in 0..READ_AT_ONCE_BYTES / buffer.len() {
            let Some(output) = &self.output else { break };
            match files::read_some(output, &mut buffer) {
                Ok(count @ 1..) => buffer[..count].iter().for_each(|byte| self.take(*byte)),
                Err(Errno::AGAIN) => break,
                _ => self.output = None,
            }
        }
        if !self.is_killed && clock::now() >= self.deadline {
            self.kill();
        }
    }

    fn take(&mut self, byte: u8) {
        if self.logged >= OUTPUT_MAX_BYTES {
            return;
        }
        if byte == b'\n' || self.line.len() >= 512 {
            self.flush();
        }
        if byte != b'\n' {
            self.line.push(byte);
        }
    }

    fn flush(&mut self) {
        let text = String::from_utf8_lossy(&self.line)
            .replace(|character: char| character.is_control() && character != '\t', "");
        if !text.is_empty() {
            log::info(self.msg).string("text", &text).write();
        }
        self.logged += text.len();
        self.line.clear();
    }

    fn kill(&mut self) {
        self.is_killed = true;
        self.deadline = u64::MAX;
        let Some(group) = Pid::from_raw(self.pid) else { return };
        // Before its setpgid the child has no group of its own.
        if kill_process_group(group, Signal::KILL).is_err() {
            let _ = rustix::process::kill_process(group, Signal::KILL);
        }
    }

    /// The child has ended with `status`: logs the rest of its output.
    pub fn ended(mut self, status: Ended) -> Ended {
        self.advance();
        self.flush();
        if self.is_killed { Ended::TimedOut } else { status }
    }
}

/// The path of a program; one without a slash is found in PATH. ENOENT, or EACCES if no file of this name is executable.
pub fn find(program: &str) -> io::Result<CString> {
    if program.contains('/') {
        return CString::new(program).map_err(|_| Errno::INVAL);
    }
    let environment = runtime::environment();
    let path = environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix("PATH="));
    let mut error = Errno::NOENT;
    if program.is_empty() {
        return Err(error);
    }
    for directory in path.unwrap_or(DEFAULT_PATH).split(':') {
        // An empty entry is the working directory (execvp(3)).
        let path = format!("{}/{program}", if directory.is_empty() { "." } else { directory });
        match fs::access(path.as_str(), Access::EXEC_OK) {
            Ok(()) => return CString::new(path).map_err(|_| Errno::INVAL),
            Err(Errno::ACCESS) => error = Errno::ACCESS,
            Err(_) => {}
        }
    }
    Err(error)
}

/// Whether a program that could not be started for this error may start later: the error says nothing about it or its input.
pub fn may_go_away(error: Errno) -> bool {
    matches!(error, Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::TXTBSY)
}

/// The program `argv` could not be started.
pub fn not_started(code: Code, argv: &[String], error: Errno) -> Problem {
    let program = argv.first().map_or("", String::as_str);
    Problem::new(code, format!("{program}: {}; nothing was reloaded", files::describe(error)))
}
