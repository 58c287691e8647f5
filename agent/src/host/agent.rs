//! The agent's parts joined: what the engine asks for is done here.

use super::call::Call;
use super::child::Child;
use super::layout::Layout;
use super::places::{self, Refreshed};
use super::procfs::Proc;
use super::restart::Ending;
use super::signal::Told;
use super::store::{Store, random};
use super::volumes::{self, State};
use super::{clock, log};
use crate::runtime;
use agent::change;
use agent::counters::Counters;
use agent::digest::{Digest, SipHash};
use agent::engine::{Do, Engine, Examined, Outcome, Settings};
use agent::errors::Problem;
use agent::memory::Memory;
use agent::options::{Options, Way};
use agent::proc::Process;
use alloc::string::String;
use alloc::vec::Vec;
use rustix::event::{PollFd, PollFlags};

/// The memory's name where no container is named (drop-in modes).
const UNNAMED: &str = "agent";

/// Everything the agent knows and holds.
pub struct Agent {
    pub(super) options: Options,
    pub(super) layout: Layout,
    pub(super) proc: Option<Proc>,
    pub(super) store: Store,
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
    pub(super) child: Option<Child>,
    pub(super) ending: Option<Ending>,
    /// The supervised program is to be started again.
    pub(super) restart_asked: bool,
    pub(super) calls: u64,
    /// Digest of what is there.
    pub(super) current: u128,
    /// When the reload in flight began, milliseconds since boot.
    pub(super) began: u64,
}

impl Agent {
    /// Reads its memory and the volumes. Without a memory this is the container's first start: what is there is what
    /// the program is going to read.
    pub fn start(options: Options, layout: Layout, all_atomic: bool, panics: u64) -> Agent {
        let name = options.want.container.as_deref().unwrap_or(UNNAMED);
        let (store, remembered) = Store::open(layout.memory(name));
        let proc = Proc::open().ok();
        // A supervised program starts after this. After a panic it runs already, with what the memory says.
        let is_first = remembered.is_none() || (matches!(options.way, Way::Supervise(_)) && panics == 0);
        let memory = remembered.unwrap_or_else(|| Memory { key: random(), ..Memory::default() });
        let volumes: Vec<State> = options.volumes.iter().map(|volume| State::new(volume.clone(), &layout)).collect();
        let settings = Settings {
            settle: change::settle(options.volumes.len(), all_atomic),
            validate: options.validate.is_some(),
        };
        let mut agent = Agent {
            engine: Engine::new(settings, random()[0]),
            counters: Counters { panics, ..Counters::default() },
            proc,
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
            child: None,
            ending: None,
            restart_asked: false,
            calls: 0,
            current: 0,
            began: 0,
        };
        agent.baseline(is_first);
        agent
    }

    /// The target container's name.
    pub(super) fn name(&self) -> &str {
        self.options.want.container.as_deref().unwrap_or(UNNAMED)
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
            if let Some(call) = self.call.take() {
                self.counters.request(call.code(), outcome == Outcome::Done, clock::now() - call.began);
            }
            self.finished(outcome);
        }
        if let Some(child) = &mut self.child {
            child.advance();
        }
        if let (Some(ending), Some(proc)) = (&mut self.ending, &self.proc)
            && let Some(outcome) = ending.advance(proc)
        {
            self.ending = None;
            self.finished(outcome);
        }
    }

    /// What to poll for.
    pub fn descriptors<'a>(&'a self, polled: &mut Vec<PollFd<'a>>) {
        let told = self.told.as_ref().and_then(|told| told.handle.as_ref());
        let ending = self.ending.as_ref().and_then(|ending| ending.handle.as_ref());
        polled.extend(told.into_iter().chain(ending).map(|handle| PollFd::new(handle, PollFlags::IN)));
        polled.extend(self.call.iter().map(Call::descriptor));
        polled.extend(self.child.iter().filter_map(Child::descriptor));
    }

    /// When `tick` is due.
    pub fn deadline(&self) -> Option<u64> {
        let told = self.told.as_ref().map(|told| told.until);
        let call = self.call.as_ref().map(|call| call.deadline);
        let child = self.child.as_ref().map(|child| child.deadline);
        let ending = self.ending.as_ref().map(|ending| ending.kill_at);
        [self.engine.deadline(), told, call, child, ending].into_iter().flatten().min()
    }

    /// A reload that was in flight has ended.
    pub(super) fn finished(&mut self, outcome: Outcome) {
        let next = self.settled(outcome);
        self.go(next);
    }

    pub(super) fn go(&mut self, mut next: Do) {
        loop {
            next = match next {
                Do::Nothing => return self.say(),
                Do::Examine => {
                    let found = self.examine();
                    self.engine.examined(clock::now(), found)
                }
                Do::Validate => self.validate(),
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
        if let Examined::Changed(digest) = found {
            self.current = digest;
            let over = if self.env_changed() { self.options.restart_stagger } else { self.options.stagger };
            self.engine.stagger(stagger(over, self.proc.as_ref()));
        }
        if found == Examined::Same {
            self.counters.unchanged += 1;
            volumes::all_loaded(&mut self.volumes, &mut self.memory);
        }
        found
    }

    /// Whether something in the program's environment is new: only the container's restart brings that in.
    pub(super) fn env_changed(&self) -> bool {
        self.volumes.iter().any(|volume| volume.asked.env && !volume.is_loaded(&self.memory))
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

    /// One log line for each new problem, and one when it is over.
    pub(super) fn say(&mut self) {
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

/// This Pod's place in the time over which its workload's Pods spread: by its UID, else by its name.
fn stagger(over: u64, proc: Option<&Proc>) -> u64 {
    let environment = runtime::environment();
    let host = environment.iter().find_map(|entry| entry.to_str().ok()?.strip_prefix("HOSTNAME="));
    let name = proc.and_then(|proc| proc.pod.as_deref()).or(host).unwrap_or_default();
    let mut hash = SipHash::new([0; 2]);
    hash.update(name.as_bytes());
    hash.finish() as u64 % over.max(1)
}
