//! Whether the program is healthy: its process has not ended, and it answers. The kubelet's own look at a container is the
//! same, but nobody in the Pod can ask the kubelet.

use crate::host::clock;
use crate::host::health_call::HealthCall;
use crate::host::methods::{find_run, open_process};
use crate::host::procfs::Proc;
use agent::engine::Outcome;
use agent::http::HealthCheck;
use agent::options::watch::Options;
use agent::proc::Process;
use agent::target::TargetSelector;
use alloc::string::String;
use alloc::vec::Vec;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;

/// The program, and a question to it.
pub struct Health {
    check: Option<HealthCheck>,
    timeout: u64,
    target: TargetSelector,
    /// Whether the end of the process that gets signals counts; else only that of the container.
    is_signalled: bool,
    call: Option<HealthCall>,
    /// The answer, where it needs no call.
    answer: Option<Result<(), String>>,
    /// The process, and the descriptor that shows its end.
    program: Option<(Process, Option<OwnedFd>)>,
    /// A process that started earlier is about to end, milliseconds since boot.
    since: u64,
}

impl Health {
    pub fn new(options: &Options) -> Health {
        Health {
            check: options.health.clone(),
            timeout: options.health_timeout,
            target: options.target.clone(),
            is_signalled: options.method.name() == "signal",
            call: None,
            answer: None,
            program: None,
            since: 0,
        }
    }

    /// Asks, and watches the program from now on.
    pub fn ask(&mut self, proc: Option<&Proc>) {
        let is_missing = !self.watch(proc);
        (self.call, self.answer) = (None, None);
        match self.check.as_ref().map(|check| HealthCall::start(check, self.timeout)) {
            None if is_missing => self.answer = Some(Err("the program does not run".into())),
            None => self.answer = Some(Ok(())),
            Some(Ok(call)) => self.call = Some(call),
            Some(Err(reason)) => self.answer = Some(Err(reason)),
        }
    }

    /// A trial begins: an answer to an earlier question is about other content.
    pub fn begin(&mut self, proc: Option<&Proc>) {
        (self.call, self.answer) = (None, None);
        self.watch(proc);
    }

    /// Watches the program. Whether it may run: in a process namespace of its own, the agent sees no other.
    pub fn watch(&mut self, proc: Option<&Proc>) -> bool {
        if self.program.is_some() {
            return true;
        }
        let Some(proc) = proc.filter(|proc| proc.me != 1) else { return true };
        let all = proc.processes();
        let process = match find_run(&all, proc, &self.target) {
            Ok((_, program)) if self.is_signalled => program,
            Ok((root, _)) => root,
            Err(outcome) => return !matches!(outcome, Outcome::NoTarget(_)),
        };
        if process.started_ms() < self.since {
            return false;
        }
        self.program = Some((process.clone(), open_process(process.pid).ok()));
        true
    }

    /// The program is about to end, and to start again.
    pub fn restarting(&mut self) {
        (self.program, self.since) = (None, clock::now());
    }

    /// Nobody asks any more.
    pub fn forget(&mut self) {
        (self.call, self.answer, self.program) = (None, None, None);
    }

    /// Whether the program has ended since the last time.
    pub fn has_ended(&mut self, proc: Option<&Proc>) -> bool {
        self.program.take_if(|(process, _)| proc.is_some_and(|proc| proc.has_ended(process))).is_some()
    }

    /// Whether a question has no answer yet.
    pub fn is_asking(&self) -> bool {
        self.call.is_some() || self.answer.is_some()
    }

    /// Continues; the answer, or why the program is not healthy.
    pub fn advance(&mut self) -> Option<Result<(), String>> {
        let answer = match &mut self.call {
            Some(call) => Some(call.advance()?),
            None => self.answer.take(),
        };
        self.call = None;
        answer
    }

    /// The descriptors to poll.
    pub fn descriptors<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        polled.extend(self.call.as_ref().map(HealthCall::descriptor));
        let handle = self.program.as_ref().and_then(|(_, handle)| handle.as_ref());
        polled.extend(handle.map(|handle| PollFd::new(handle, PollFlags::IN)));
    }

    /// When `advance` is due all the same, milliseconds since boot.
    pub fn deadline(&self) -> Option<u64> {
        match &self.call {
            Some(call) => Some(call.deadline()),
            None => self.answer.as_ref().map(|_| 0),
        }
    }
}
