//! The agent: performs the actions that the engine decides on, and keeps the state that /status shows.

mod changes;
mod page;
mod reload;

pub use page::bad_options_page;

use super::child::Ended;
use super::gate::Gate;
use super::layout::Layout;
use super::methods::{InFlight, Target, find_run};
use super::procfs::Proc;
use super::random::random;
use super::state_file::StateFile;
use super::volume::subpath_files::{self, Refreshed};
use super::volume::{self, VolumeState};
use super::{clock, log};
use crate::runtime;
use agent::change;
use agent::digest::{Digest, SipHash};
use agent::engine::{Action, Engine, Examined, Outcome, Settings};
use agent::errors::{Code, Problem};
use agent::options::method::ReloadMethod;
use agent::options::watch::Options;
use agent::proc::Process;
use agent::report::counters::Counters;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use rustix::event::{PollFd, PollFlags};

/// The agent of one container. Every public method that changes something runs the engine's actions to their end.
pub struct Agent {
    options: Options,
    layout: Layout,
    proc: Option<Proc>,
    saved: StateFile,
    volumes: Vec<VolumeState>,
    gate: Option<Box<Gate>>,
    /// A volume has changed that waits for the gate.
    is_postponed: bool,
    engine: Engine,
    in_flight: Option<InFlight>,
    /// When the last reload began, milliseconds since boot.
    began_at: u64,
    target: Target,
    counters: Counters,
    warnings: Vec<Problem>,
    /// The last problem that was logged, and its time (milliseconds since 1970).
    reported: Option<(Problem, u64)>,
    /// The time of the last success, milliseconds since 1970.
    success_at: u64,
}

impl Agent {
    /// Reads the saved state and the volumes. Without a saved state this is the container's first start, and the program
    /// is going to read the current content.
    pub fn start(options: Options, layout: Layout, all_atomic: bool, panics: u64) -> Agent {
        let (saved, had_state) = StateFile::open(layout.state(options.container()));
        // A supervised program starts after this. After a panic it already runs, with the content of the saved state.
        let is_first = !had_state || (matches!(options.method, ReloadMethod::Supervise(_)) && panics == 0);
        let volumes: Vec<VolumeState> =
            options.volumes.iter().map(|volume| VolumeState::new(volume.clone(), &layout)).collect();
        let gate = Gate::start(&options, &layout, false).map(Box::new);
        let settings = Settings {
            settle: change::settle(options.volumes.len(), all_atomic),
            validate: options.validate.is_some(),
            is_judged: gate.is_some(),
        };
        let mut agent = Agent {
            options,
            layout,
            proc: Proc::open().ok(),
            saved,
            volumes,
            gate,
            is_postponed: false,
            engine: Engine::new(settings, random()[0]),
            in_flight: None,
            began_at: 0,
            target: Target::default(),
            counters: Counters { panics, ..Counters::default() },
            warnings: Vec::new(),
            reported: None,
            success_at: 0,
        };
        agent.read_first(is_first);
        // Not earlier: a change after this is one.
        log::info("watching")
            .string("reload", agent.options.method.name())
            .number("volumes", agent.options.volumes.len() as u64)
            .write();
        agent
    }

    fn read_first(&mut self, is_first: bool) {
        for volume in &mut self.volumes {
            if volume.read(self.saved.state.key).is_ok() && (is_first || volume.is_loaded(&self.saved.state)) {
                // A program that starts later reads it at its start.
                volume.set_loaded(&mut self.saved.state, 0, is_first);
            }
        }
        self.warn_of_links_outside();
        let refreshed = self.refresh_subpath_files();
        if is_first || refreshed.is_ok() {
            self.saved.save();
        }
        let is_loaded = self.volumes.iter().all(|volume| volume.is_loaded(&self.saved.state));
        if is_loaded {
            let action = self.engine.started();
            return self.run(action);
        }
        self.is_postponed = true;
        self.load(&[]);
    }

    /// The supervised program has started.
    pub fn set_program(&mut self, program: Option<Process>) {
        self.target.process = program;
    }

    /// Does everything that is due.
    pub fn tick(&mut self) {
        self.advance_gate();
        if !self.is_judging() {
            let action = self.engine.tick(clock::now());
            self.run(action);
        }
        self.watch_signalled();
        // A late proof is one for older content by now.
        self.in_flight.take_if(|one| matches!(one, InFlight::Proof(_)) && !self.engine.awaits_outcome());
        let in_flight = self.in_flight.as_mut();
        if let Some(outcome) =
            in_flight.and_then(|one| one.advance(self.proc.as_ref(), &mut self.target.past, &mut self.counters))
        {
            self.finish(outcome);
        }
        self.begin_trial();
    }

    /// A child has ended: the one in flight, or an orphan that the agent reaped as PID 1.
    pub fn child_ended(&mut self, pid: i32, status: Ended) {
        if self.gate_child_ended(pid, status) {
            return;
        }
        let action = match self.in_flight.take_if(|one| one.is_child(pid)) {
            Some(InFlight::Validator(child)) => self.validated(child.ended(status)),
            Some(InFlight::Command(child)) => self.reloaded(super::methods::command_outcome(child.ended(status))),
            _ => return,
        };
        self.run(action);
    }

    /// Ends the reload in flight. The search for a proof goes on.
    pub fn finish(&mut self, outcome: Outcome) {
        self.in_flight.take_if(|_| !matches!(outcome, Outcome::Unconfirmed(_)));
        let action = self.reloaded(outcome);
        self.run(action);
    }

    /// The descriptors to poll.
    pub fn descriptors<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        let watched = self.target.signalled.as_ref().filter(|signalled| signalled.until.is_some());
        let handle = watched.and_then(|signalled| signalled.handle.as_ref());
        polled.extend(handle.map(|handle| PollFd::new(handle, PollFlags::IN)));
        polled.extend(self.in_flight.as_ref().and_then(|one| one.waits_for().0));
        self.gate.iter().for_each(|gate| gate.descriptors(polled));
    }

    /// The time at which `tick` is due, milliseconds since boot.
    pub fn deadline(&self) -> Option<u64> {
        let signalled = self.target.signalled.as_ref().and_then(|signalled| signalled.until);
        let in_flight = self.in_flight.as_ref().and_then(|one| one.waits_for().1);
        let engine = self.engine.deadline().filter(|_| !self.is_judging());
        let gate = self.gate.as_ref().and_then(|gate| gate.deadline(self.is_free()));
        [engine, signalled, in_flight, gate].into_iter().flatten().min()
    }

    /// Performs an action, and every action that follows from it.
    fn run(&mut self, mut action: Action) {
        loop {
            action = match action {
                Action::Nothing => return self.log_problem(),
                Action::Examine => {
                    let found = self.examine();
                    self.engine.examined(clock::now(), found)
                }
                Action::Validate => self.validate(),
                Action::Reload => self.reload(),
            }
        }
    }

    fn examine(&mut self) -> Examined {
        for volume in &mut self.volumes {
            match volume.read(self.saved.state.key) {
                Ok(has_changed) => self.counters.changes += u64::from(has_changed),
                Err(problem) if problem.code == Code::VolumeRemoved => {
                    volume.digest = None;
                    return Examined::Unfit(problem);
                }
                Err(problem) => return Examined::Unreadable(problem),
            }
        }
        self.warn_of_links_outside();
        if let Err(found) = self.refresh_subpath_files() {
            return found;
        }
        let started = || {
            let proc = self.proc.as_ref()?;
            let all = proc.processes();
            find_run(&all, proc, &self.options.target).ok().map(|(root, _)| root.started_ms())
        };
        volume::forget_reread(&mut self.volumes, &mut self.saved.state, &started);
        self.saved.save();
        match volume::change(&self.volumes, &self.saved.state) {
            Some(change) => {
                let over = if change.env { self.options.restart_stagger } else { self.options.stagger };
                self.engine.stagger(stagger(over, self.proc.as_ref()));
                if change.gated {
                    self.engine.trust(change.digest);
                }
                Examined::Changed(change.digest)
            }
            None => {
                self.counters.unchanged += 1;
                volume::set_all_loaded(&mut self.volumes, &mut self.saved.state, false);
                Examined::Same
            }
        }
    }

    /// Warns of symlinks that lead out of their volume, and logs each new warning.
    fn warn_of_links_outside(&mut self) {
        let known = self.warnings.extract_if(.., |warning| warning.code == Code::LinkOutside).collect::<Vec<_>>();
        for problem in self.volumes.iter().filter_map(|volume| volume.outside.clone()) {
            if !known.contains(&problem) {
                log::warn("symlinks not followed").string("error", &problem.message).write();
            }
            self.warnings.push(problem);
        }
    }

    /// Brings new content to rewritten subPath files.
    fn refresh_subpath_files(&mut self) -> Result<(), Examined> {
        let mut result = Ok(());
        let has_new_content = |volume: &&VolumeState| volume.digest.is_some() && volume.refreshed != volume.digest;
        let names: Vec<(String, bool, String)> = self
            .volumes
            .iter()
            .filter(has_new_content)
            .map(|volume| (volume.options.name.clone(), volume.options.optional, volume.directory.clone()))
            .collect();
        for file in &self.options.subpath_files {
            let Some((_, optional, directory)) = names.iter().find(|(name, ..)| *name == file.volume) else { continue };
            let known =
                self.warnings.extract_if(.., |warning| is_of_place(warning, &file.mount_path)).collect::<Vec<_>>();
            match subpath_files::refresh(file, *optional, directory, &self.layout) {
                Refreshed::Fresh { changed, warning } => {
                    if changed {
                        // A program that started before this moment may have read the old content.
                        let volume = self.volumes.iter_mut().find(|volume| volume.options.name == file.volume);
                        volume.into_iter().for_each(|volume| volume.since = clock::now());
                    }
                    let lost = warning.as_ref().filter(|warning| warning.code == Code::LinkLost);
                    self.counters.links_lost += u64::from(lost.is_some());
                    if let Some(problem) = warning {
                        if problem.code == Code::LinkLost {
                            log::warn("link lost").string("error", &problem.message).write();
                        } else if !known.contains(&problem) {
                            log::warn("place not refreshed").string("error", &problem.message).write();
                        }
                        self.warnings.retain(|known| *known != problem);
                        self.warnings.push(problem);
                    }
                }
                Refreshed::Removed(problem) => result = Err(Examined::Unfit(problem)),
                // The others are refreshed all the same.
                Refreshed::Failed(problem) => result = Err(Examined::Unreadable(problem)),
            }
        }
        if result.is_ok() {
            self.volumes.iter_mut().for_each(|volume| volume.refreshed = volume.digest);
        }
        result
    }

    /// Logs each new problem once.
    fn log_problem(&mut self) {
        let problem = self.engine.problem.as_ref().or(self.gate.as_ref().and_then(|gate| gate.problem()));
        if problem == self.reported.as_ref().map(|(reported, _)| reported) {
            return;
        }
        if let Some(problem) = problem {
            log::warn("not reloaded").string("code", problem.code.text()).string("error", &problem.message).write();
        }
        self.reported = problem.map(|problem| (problem.clone(), clock::wall()));
    }
}

/// Whether a warning is about a rewritten subPath file as it is now.
fn is_of_place(warning: &Problem, mount_path: &str) -> bool {
    let is_lasting = matches!(warning.code, Code::KeyAbsent | Code::NeedsNewPod);
    is_lasting && warning.message.strip_prefix(mount_path).is_some_and(|rest| rest.starts_with(": "))
}

/// Milliseconds until this Pod's turn among those of its workload, which spread over `over`: a hash of its UID, or of its
/// name where the UID is unknown.
fn stagger(over: u64, proc: Option<&Proc>) -> u64 {
    if over == 0 {
        return 0;
    }
    let environment = runtime::environment();
    let host = environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix("HOSTNAME="));
    let name = proc.and_then(|proc| proc.pod.as_deref()).or(host).unwrap_or_default();
    let mut hash = SipHash::new([0; 2]);
    hash.update(name.as_bytes());
    hash.finish() as u64 % over
}
