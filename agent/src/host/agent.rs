//! The agent's parts joined: what the engine asks for is done here.

use super::call::Call;
use super::layout::Layout;
use super::places::{self, Refreshed};
use super::procfs::Proc;
use super::signal::{self, Sent, Told};
use super::store::{Store, random};
use super::volumes::{self, State};
use super::{clock, log};
use agent::change;
use agent::engine::{Do, Engine, Examined, Outcome, Settings, Why};
use agent::errors::{Code, Problem};
use agent::memory::Memory;
use agent::options::{Options, Way};
use agent::proc::Process;
use agent::report::Counters;
use alloc::string::String;
use alloc::vec::Vec;

/// Everything the agent knows and holds.
pub struct Agent {
    pub(super) options: Options,
    layout: Layout,
    proc: Option<Proc>,
    store: Store,
    pub(super) memory: Memory,
    pub(super) volumes: Vec<State>,
    pub(super) engine: Engine,
    pub(super) counters: Counters,
    pub(super) warnings: Vec<Problem>,
    /// The problem said last, and when (wall time).
    pub(super) said: Option<(Problem, u64)>,
    pub(super) success_at: u64,
    pub(super) target: Option<Process>,
    pub(super) may_exit: bool,
    pub(super) told: Option<Told>,
    pub(super) call: Option<Call>,
    calls: u64,
}

impl Agent {
    /// Reads its memory and the volumes. Without a memory this is the container's first start: what is there is what
    /// the program is going to read.
    pub fn start(options: Options, layout: Layout, all_atomic: bool, panics: u64) -> Agent {
        let name = options.want.container.as_deref().unwrap_or("agent");
        let (store, remembered) = Store::open(layout.memory(name));
        let is_first = remembered.is_none();
        let memory = remembered.unwrap_or_else(|| Memory { key: random(), ..Memory::default() });
        let volumes: Vec<State> = options.volumes.iter().map(|volume| State::new(volume.clone(), &layout)).collect();
        let settings = Settings { settle: change::settle(options.volumes.len(), all_atomic), ..Settings::default() };
        let mut agent = Agent {
            engine: Engine::new(settings, random()[0]),
            counters: Counters { panics, ..Counters::default() },
            proc: Proc::open().ok(),
            options,
            layout,
            store,
            memory,
            volumes,
            warnings: Vec::new(),
            said: None,
            success_at: 0,
            target: None,
            may_exit: false,
            told: None,
            call: None,
            calls: 0,
        };
        agent.baseline(is_first);
        agent
    }

    fn baseline(&mut self, is_first: bool) {
        for volume in &mut self.volumes {
            if volume.read(self.memory.key).is_ok() && (is_first || volume.is_loaded(&self.memory)) {
                volume.loaded(&mut self.memory, 0);
            }
        }
        let refreshed = self.refresh();
        if is_first || refreshed.is_ok() {
            self.store.save(&self.memory);
        }
        if !self.volumes.iter().all(|volume| volume.is_loaded(&self.memory)) {
            let next = self.engine.changed(clock::now());
            self.go(next);
        }
    }

    /// Volumes whose content may have changed.
    pub fn changed(&mut self, which: &[usize]) {
        let now = clock::now();
        for index in which {
            let volume = &mut self.volumes[*index];
            (volume.dirty, volume.noticed) = (true, Some(now));
        }
        if !which.is_empty() {
            let next = self.engine.changed(now);
            self.go(next);
        }
    }

    /// Whatever is due.
    pub fn tick(&mut self) {
        let next = self.engine.tick(clock::now());
        self.go(next);
        self.watch_told();
        if let Some(outcome) = self.call.as_mut().and_then(|call| call.advance(clock::now())) {
            self.call = None;
            self.finished(outcome);
        }
    }

    /// When `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        let told = self.told.as_ref().map(|told| told.until);
        let call = self.call.as_ref().map(|call| call.deadline);
        [self.engine.deadline(), told, call].into_iter().flatten().min()
    }

    fn go(&mut self, mut next: Do) {
        loop {
            next = match next {
                Do::Nothing => return self.say(),
                Do::Examine => {
                    let found = self.examine();
                    self.engine.examined(clock::now(), found)
                }
                Do::Validate => self.engine.validated(clock::now(), Ok(()), true),
                Do::Reload => match self.reload() {
                    Some(outcome) => self.settled(outcome),
                    None => Do::Nothing,
                },
            }
        }
    }

    fn examine(&mut self) -> Examined {
        for index in 0..self.volumes.len() {
            match self.volumes[index].read(self.memory.key) {
                Ok(true) => self.counters.changes += 1,
                Ok(false) => {}
                Err(problem) => return Examined::Unreadable(problem),
            }
        }
        match self.refresh() {
            Ok(()) => {}
            Err(found) => return found,
        }
        let found = volumes::summary(&self.volumes, &self.memory);
        if found == Examined::Same {
            self.counters.unchanged += 1;
            volumes::all_loaded(&mut self.volumes, &mut self.memory);
        }
        found
    }

    /// Brings the new content to rewritten subPath files.
    fn refresh(&mut self) -> Result<(), Examined> {
        let mut result = Ok(());
        let fresh: Vec<String> = self
            .volumes
            .iter()
            .filter(|v| v.digest.is_some() && v.refreshed != v.digest)
            .map(|v| v.asked.name.clone())
            .collect();
        for place in self.options.places.iter().filter(|place| fresh.contains(&place.volume)) {
            match places::refresh(place, &self.layout) {
                Refreshed::Fresh { changed, lost } => {
                    self.counters.links_lost += u64::from(lost.is_some());
                    if changed {
                        // A program that started before this moment may have read the old content.
                        let volume = self.volumes.iter_mut().find(|volume| volume.asked.name == place.volume);
                        volume.into_iter().for_each(|volume| volume.since = clock::now());
                    }
                    if let Some(problem) = lost {
                        log::warn("link lost").string("error", &problem.message).write();
                        self.warnings.retain(|known| known.message != problem.message);
                        self.warnings.push(problem);
                    }
                }
                Refreshed::Removed(problem) => result = Err(Examined::Unfit(problem)),
                Refreshed::Failed(problem) => return Err(Examined::Unreadable(problem)),
            }
        }
        if result.is_ok() {
            self.volumes.iter_mut().for_each(|volume| volume.refreshed = volume.digest);
        }
        result
    }

    /// Does it, or begins to (None).
    fn reload(&mut self) -> Option<Outcome> {
        match &self.options.way {
            Way::None => Some(Outcome::Done),
            Way::Signal(number) => Some(self.signal(*number)),
            Way::Http(request) => {
                self.calls += 1;
                match Call::start(request, self.calls - 1, clock::now()) {
                    Ok(call) => self.call = Some(call),
                    Err(outcome) => return Some(outcome),
                }
                None
            }
        }
    }

    fn signal(&mut self, number: u32) -> Outcome {
        if self.memory.killed.contains(&number) {
            return Outcome::Final(signal::killed(number, "the program"));
        }
        let Some(proc) = &self.proc else {
            return Outcome::Failed(Problem::new(Code::NoProcess, "/proc can't be read; trying again"));
        };
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

    /// A reload that was in flight has ended.
    fn finished(&mut self, outcome: Outcome) {
        let next = self.settled(outcome);
        self.go(next);
    }

    fn settled(&mut self, outcome: Outcome) -> Do {
        match &outcome {
            Outcome::Done => self.done(),
            Outcome::NotNeeded => self.not_needed(),
            Outcome::NoTarget(_) => {}
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
        let mut line = log::info("reloaded").string("reload", self.options.way.name());
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
    fn watch_told(&mut self) {
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

    /// One log line for each new problem, and one when it is over.
    fn say(&mut self) {
        let now = self.engine.problem.as_ref();
        if now == self.said.as_ref().map(|(problem, _)| problem) {
            return;
        }
        if let Some(problem) = now {
            log::warn("not reloaded").string("code", problem.code.text()).string("error", &problem.message).write();
        }
        self.said = now.map(|problem| (problem.clone(), clock::wall()));
    }
}
