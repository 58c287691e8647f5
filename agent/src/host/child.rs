//! A command in flight: the validator, or the reload command. Its own process group, killed as a group at its time-out;
//! its output goes to the log only, bounded (a validator may print secrets), and is never waited for.

use super::{clock, files, log};
use crate::runtime::{self, Spawn};
use alloc::{ffi::CString, format, string::String, vec::Vec};
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::fs::{self, Access};
use rustix::io::{self, Errno};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process_group};

/// Of the output, this much goes to the log.
const OUTPUT_MAX_BYTES: usize = 8 << 10;
/// Where programs are looked for without a PATH, as execvp(3) does.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command in flight.
pub struct Child {
    pid: i32,
    /// None once every holder of its end has closed it, which may be before it ends and after.
    output: Option<OwnedFd>,
    line: Vec<u8>,
    logged: usize,
    msg: &'static str,
    killed: bool,
    /// When it is killed, milliseconds since boot.
    pub deadline: u64,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with a code.
    Code(i32),
    /// Of a signal.
    Signal(i32),
    /// Killed at its time-out.
    TimedOut,
}

impl Ended {
    /// `exited with code 1`.
    pub fn describe(self) -> String {
        match self {
            Ended::Code(127) => "could not be executed".into(),
            Ended::Code(code) => format!("exited with code {code}"),
            Ended::Signal(signal) => format!("ended of signal {signal}"),
            Ended::TimedOut => "took too long and was killed".into(),
        }
    }
}

impl Child {
    /// Starts `argv` (no shell; looked for in PATH). `msg` is the message of its output's log lines.
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
            killed: false,
            deadline: clock::now() + timeout,
        })
    }

    /// What to poll for.
    pub fn descriptor(&self) -> Option<PollFd<'_>> {
        self.output.as_ref().map(|output| PollFd::new(output, PollFlags::IN))
    }

    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Logs what it has written, and kills it once its time is over.
    pub fn advance(&mut self) {
        let mut buffer = [0; 1024];
        while let Some(output) = &self.output {
            match files::read_some(output, &mut buffer) {
                Ok(count @ 1..) => buffer[..count].iter().for_each(|byte| self.take(*byte)),
                Err(Errno::AGAIN) => break,
                _ => self.output = None,
            }
        }
        if !self.killed && clock::now() >= self.deadline {
            self.kill();
        }
    }

    fn take(&mut self, byte: u8) {
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
        if !text.is_empty() && self.logged < OUTPUT_MAX_BYTES {
            log::info(self.msg).string("text", &text).write();
        }
        self.logged += text.len();
        self.line.clear();
    }

    fn kill(&mut self) {
        self.killed = true;
        // Looked at again soon, should the kill come before its setpgid.
        self.deadline = u64::MAX;
        let Some(group) = Pid::from_raw(self.pid) else { return };
        if kill_process_group(group, Signal::KILL).is_err() {
            let _ = rustix::process::kill_process(group, Signal::KILL);
        }
    }

    /// It has ended with `status`.
    pub fn ended(mut self, status: Ended) -> Ended {
        self.advance();
        self.flush();
        if self.killed { Ended::TimedOut } else { status }
    }
}

/// Where a program is, by PATH where its name has no slash. ENOENT, or EACCES where all that was found can't be executed.
pub(super) fn find(program: &str) -> io::Result<CString> {
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
