use super::*;
use crate::errors::Code;
use proptest::prelude::*;

fn engine(settings: Settings) -> Engine {
    Engine::new(settings, 7)
}

fn problem() -> Problem {
    Problem::new(Code::HttpFailed, "no")
}

#[test]
fn a_single_volume_is_loaded_at_once() {
    let mut engine = engine(Settings::default());
    assert_eq!(engine.changed(5), Action::Examine);
    assert_eq!(engine.examined(5, Examined::Changed(1)), Action::Reload);
    assert_eq!(engine.reloaded(5, Outcome::Done), Action::Nothing);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Loaded), None));
}

#[test]
fn loaded_content_is_not_loaded_again() {
    let mut engine = engine(Settings::default());
    engine.changed(5);
    assert_eq!(engine.examined(5, Examined::Same), Action::Nothing);
    assert_eq!(engine.idle_reason(), Some(IdleReason::Loaded));
}

#[test]
fn content_that_was_judged_before_is_loaded_without_a_validator() {
    let mut engine = engine(Settings { validate: true, is_judged: true, ..Settings::default() });
    assert_eq!(engine.started(), Action::Nothing);
    engine.changed(5);
    engine.trust(1);
    assert_eq!(engine.examined(5, Examined::Changed(1)), Action::Reload);
    engine.reloaded(5, Outcome::Done);
    engine.changed(6);
    assert_eq!(engine.examined(6, Examined::Changed(2)), Action::Validate);
}

#[test]
fn several_volumes_settle_for_a_limited_time() {
    let mut engine = engine(Settings { settle: 100, ..Settings::default() });
    for now in (0..=900).step_by(50) {
        assert_eq!(engine.changed(now), Action::Nothing, "{now}");
    }
    assert_eq!(engine.deadline(), Some(1_000));
    assert_eq!(engine.tick(1_000), Action::Examine);
}

#[test]
fn a_change_during_a_reload_is_loaded_afterwards() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    assert_eq!(engine.changed(1), Action::Nothing);
    assert_eq!(engine.changed(2), Action::Nothing);
    assert_eq!(engine.reloaded(3, Outcome::Done), Action::Examine);
    assert_eq!(engine.examined(3, Examined::Changed(2)), Action::Reload);
    assert_eq!(engine.reloaded(4, Outcome::Done), Action::Nothing);
}

#[test]
fn invalid_content_is_not_loaded_and_the_next_content_is() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Action::Validate);
    assert_eq!(engine.validated(1, Err(problem()), true), Action::Nothing);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Stopped), None));
    assert_eq!(engine.changed(2), Action::Examine);
    assert_eq!(engine.examined(2, Examined::Changed(2)), Action::Validate);
    assert_eq!(engine.validated(3, Ok(()), true), Action::Reload);
}

#[test]
fn the_content_at_the_start_is_validated_and_not_loaded_again() {
    let mut valid = engine(Settings { validate: true, ..Settings::default() });
    assert_eq!(valid.started(), Action::Validate);
    assert!(!valid.is_new());
    assert_eq!(valid.validated(1, Ok(()), true), Action::Nothing);
    assert_eq!(valid.idle_reason(), Some(IdleReason::Loaded));
    valid.changed(2);
    assert_eq!(valid.examined(2, Examined::Same), Action::Nothing);
    assert_eq!(engine(Settings::default()).started(), Action::Nothing);
}

#[test]
fn invalid_content_at_the_start_is_validated_once_more_and_with_each_swap() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.started();
    engine.validated(0, Err(problem()), true);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Stopped), Some(60_000)));
    assert_eq!(engine.tick(60_000), Action::Examine);
    assert_eq!(engine.examined(60_000, Examined::Same), Action::Validate);
    engine.validated(60_001, Err(problem()), true);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Stopped), None));
    engine.changed(70_000);
    assert_eq!(engine.examined(70_000, Examined::Changed(2)), Action::Validate);
    assert!(engine.is_new());
    assert_eq!(engine.validated(70_001, Ok(()), true), Action::Reload);
    engine.reloaded(70_002, Outcome::NotNeeded);
    assert_eq!(engine.idle_reason(), Some(IdleReason::Loaded));
}

#[test]
fn content_that_changes_during_validation_is_validated_again() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    assert_eq!(engine.validated(1, Ok(()), false), Action::Examine);
    assert_eq!(engine.examined(1, Examined::Changed(2)), Action::Validate);
}

#[test]
fn a_retry_does_not_validate_the_same_content_again() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    engine.validated(1, Ok(()), true);
    engine.reloaded(2, Outcome::Failed(problem()));
    let due = engine.deadline().unwrap();
    assert_eq!(engine.tick(due), Action::Examine);
    assert_eq!(engine.examined(due, Examined::Changed(1)), Action::Reload);
}

#[test]
fn retries_back_off_and_newer_content_does_not_wait() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    let mut now = 0;
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..12 {
        assert_eq!(engine.examined(now, Examined::Changed(1)), Action::Reload);
        engine.reloaded(now, Outcome::Failed(problem()));
        waits.push(engine.deadline().unwrap() - now);
        now = engine.deadline().unwrap();
    }
    assert!(
        (187..=312).contains(&waits[0]) && waits.iter().all(|wait| *wait <= 37_500) && waits[11] >= 22_500,
        "{waits:?}"
    );
    assert_eq!(engine.changed(now), Action::Examine);
    assert_eq!(engine.examined(now, Examined::Changed(2)), Action::Reload);
    engine.reloaded(now, Outcome::Failed(problem()));
    assert!(engine.deadline().unwrap() - now <= 312);
}

#[test]
fn a_pod_waits_once_for_its_turn_per_change() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.stagger(60_000);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Action::Nothing);
    assert_eq!(engine.changed(10_000), Action::Nothing);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Staggered), Some(60_000)));
    assert_eq!(engine.tick(60_000), Action::Examine);
    assert_eq!(engine.examined(60_000, Examined::Changed(2)), Action::Reload);
}

#[test]
fn after_content_that_was_not_loaded_the_next_waits_for_its_turn() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.stagger(60_000);
    engine.changed(0);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Action::Nothing);
    assert_eq!(engine.tick(60_000), Action::Examine);
    assert_eq!(engine.examined(60_000, Examined::Changed(1)), Action::Validate);
    engine.validated(60_001, Err(problem()), true);
    engine.changed(70_000);
    assert_eq!(engine.examined(70_000, Examined::Changed(2)), Action::Nothing);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Staggered), Some(130_000)));
}

#[test]
fn only_staggered_changes_wait() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Action::Reload);
    assert_eq!(engine.changed(10), Action::Nothing);
    assert_eq!(engine.reloaded(20, Outcome::Done), Action::Examine);
    engine.stagger(500);
    assert_eq!(engine.examined(20, Examined::Changed(2)), Action::Nothing);
    assert_eq!((engine.idle_reason(), engine.deadline()), (Some(IdleReason::Staggered), Some(520)));
}

#[test]
fn a_refused_reload_is_tried_again() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    engine.reloaded(0, Outcome::Refused(problem()));
    assert_eq!(
        (engine.idle_reason(), engine.deadline(), engine.tick(30_000)),
        (Some(IdleReason::Stopped), Some(30_000), Action::Examine)
    );
}

/// What happens around the engine, one entry a step.
#[derive(Clone, Debug)]
enum World {
    Write,
    Touch,
    Validator(bool),
    Target(u8),
    Time(u16),
}

fn world() -> impl Strategy<Value = World> {
    prop_oneof![
        3 => Just(World::Write),
        1 => Just(World::Touch),
        2 => any::<bool>().prop_map(World::Validator),
        4 => (0u8..4).prop_map(World::Target),
        3 => any::<u16>().prop_map(World::Time),
    ]
}

proptest! {
    /// Under any order of events: never two actions in flight, nothing loaded twice in a row, and once the world is
    /// calm and succeeds, the last content is loaded.
    #[test]
    fn the_last_content_wins(steps in proptest::collection::vec(world(), 0..60), validate in any::<bool>(), stagger in 0u64..2_000, settle in 0u64..200) {
        let mut engine = engine(Settings { settle, validate, ..Settings::default() });
        engine.stagger(stagger);
        let (mut now, mut content, mut loaded, mut examined) = (0u64, 0u128, 0u128, 0u128);
        let (mut validating, mut reloading) = (false, false);
        let calm = [World::Validator(true), World::Target(0), World::Time(40_000)].into_iter().cycle().take(30);
        for step in steps.into_iter().chain(calm) {
            let mut next = match step {
                World::Write => { content += 1; engine.changed(now) }
                World::Touch => engine.changed(now),
                World::Validator(good) if validating => {
                    validating = false;
                    engine.validated(now, if good { Ok(()) } else { Err(problem()) }, examined == content)
                }
                World::Target(outcome) if reloading => {
                    reloading = false;
                    let outcome = match outcome {
                        0 => { prop_assert_ne!(loaded, examined); loaded = examined; Outcome::Done }
                        1 => Outcome::NoTarget(problem()),
                        2 => Outcome::Failed(problem()),
                        _ => Outcome::Refused(problem()),
                    };
                    engine.reloaded(now, outcome)
                }
                World::Time(passed) => { now += u64::from(passed); engine.tick(now) }
                _ => Action::Nothing,
            };
            while next != Action::Nothing {
                prop_assert!(!validating && !reloading);
                match next {
                    Action::Examine => {
                        examined = content;
                        next = engine.examined(now, if content == loaded { Examined::Same } else { Examined::Changed(content) });
                        continue;
                    }
                    Action::Validate => validating = true,
                    Action::Reload => reloading = true,
                    Action::Nothing => {}
                }
                break;
            }
        }
        let invalid = engine.idle_reason() == Some(IdleReason::Stopped) && engine.deadline().is_none();
        prop_assert!(loaded == content || (validate && invalid), "{} {} {:?}", loaded, content, engine);
    }
}
