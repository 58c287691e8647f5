//! The ways to reload: how each begins, goes on and ends.

use super::agent::Agent;
use super::call::Call;
use super::child::{Child, Ended};
use super::restart::{self, Begun, Change};
use super::signal::{self, Sent};
use super::{clock, files, log, probe, volume, volumes};
use agent::engine::{Do, Examined, Outcome, Why};
use agent::errors::{Code, Problem};
use agent::options::{Restart, Way};
use alloc::format;
use alloc::string::String;
use rustix::io::Errno;

impl Agent {
    /// Does it, or begins to (None).
    pub(super) fn reload(&mut self) -> Option<Outcome> {
        self.began = clock::now();
        match &self.options.way {
            _ if self.env_changed() => self.restart(self.options.restart, true),
            Way::Restart(how) => self.restart(*how, false),
            Way::None => Some(Outcome::Done),
            Way::Supervise(_) => {
                self.restart_asked = true;
                None
            }
            Way::Signal(number) => Some(self.signal(*number)),
            Way::Probe => Some(probe::record(&self.layout, self.name())),
            Way::Exec(argv) => match Child::start(argv, "command output", self.options.timeout) {
                Ok(child) => {
                    self.child = Some(child);
                    None
                }
                Err(error) => Some(Outcome::Failed(not_started(Code::ExecFailed, argv, error))),
            },
            Way::Http(request) => {
                self.calls += 1;
                match Call::start(request, self.calls - 1, clock::now()) {
                    Ok(call) => self.call = Some(call),
                    Err(outcome) => {
                        self.counters.request(None, false, 0);
                        return Some(outcome);
                    }
                }
                None
            }
        }
    }

    fn signal(&mut self, number: u32) -> Outcome {
        if self.memory.killed.contains(&number) {
            return Outcome::Final(signal::killed(number, "the program"));
        }
        let Some(proc) = &self.proc else { return no_proc() };
        let changed = volumes::newest(&self.volumes, &self.memory);
        match signal::send(proc, &self.options.want, number, changed, self.target.as_ref()) {
            Sent::Told(told) => {
                self.counters.signals += 1;
                self.target = Some(told.process.clone());
                self.may_exit = told.may_exit;
                self.told = Some(told);
                Outcome::Done
            }
            Sent::Younger(process) => {
                self.target = Some(process);
                Outcome::NotNeeded
            }
            Sent::Not(outcome) => outcome,
        }
    }

    fn restart(&mut self, how: Restart, env: bool) -> Option<Outcome> {
        let Some(proc) = &self.proc else { return Some(no_proc()) };
        let change = Change { at: volumes::newest(&self.volumes, &self.memory), digest: self.current, env };
        match restart::begin(proc, &self.options.want, how, &change, self.memory.restarted.as_ref()) {
            Ok(Begun::Ending(ending, restarted)) => {
                log::info("restarting the container").string("command", ending.command()).write();
                self.counters.restarts += 1;
                self.memory.restarted = Some(restarted);
                self.store.save(&self.memory);
                self.ending = Some(ending);
                None
            }
            Ok(Begun::Fresh(process)) => {
                let ours = self.memory.restarted.is_some_and(|last| last.digest == change.digest);
                self.target = Some(process);
                Some(if ours { Outcome::Done } else { Outcome::NotNeeded })
            }
            Err(outcome) => Some(outcome),
        }
    }

    /// Starts the validator.
    pub(super) fn validate(&mut self) -> Do {
        let Some(argv) = &self.options.validate else { return self.engine.validated(clock::now(), Ok(()), true) };
        match Child::start(argv, "validator output", self.options.timeout) {
            Ok(child) => {
                self.child = Some(child);
                Do::Nothing
            }
            Err(error) => {
                let problem = not_started(Code::ValidationFailed, argv, error);
                // No verdict on the content: there may be room for a process again, or nobody may write the program any more.
                if matches!(error, Errno::AGAIN | Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::TXTBSY) {
                    return self.engine.examined(clock::now(), Examined::Unreadable(problem));
                }
                self.counters.validations[1] += 1;
                self.engine.validated(clock::now(), Err(problem), true)
            }
        }
    }

    /// A child has ended: the command in flight, or something that was orphaned to the agent as PID 1.
    pub fn reaped(&mut self, pid: i32, status: Ended) {
        let Some(child) = self.child.take_if(|child| child.pid() == pid) else { return };
        let status = child.ended(status);
        let result = if status == Ended::Code(0) { Ok(()) } else { Err(status.describe()) };
        let next = if self.engine.validating() { self.validated(result) } else { self.settled(executed(result)) };
        self.go(next);
    }

    fn validated(&mut self, result: Result<(), String>) -> Do {
        self.counters.validations[usize::from(result.is_err())] += 1;
        let same =
            self.volumes.iter().all(|known| !known.dirty && volume::generation(&known.directory) == known.generation);
        let result = result.map_err(|how| {
            Problem::new(
                Code::ValidationFailed,
                format!("validate {how}; the program keeps the old configuration, see the agent's log"),
            )
        });
        self.engine.validated(clock::now(), result, same)
    }

    /// A reload has ended.
    pub(super) fn settled(&mut self, outcome: Outcome) -> Do {
        match &outcome {
            Outcome::Done => self.done(),
            Outcome::NotNeeded => self.not_needed(),
            Outcome::NoTarget(_) | Outcome::Later(_) => {}
            Outcome::Failed(_) => self.counters.failed += 1,
            Outcome::Refused(problem) | Outcome::Final(problem) => {
                let is_new = self.said.as_ref().is_none_or(|(said, _)| said != problem);
                self.counters.refused += u64::from(is_new);
            }
        }
        self.engine.reloaded(clock::now(), outcome)
    }

    fn done(&mut self) {
        volumes::all_loaded(&mut self.volumes, &mut self.memory);
        self.counters.reloaded += 1;
        self.success_at = clock::wall();
        self.store.save(&self.memory);
        let took = clock::now() - self.began;
        let mut line = log::info("reloaded").string("reload", self.options.way.name()).number("milliseconds", took);
        if let Some(target) = &self.target {
            line = line.number("pid", target.pid.into()).string("command", &target.comm);
        }
        if self.may_exit {
            line = line.string("warning", "programs of this kind may catch the signal only to exit");
        }
        line.write();
    }

    fn not_needed(&mut self) {
        volumes::all_loaded(&mut self.volumes, &mut self.memory);
        self.counters.not_needed += 1;
        self.store.save(&self.memory);
        let pid = self.target.as_ref().map_or(0, |target| target.pid);
        log::info("started after the change, nothing to reload").number("pid", pid.into()).write();
    }

    /// For two seconds a target is watched: one that ends of the signal is never sent it again.
    pub(super) fn watch_told(&mut self) {
        let (Some(told), Some(proc)) = (&self.told, &self.proc) else { return };
        if told.has_ended(proc) {
            let problem = told.killed();
            self.counters.killed += 1;
            self.memory.killed.push(told.signal);
            self.store.save(&self.memory);
            if self.engine.resting() == Some(Why::Loaded) {
                self.engine.stop(problem, None);
            }
            self.told = None;
            self.say();
        } else if clock::now() >= told.until {
            self.told = None;
        }
    }
}

fn executed(result: Result<(), String>) -> Outcome {
    match result {
        Ok(()) => Outcome::Done,
        Err(how) => {
            Outcome::Failed(Problem::new(Code::ExecFailed, format!("command {how}; trying again, see the agent's log")))
        }
    }
}

fn not_started(code: Code, argv: &[String], error: Errno) -> Problem {
    let program = argv.first().map_or("", String::as_str);
    Problem::new(code, format!("{program}: {}; nothing was reloaded", files::describe(error)))
}

fn no_proc() -> Outcome {
    Outcome::Failed(Problem::new(Code::NoProcess, "/proc can't be read; trying again"))
}
