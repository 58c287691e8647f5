mod trial;

use super::*;
use alloc::vec;
use proptest::prelude::*;

/// A caller with a disk: what is mounted, staged and published. The validator refuses contents above 9 of any volume.
struct Pod {
    gate: Gate<u8>,
    mode: GateMode,
    now: u64,
    mounted: Vec<u8>,
    candidate: Vec<Option<u8>>,
    published: Vec<(Option<u8>, bool)>,
    approved: Vec<Option<u8>>,
    /// Every content that the validator has passed, or the user approved, for each volume.
    allowed: Vec<Vec<u8>>,
    /// Verdicts given.
    asked: usize,
    /// The validator's answer differs from the content's for the time being.
    is_confused: bool,
    /// Actions until the agent dies.
    lives_for: usize,
    fault: Option<Fault>,
    bake: Option<Bake>,
    kept: Vec<Option<u8>>,
    record: Record,
    /// The program is not healthy, whatever its content is. It never is with `SICK`.
    is_ill: bool,
    /// What the program has, and since when.
    running: Vec<Option<u8>>,
    running_since: u64,
    /// What it has had, or was to load, of each volume.
    given: Vec<Vec<u8>>,
    reload: Reload,
    /// What was to be reverted, and what was, unless the user has approved it since.
    barred: Vec<Vec<u8>>,
    reverted: Vec<Vec<u8>>,
    reverts: usize,
}

/// Content that passes, and that the program can't live with.
const SICK: u8 = 9;
const BAKE: Bake = Bake { time: 60_000, period: 10_000, failures: 3 };

/// What the agent remembers of trials: of each volume the reverted and the released content.
#[derive(Clone, Default)]
struct Record {
    was_healthy: bool,
    volumes: Vec<(Vec<Reverted<u8>>, Option<u8>)>,
}

/// What becomes of reloads for the time being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reload {
    Works,
    /// It is not its turn.
    Waits,
    /// The program goes on with what it has.
    Fails,
}

/// What goes wrong for the time being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// The content of this volume can't be read.
    Read(usize),
    /// It can't be made the candidate.
    Stage(usize),
    /// The validator can't start.
    Validate,
    /// The candidate of this volume can't be published.
    Publish(usize),
    /// What is published can't be made the candidate again.
    Restore(usize),
    /// No copy of it can be kept.
    Keep(usize),
    /// The copy can't be published.
    Revert(usize),
}

impl Pod {
    fn new(mode: GateMode, mounted: &[u8]) -> Pod {
        let count = mounted.len();
        let published = vec![(None, false); count];
        Pod {
            gate: Gate::new(mode, 0, vec![Volume::new(None, false); count], 0),
            mode,
            now: 0,
            mounted: mounted.into(),
            candidate: vec![None; count],
            published,
            approved: vec![None; count],
            allowed: vec![Vec::new(); count],
            asked: 0,
            is_confused: false,
            lives_for: usize::MAX,
            fault: None,
            bake: None,
            kept: vec![None; count],
            record: Record { was_healthy: false, volumes: vec![(Vec::new(), None); count] },
            is_ill: false,
            running: vec![None; count],
            running_since: 0,
            given: vec![Vec::new(); count],
            reload: Reload::Works,
            barred: vec![Vec::new(); count],
            reverted: vec![Vec::new(); count],
            reverts: 0,
        }
    }

    /// A Pod whose gate was opened before its agent starts to hold trials.
    fn baking(mounted: &[u8]) -> Pod {
        let mut pod = Pod::new(GateMode::Publish, mounted);
        pod.run();
        pod.bake = Some(BAKE);
        pod.restart();
        pod
    }

    fn is_healthy(&self) -> bool {
        !self.is_ill && !self.running.contains(&Some(SICK))
    }

    fn reload(&mut self) {
        if self.reload != Reload::Waits {
            self.give();
            self.gate.loading();
        }
        match self.reload {
            Reload::Waits => {}
            Reload::Fails if self.running != self.seen_by_program() => drop(self.gate.not_taken(self.now, unhealthy)),
            Reload::Works | Reload::Fails => {
                self.load();
                self.gate.loaded(self.now);
            }
        }
    }

    fn give(&mut self) {
        let published = self.seen_by_program();
        self.given.iter_mut().zip(published).for_each(|(given, content)| given.extend(content));
    }

    /// The program loads what is published.
    fn load(&mut self) {
        self.give();
        let published = self.seen_by_program();
        if self.running != published {
            (self.running, self.running_since) = (published, self.now);
        }
    }

    /// The program ends, and starts again with what is published.
    fn crash(&mut self) {
        self.gate.ended(self.now, unhealthy());
        self.load();
    }

    fn answer(&self) -> Result<(), Unhealthy> {
        self.is_healthy().then_some(()).ok_or_else(unhealthy)
    }

    fn save(&mut self) {
        self.record.was_healthy = self.gate.was_healthy;
        self.record.volumes =
            self.gate.volumes.iter().map(|volume| (volume.reverted.clone(), volume.released)).collect();
    }

    fn on_trial(&self) -> Set {
        self.gate.on_trial()
    }

    fn has(&self, fault: impl Fn(usize) -> Fault, volumes: Set) -> bool {
        indices(volumes).any(|index| self.fault == Some(fault(index)))
    }

    fn edit(&mut self, index: usize, content: u8) {
        self.mounted[index] = content;
        self.gate.changed(self.now);
    }

    fn approve(&mut self, index: usize, content: u8) {
        self.approved[index] = Some(content);
        self.barred[index].retain(|barred| *barred != content);
        self.reverted[index].retain(|reverted| *reverted != content);
        self.gate.approve(index, vec![content], self.now);
        self.save();
    }

    fn restart(&mut self) {
        let volumes = self.published.iter().zip(&self.kept).zip(&self.record.volumes);
        let volumes = volumes.map(|(((published, is_unproved), kept), (reverted, released))| Volume {
            good: *kept,
            reverted: reverted.clone(),
            released: *released,
            ..Volume::new(*published, *is_unproved)
        });
        let gate = Gate::new(self.mode, 0, volumes.collect(), self.now);
        self.gate = gate.with_trials(self.bake, self.record.was_healthy);
        for (index, approved) in self.approved.iter().enumerate() {
            approved.iter().for_each(|content| self.gate.approve(index, vec![*content], self.now));
        }
    }

    /// Whether the validator accepts what it finds: the candidates of all volumes.
    fn judge(&mut self) -> Verdict {
        self.asked += 1;
        let is_good = self.candidate.iter().all(|content| content.is_none_or(|content| content < 10));
        if is_good == self.is_confused { Verdict::Refused } else { Verdict::Passed }
    }

    /// Performs actions until there is none, or the agent dies.
    fn run(&mut self) {
        let mut action = self.gate.tick(self.now);
        let mut staged = 0;
        let mut actions = 0;
        loop {
            actions += 1;
            assert!(actions < 100, "it spins: {:?}", self.gate);
            if self.lives_for == 0 {
                self.lives_for = usize::MAX;
                return self.restart();
            }
            self.lives_for -= usize::from(self.lives_for != usize::MAX);
            action = match action {
                Action::Nothing => match self.gate.tick(self.now) {
                    Action::Nothing if self.gate.ask_at().is_some_and(|at| at <= self.now) => Action::Ask,
                    Action::Nothing => {
                        self.save();
                        self.reload();
                        return;
                    }
                    action => action,
                },
                Action::Ask => self.gate.answered(self.now, self.answer()),
                Action::Keep(volumes) => {
                    let done = indices(volumes).filter(|index| self.fault != Some(Fault::Keep(*index)));
                    let done = done.fold(0, |done, index| done | 1 << index);
                    assert_eq!(self.running, self.seen_by_program(), "the program has it");
                    let bake = self.bake.expect("there are trials").time;
                    let is_sick = self.running.contains(&Some(SICK));
                    assert!(!is_sick && self.now >= self.running_since + bake, "it is not good yet");
                    indices(done).for_each(|index| self.kept[index] = self.published[index].0);
                    self.gate.kept(self.now, done)
                }
                Action::Revert(volumes) => {
                    self.save();
                    let done = indices(volumes).filter(|index| self.fault != Some(Fault::Revert(*index)));
                    let done = done.fold(0, |done, index| done | 1 << index);
                    indices(volumes).for_each(|index| self.barred[index].extend(self.published[index].0));
                    for index in indices(done) {
                        let content = self.published[index].0.expect("it was published");
                        assert!(!self.reverted[index].contains(&content), "{content} is reverted again");
                        assert!(self.given[index].contains(&content), "the program never had {content}");
                        assert!(self.approved[index] != Some(content), "the user has approved {content}");
                        self.reverted[index].push(content);
                        self.published[index] = (self.kept[index], false);
                        assert!(self.kept[index].is_some(), "there is a good one");
                    }
                    self.reverts += 1;
                    self.gate.reverted(self.now, done)
                }
                Action::Read => {
                    let read = |(index, content)| (self.fault != Some(Fault::Read(index))).then_some(content);
                    self.gate.seen(self.now, self.mounted.iter().copied().enumerate().map(read).collect())
                }
                Action::Stage(volumes) if self.has(Fault::Stage, volumes) => {
                    // The others are candidates.
                    let others = indices(volumes).filter(|index| self.fault != Some(Fault::Stage(*index)));
                    others.for_each(|index| self.candidate[index] = Some(self.mounted[index]));
                    self.gate.staged(self.now, Staged::Failed)
                }
                Action::Validate if self.fault == Some(Fault::Validate) => self.gate.judged(self.now, Verdict::Unknown),
                Action::Stage(volumes) => {
                    indices(volumes).for_each(|index| self.candidate[index] = Some(self.mounted[index]));
                    let is_same = indices(volumes).all(|index| self.gate.volumes[index].seen == self.candidate[index]);
                    staged = volumes;
                    for index in indices(staged) {
                        let content = self.mounted[index];
                        if self.approved[index] == Some(content) {
                            self.allowed[index].push(content);
                        }
                    }
                    self.gate.staged(self.now, if is_same { Staged::Same } else { Staged::Moved })
                }
                Action::Validate => {
                    let verdict = self.judge();
                    if verdict == Verdict::Passed {
                        indices(staged).for_each(|index| self.allowed[index].extend(self.candidate[index]));
                    }
                    self.gate.judged(self.now, verdict)
                }
                Action::Publish { volumes, is_proved } => {
                    self.save();
                    let failed = indices(volumes).filter(|index| self.fault == Some(Fault::Publish(*index)));
                    let done = failed.fold(volumes, |done, index| done & !(1 << index));
                    for index in indices(done) {
                        let content = self.candidate[index].expect("a candidate");
                        let is_allowed = self.allowed[index].contains(&content);
                        let is_first = self.published[index].0.is_none() && self.mode == GateMode::Publish;
                        assert!(is_allowed || is_first, "published {content}, which was refused");
                        assert!(is_allowed || !is_proved, "{content} is neither passed nor approved");
                        assert!(!self.barred[index].contains(&content), "published {content}, which was reverted");
                        self.published[index] = (Some(content), !is_proved);
                    }
                    self.gate.published(self.now, done)
                }
                Action::Restore(volumes) => {
                    let mut failed = 0;
                    for index in indices(volumes) {
                        if let (Some(content), _) = self.published[index] {
                            if self.fault == Some(Fault::Restore(index)) && self.candidate[index] != Some(content) {
                                failed |= 1 << index;
                            } else {
                                self.candidate[index] = Some(content);
                            }
                        }
                    }
                    self.gate.restored(self.now, failed)
                }
            };
        }
    }

    fn wait(&mut self, milliseconds: u64) {
        let end = self.now + milliseconds;
        self.run();
        let next = |gate: &Gate<u8>| gate.deadline().into_iter().chain(gate.ask_at()).min();
        while let Some(at) = next(&self.gate).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.run();
        }
        self.now = end;
    }

    fn seen_by_program(&self) -> Vec<Option<u8>> {
        self.published.iter().map(|(content, _)| *content).collect()
    }
}

fn unhealthy() -> Unhealthy {
    Unhealthy { since: 0, reason: "it answered 500".into() }
}

#[test]
fn content_that_passes_is_published() {
    let mut pod = Pod::new(GateMode::Strict, &[1]);
    pod.run();
    assert_eq!((pod.seen_by_program(), pod.gate.is_open()), (vec![Some(1)], true));
    pod.edit(0, 2);
    pod.run();
    assert_eq!((pod.seen_by_program(), pod.asked), (vec![Some(2)], 2));
}

#[test]
fn content_that_is_published_is_not_judged_again() {
    let mut pod = Pod::new(GateMode::Publish, &[1]);
    pod.run();
    pod.edit(0, 1);
    pod.run();
    pod.restart();
    pod.wait(1_000_000);
    assert_eq!(pod.asked, 1);
}

#[test]
fn a_refused_edit_is_held_and_asked_again() {
    let mut pod = Pod::new(GateMode::Publish, &[1]);
    pod.run();
    pod.edit(0, 10);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(1)]);
    let since = pod.now;
    pod.wait(2_000_000);
    let held = pod.gate.volumes[0].held().expect("it is held");
    // After 10 s, 30 s, 1, 2 and 5 min, then every 10 min.
    assert_eq!((held.count, held.since, pod.asked), (8, since, 9));
    pod.edit(0, 1);
    pod.run();
    assert_eq!((pod.gate.volumes[0].held(), pod.gate.deadline(), pod.asked), (None, None, 9));
}

#[test]
fn a_nudge_asks_again_and_counts_no_second_refusal() {
    let mut pod = Pod::new(GateMode::Publish, &[1]);
    pod.run();
    pod.edit(0, 10);
    pod.run();
    pod.now += 2_000;
    pod.gate.nudged(pod.now);
    pod.run();
    assert_eq!((pod.asked, pod.gate.volumes[0].held().map(|held| held.count)), (3, Some(1)));
    pod.is_confused = true;
    pod.gate.nudged(pod.now);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(10)]);
}

#[test]
fn of_several_volumes_the_bad_one_is_held_and_the_others_are_published() {
    let mut pod = Pod::new(GateMode::Publish, &[1, 1, 1]);
    pod.run();
    pod.edit(0, 10);
    pod.edit(1, 2);
    pod.edit(2, 3);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(1), Some(2), Some(3)]);
    assert_eq!(pod.candidate, pod.seen_by_program(), "a command finds what the program has");
}

#[test]
fn a_pod_that_starts_with_refused_content_starts_or_waits() {
    let mut pod = Pod::new(GateMode::Publish, &[10, 1]);
    pod.run();
    assert_eq!(pod.published, [(Some(10), true), (Some(1), true)]);
    assert!(pod.gate.is_open());
    pod.edit(0, 2);
    pod.run();
    assert_eq!(pod.published, [(Some(2), false), (Some(1), false)]);

    let mut pod = Pod::new(GateMode::Strict, &[10, 1]);
    pod.run();
    assert_eq!((pod.seen_by_program(), pod.gate.is_open()), (vec![None, None], false));
    pod.edit(0, 2);
    pod.run();
    assert_eq!((pod.seen_by_program(), pod.gate.is_open()), (vec![Some(2), Some(1)], true));
}

#[test]
fn nothing_is_judged_beside_a_directory_that_is_still_empty() {
    for mode in [GateMode::Publish, GateMode::Strict] {
        let mut pod = Pod::new(mode, &[1, 1]);
        pod.fault = Some(Fault::Read(0));
        pod.run();
        assert_eq!((pod.asked, pod.seen_by_program()), (0, vec![None, None]));
        pod.fault = None;
        pod.wait(10_000);
        assert_eq!((pod.asked, pod.published), (1, vec![(Some(1), false), (Some(1), false)]));
    }
}

#[test]
fn approved_content_is_published_and_other_content_is_judged() {
    let mut pod = Pod::new(GateMode::Strict, &[10]);
    pod.run();
    pod.approve(0, 10);
    pod.run();
    assert_eq!(pod.published, [(Some(10), false)]);
    pod.edit(0, 11);
    pod.wait(100_000);
    assert_eq!(pod.seen_by_program(), [Some(10)]);
    pod.approve(0, 12);
    pod.wait(100_000);
    assert_eq!(pod.seen_by_program(), [Some(10)], "another content is approved");
}

#[test]
fn what_can_not_be_written_or_judged_is_tried_again() {
    let mut gate = Gate::new(GateMode::Publish, 0, vec![Volume::new(Some(1), false)], 0);
    assert_eq!(gate.tick(0), Action::Read);
    assert_eq!(gate.seen(0, vec![Some(2)]), Action::Restore(1));
    assert_eq!(gate.restored(0, 0), Action::Stage(1));
    assert_eq!(gate.staged(0, Staged::Failed), Action::Restore(1));
    assert_eq!((gate.restored(0, 0), gate.deadline()), (Action::Nothing, Some(10_000)));
    assert_eq!(gate.tick(10_000), Action::Read);
    gate.seen(10_000, vec![Some(2)]);
    assert_eq!(gate.staged(10_000, Staged::Same), Action::Validate);
    assert_eq!(gate.judged(10_000, Verdict::Unknown), Action::Restore(1));
    assert_eq!((gate.restored(0, 0), gate.deadline()), (Action::Nothing, Some(20_000)));
    gate.tick(20_000);
    gate.seen(20_000, vec![Some(2)]);
    gate.staged(20_000, Staged::Same);
    assert_eq!(gate.judged(20_000, Verdict::Passed), Action::Publish { volumes: 1, is_proved: true });
    assert_eq!(gate.published(20_000, 0), Action::Restore(1));
    gate.restored(20_000, 0);
    assert_eq!((gate.volumes[0].published, gate.deadline()), (Some(1), Some(30_000)));
    gate.tick(30_000);
    assert_eq!(gate.seen(30_000, vec![None]), Action::Nothing);
    assert_eq!(gate.deadline(), Some(40_000), "a volume that can't be read is read again");
}

#[test]
fn a_retry_that_can_not_be_written_or_judged_waits() {
    for fault in [Fault::Stage(0), Fault::Validate, Fault::Publish(0)] {
        let mut pod = Pod::new(GateMode::Publish, &[1, 1]);
        pod.run();
        pod.edit(0, 10);
        pod.run();
        (pod.fault, pod.is_confused) = (Some(fault), true);
        pod.edit(1, 10);
        pod.wait(60_000);
        assert!(pod.gate.deadline() > Some(pod.now), "{fault:?}");
        pod.fault = None;
        pod.wait(60_000);
        assert_eq!(pod.seen_by_program(), [Some(10), Some(10)], "{fault:?}");
    }
}

#[test]
fn a_volume_that_can_not_be_read_or_written_stops_no_other() {
    for fault in [Fault::Read(0), Fault::Stage(0), Fault::Publish(0)] {
        let mut pod = Pod::new(GateMode::Strict, &[1, 1]);
        pod.run();
        pod.fault = Some(fault);
        pod.edit(0, 2);
        pod.edit(1, 2);
        pod.run();
        assert_eq!((pod.seen_by_program(), pod.gate.is_open()), (vec![Some(1), Some(2)], true), "{fault:?}");
        pod.restart();
        pod.run();
        assert!(pod.gate.is_open(), "{fault:?}: the program starts with what is published");
    }
}

#[test]
fn no_command_runs_until_refused_content_is_gone() {
    let mut pod = Pod::new(GateMode::Strict, &[1, 1]);
    pod.run();
    pod.fault = Some(Fault::Restore(0));
    pod.edit(0, 10);
    pod.edit(1, 2);
    pod.run();
    assert_eq!((pod.gate.is_idle(), pod.gate.is_open(), pod.gate.deadline()), (false, true, Some(10_000)));
    pod.restart();
    pod.run();
    assert_eq!((pod.gate.is_idle(), pod.gate.is_open(), pod.candidate[0]), (false, true, Some(10)));
    pod.fault = None;
    pod.wait(10_000);
    assert_eq!((pod.gate.is_idle(), pod.seen_by_program()), (true, vec![Some(1), Some(2)]));
    assert_eq!(pod.candidate, pod.seen_by_program());
}

#[test]
fn a_half_publish_is_remembered() {
    let mut pod = Pod::new(GateMode::Strict, &[1, 1]);
    pod.run();
    pod.fault = Some(Fault::Publish(1));
    pod.edit(0, 2);
    pod.edit(1, 2);
    pod.run();
    pod.edit(0, 1);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(1), Some(1)]);
}

#[derive(Clone, Debug)]
enum Event {
    Edit(usize, u8),
    Approve(usize, u8),
    Nudge,
    Confuse(bool),
    Wait(u64),
    Die(usize),
    Fail(Option<Fault>),
    Ill(bool),
    Reload(Reload),
    Restart,
    Crash,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0usize..2).prop_map(Fault::Read),
        (0usize..2).prop_map(Fault::Stage),
        (0usize..2).prop_map(Fault::Publish),
        (0usize..2).prop_map(Fault::Restore),
        (0usize..2).prop_map(Fault::Keep),
        (0usize..2).prop_map(Fault::Revert),
        Just(Fault::Validate),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0usize..2, 7u8..13).prop_map(|(index, content)| Event::Edit(index, content)),
        1 => (0usize..2, 7u8..13).prop_map(|(index, content)| Event::Approve(index, content)),
        1 => Just(Event::Nudge),
        1 => any::<bool>().prop_map(Event::Confuse),
        2 => (0u64..700_000).prop_map(Event::Wait),
        2 => (0usize..12).prop_map(Event::Die),
        2 => proptest::option::of(fault()).prop_map(Event::Fail),
        1 => any::<bool>().prop_map(Event::Ill),
        1 => prop_oneof![Just(Reload::Works), Just(Reload::Waits), Just(Reload::Fails)].prop_map(Event::Reload),
        1 => Just(Event::Restart),
        1 => Just(Event::Crash),
    ]
}

proptest! {
    #[test]
    fn only_allowed_content_is_published_and_the_newest_wins(
        mode in prop_oneof![Just(GateMode::Publish), Just(GateMode::Strict)],
        has_trials: bool,
        events in proptest::collection::vec(event(), 0..30),
    ) {
        let mut pod = Pod::new(mode, &[1, 1]);
        pod.run();
        pod.bake = has_trials.then_some(BAKE);
        pod.restart();
        for event in events {
            match event {
                Event::Edit(index, content) => pod.edit(index, content),
                Event::Approve(index, content) => pod.approve(index, content),
                Event::Nudge => pod.gate.nudged(pod.now),
                Event::Confuse(is_confused) => pod.is_confused = is_confused,
                Event::Wait(milliseconds) => pod.wait(milliseconds),
                Event::Die(after) => pod.lives_for = after,
                Event::Fail(fault) => pod.fault = fault,
                Event::Ill(is_ill) => pod.is_ill = is_ill,
                Event::Reload(reload) => pod.reload = reload,
                Event::Restart => pod.gate.restarting(),
                Event::Crash => pod.crash(),
            }
            pod.run();
            if pod.gate.is_idle() {
                let known: Vec<Option<u8>> = pod.gate.volumes.iter().map(|volume| volume.published).collect();
                prop_assert_eq!(known, pod.seen_by_program(), "the gate knows what the program has");
                for (candidate, published) in pod.candidate.iter().zip(pod.seen_by_program()) {
                    prop_assert!(published.is_none() || *candidate == published, "a command finds what the program has");
                }
            }
        }
        (pod.is_confused, pod.lives_for, pod.fault) = (false, usize::MAX, None);
        (pod.is_ill, pod.reload) = (false, Reload::Works);
        pod.wait(2_000_000);
        let is_allowed = |pod: &Pod, index: usize| {
            pod.mounted[index] < 10 || pod.approved[index] == Some(pod.mounted[index])
        };
        // The validator judges all volumes together, so both are allowed only where nothing else that is published is bad.
        let is_barred = |pod: &Pod| (0..2).any(|index| pod.barred[index].contains(&pod.mounted[index]));
        if (0..2).all(|index| pod.mounted[index] < 10) && !is_barred(&pod) {
            prop_assert_eq!(pod.published.clone(), [(Some(pod.mounted[0]), false), (Some(pod.mounted[1]), false)]);
        }
        for index in 0..2 {
            if !is_allowed(&pod, index) && pod.published[index].0 == Some(pod.mounted[index]) && mode != GateMode::Publish {
                prop_assert!(pod.allowed[index].contains(&pod.mounted[index]), "it passed once");
            }
        }
        // Nothing is asked for ever once everything is published.
        if pod.published.iter().enumerate().all(|(index, one)| *one == (Some(pod.mounted[index]), false)) {
            prop_assert_eq!(pod.gate.deadline(), None);
        }
        if has_trials && pod.is_healthy() {
            prop_assert_eq!((pod.on_trial(), pod.gate.ask_at(), pod.gate.unhealthy.as_ref()), (0, None, None));
        }
        for index in 0..2 {
            let published = pod.published[index].0.expect("something is published");
            prop_assert!(!pod.barred[index].contains(&published) || pod.kept[index].is_none(), "it went back");
        }
    }
}
