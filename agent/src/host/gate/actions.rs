//! Performs the machine's actions.

use super::{Gate, Gated, Volume, generation};
use crate::host::child::{Child, may_go_away, not_started};
use crate::host::clock;
use crate::host::procfs::Proc;
use crate::host::volume::tree::Failure;
use agent::change::undisturbed;
use agent::errors::Code;
use agent::gate::{Action, Set, Staged, Verdict, indices};
use agent::report::counters::Counters;
use alloc::{string::String, vec::Vec};

impl Gate {
    /// Performs an action, and those that follow from it; the volumes that have new content.
    pub(super) fn run(&mut self, mut action: Action, proc: Option<&Proc>, counters: &mut Counters) -> Vec<usize> {
        let mut changed = Vec::new();
        let has_acted = action != Action::Nothing;
        loop {
            let now = clock::now();
            action = match action {
                Action::Nothing => break,
                Action::Read => {
                    let mut problem = None;
                    let read = |volume: &Gated| {
                        let found = undisturbed(|| generation::checksum(&volume.mounted), Failure::is_disturbed);
                        found.inspect_err(|failure| problem = Some(failure.problem(&volume.mounted))).ok()
                    };
                    let contents = self.volumes.iter().map(read).collect();
                    self.set_problem(problem);
                    self.machine.seen(now, contents)
                }
                Action::Stage(volumes) => {
                    let staged = indices(volumes).map(|at| self.stage(at)).collect::<Vec<_>>();
                    let worst = [Staged::Failed, Staged::Moved].into_iter().find(|one| staged.contains(one));
                    self.machine.staged(now, worst.unwrap_or(Staged::Same))
                }
                Action::Validate => match Child::start(&self.validate, "validator output", self.timeout) {
                    Ok(child) => {
                        self.validator = Some(child);
                        break;
                    }
                    Err(error) => {
                        let problem = not_started(Code::ValidationFailed, &self.validate, error);
                        self.set_problem(Some(problem));
                        counters.validations[1] += 1;
                        self.machine.judged(now, if may_go_away(error) { Verdict::Unknown } else { Verdict::Refused })
                    }
                },
                Action::Publish { volumes, is_proved } => {
                    self.save();
                    let done = self.each(volumes, &|one, volume| one.publish(content(&volume.seen), is_proved));
                    changed.extend(indices(done).map(|at| self.volumes[at].index));
                    self.machine.published(now, done)
                }
                Action::Ask => {
                    self.health.ask(proc);
                    break;
                }
                Action::Keep(volumes) => {
                    let done = self.each(volumes, &|one, volume| one.keep(content(&volume.published)));
                    self.machine.kept(now, done)
                }
                Action::Revert(volumes) => {
                    self.save();
                    self.problem = None;
                    let done = self.each(volumes, &|one, volume| one.revert(content(&volume.good)));
                    changed.extend(indices(done).map(|at| self.volumes[at].index));
                    counters.reverts += u64::from(done == volumes);
                    self.machine.reverted(now, done)
                }
                Action::Restore(volumes) => {
                    let done = self.each(volumes, &|one, volume| match volume.published {
                        Some(_) => one.restore(),
                        None => Ok(()),
                    });
                    self.machine.restored(now, volumes & !done)
                }
            };
        }
        self.forget_problem();
        if self.problem.is_none() {
            self.problem = self.reverted();
        }
        if has_acted {
            self.save();
        }
        if self.machine.is_idle() && self.machine.on_trial() == 0 {
            self.health.forget();
        }
        changed
    }

    /// Remembers the trials.
    pub(super) fn save(&self) {
        let volumes = self.volumes.iter().zip(&self.machine.volumes);
        volumes.for_each(|(one, volume)| one.save(self.machine.was_healthy, volume));
    }

    /// Does something for each of the volumes; those for which it succeeded.
    fn each(&mut self, volumes: Set, act: &dyn Fn(&Gated, &Volume) -> Result<(), Failure>) -> Set {
        let mut done = 0;
        for at in indices(volumes) {
            match act(&self.volumes[at], &self.machine.volumes[at]) {
                Ok(()) => done |= 1 << at,
                Err(failure) => self.failed(at, &failure),
            }
        }
        done
    }

    fn stage(&mut self, at: usize) -> Staged {
        let Some(expected) = self.machine.volumes[at].seen.clone() else { return Staged::Moved };
        let volume = &self.volumes[at];
        match volume.set_candidate(&volume.mounted, &expected) {
            Ok(()) => Staged::Same,
            Err(_) if generation::checksum(&volume.mounted).ok().as_ref() != Some(&expected) => Staged::Moved,
            Err(failure) => {
                self.failed(at, &failure);
                Staged::Failed
            }
        }
    }
}

fn content(checksum: &Option<String>) -> &str {
    checksum.as_deref().unwrap_or_default()
}
