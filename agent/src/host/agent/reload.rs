//! One reload from its validation to its end.

use super::Agent;
use crate::host::child::{Child, Ended, may_go_away, not_started};
use crate::host::methods::{self, Begun, Context, InFlight, signal};
use crate::host::volume::{self, read};
use crate::host::{clock, log};
use agent::engine::{Action, Examined, IdleReason, Outcome};
use agent::errors::{Code, Problem};
use agent::options::method::{ReloadMethod, Termination};
use alloc::format;

impl Agent {
    /// Starts the validator.
    pub(super) fn validate(&mut self) -> Action {
        let Some(argv) = &self.options.validate else { return self.engine.validated(clock::now(), Ok(()), true) };
        match Child::start(argv, "validator output", self.options.timeout) {
            Ok(child) => {
                self.in_flight = Some(InFlight::Validator(child));
                Action::Nothing
            }
            Err(error) => {
                let problem = not_started(Code::ValidationFailed, argv, error);
                if may_go_away(error) {
                    return self.engine.examined(clock::now(), Examined::Unreadable(problem));
                }
                self.counters.validations[1] += 1;
                self.engine.validated(clock::now(), Err(problem), true)
            }
        }
    }

    /// The validator has ended.
    pub(super) fn validated(&mut self, ended: Ended) -> Action {
        let is_valid = ended == Ended::Code(0);
        self.counters.validations[usize::from(!is_valid)] += 1;
        let is_same =
            self.volumes.iter().all(|known| !known.is_dirty && read::generation(&known.directory) == known.generation);
        let result = is_valid.then_some(()).ok_or_else(|| {
            let effect =
                if self.engine.is_new() { "keeps the old configuration" } else { "started with this configuration" };
            let message = format!("validate {}; the program {effect}", ended.describe());
            Problem::new(Code::ValidationFailed, message)
        });
        self.engine.validated(clock::now(), result, is_same)
    }

    /// Begins a reload.
    pub(super) fn reload(&mut self) -> Action {
        self.began_at = clock::now();
        let Some(change) = volume::change(&self.volumes, &self.saved.state) else {
            return self.reloaded(Outcome::NotNeeded);
        };
        self.gate.iter_mut().for_each(|gate| gate.watch(self.proc.as_ref()));
        let begun = methods::begin(&mut Context {
            options: &self.options,
            layout: &self.layout,
            proc: self.proc.as_ref(),
            change,
            target: &mut self.target,
            saved: &mut self.saved,
            counters: &mut self.counters,
        });
        let is_restart = matches!(begun, Begun::InFlight(InFlight::Restart(_)));
        if is_restart || matches!(begun, Begun::InFlight(InFlight::Proof(_))) {
            self.forget_replaced();
        }
        let is_given = matches!(begun, Begun::InFlight(_) | Begun::Ended(Outcome::Sent));
        if let Some(gate) = self.gate.as_mut().filter(|_| is_given) {
            gate.loading();
            if is_restart || matches!(self.options.method, ReloadMethod::Probe) {
                gate.restarting();
            }
        }
        match begun {
            Begun::Ended(outcome) => self.reloaded(outcome),
            Begun::InFlight(in_flight) => {
                self.in_flight = Some(in_flight);
                Action::Nothing
            }
        }
    }

    /// Hands a restart of the supervised program over to `end`, once. `end` gets the time at which the change appeared,
    /// and ends the program, or returns how the reload has ended instead.
    pub fn restart_program(&mut self, end: impl FnOnce(Termination, u64) -> Result<(), Outcome>) {
        let Some(InFlight::Supervise(restart)) = &mut self.in_flight else { return };
        if core::mem::replace(&mut restart.has_begun, true) {
            return;
        }
        match end(restart.termination, restart.since) {
            Ok(()) => self.counters.restarts += 1,
            Err(outcome) => self.finish(outcome),
        }
    }

    /// The reload has ended.
    pub(super) fn reloaded(&mut self, outcome: Outcome) -> Action {
        match &outcome {
            Outcome::Done => self.count_success(true),
            Outcome::Sent => self.count_success(false),
            Outcome::Unconfirmed(_) => self.counters.unconfirmed += 1,
            Outcome::NotNeeded => self.count_not_needed(),
            Outcome::NoTarget(_) | Outcome::Later(_) => {}
            Outcome::Failed(_) => {
                self.counters.failed += 1;
                if matches!(self.options.method, ReloadMethod::Http(_) | ReloadMethod::Exec(_)) {
                    self.forget_replaced();
                }
            }
            Outcome::Refused(problem) | Outcome::Final(problem) => {
                let is_new = self.reported.as_ref().is_none_or(|(reported, _)| reported != problem);
                self.counters.refused += u64::from(is_new);
            }
        }
        self.engine.reloaded(clock::now(), outcome)
    }

    /// The program has the content of before, or the new one.
    fn forget_replaced(&mut self) {
        volume::forget_replaced(&self.volumes, &mut self.saved.state);
        self.saved.save();
    }

    fn count_success(&mut self, is_confirmed: bool) {
        volume::set_all_loaded(&mut self.volumes, &mut self.saved.state, is_confirmed);
        *(if is_confirmed { &mut self.counters.reloaded } else { &mut self.counters.sent }) += 1;
        self.success_at = clock::wall();
        self.saved.save();
        let took = clock::now() - self.began_at;
        let line = if is_confirmed { log::info("reloaded") } else { log::info("sent, not confirmed") };
        let mut line = line.string("reload", self.options.method.name()).number("milliseconds", took);
        if let Some(process) = &self.target.process {
            line = line.number("pid", process.pid.into()).string("command", &process.comm);
        }
        if self.target.may_exit {
            line = line.string("warning", "programs of this kind may catch the signal only to exit");
        }
        line.write();
    }

    fn count_not_needed(&mut self) {
        volume::set_all_loaded(&mut self.volumes, &mut self.saved.state, true);
        self.counters.not_needed += 1;
        self.saved.save();
        let pid = self.target.process.as_ref().map_or(0, |process| process.pid);
        log::info("started after the change, nothing to reload").number("pid", pid.into()).write();
    }

    /// Watches a signalled process for two seconds. If it ends, the agent never sends that signal again: a program that a
    /// signal ends would be in a crash loop. With trials the content may be to blame, and it is taken back.
    pub(super) fn watch_signalled(&mut self) {
        let (Some(signalled), Some(proc)) = (&mut self.target.signalled, &self.proc) else { return };
        let Some(until) = signalled.until else { return };
        if proc.has_ended(&signalled.process) {
            let is_again = self.options.bake.is_some();
            let problem = signal::killed(signalled.signal, &signalled.process.comm, is_again);
            self.counters.killed += 1;
            if !is_again {
                self.saved.state.killed.push(signalled.signal);
            }
            self.saved.save();
            self.target.signalled = None;
            if self.in_flight.take_if(|one| matches!(one, InFlight::Proof(_))).is_some() {
                let action = self.engine.reloaded(clock::now(), Outcome::Final(problem));
                return self.run(action);
            }
            if self.engine.idle_reason() == Some(IdleReason::Loaded) {
                self.engine.stop(problem, None);
            }
            self.log_problem();
        } else if clock::now() >= until {
            signalled.until = None;
        }
    }
}
