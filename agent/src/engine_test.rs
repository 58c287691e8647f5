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
fn one_volume_is_loaded_at_once() {
    let mut engine = engine(Settings::default());
    assert_eq!(engine.changed(5), Do::Examine);
    assert_eq!(engine.examined(5, Examined::Changed(1)), Do::Reload);
    assert_eq!(engine.reloaded(5, Outcome::Done), Do::Nothing);
    assert_eq!((engine.resting(), engine.deadline()), (Some(Why::Loaded), None));
}

#[test]
fn content_that_is_loaded_is_left_alone() {
    let mut engine = engine(Settings::default());
    engine.changed(5);
    assert_eq!(engine.examined(5, Examined::Same), Do::Nothing);
    assert_eq!(engine.resting(), Some(Why::Loaded));
}

#[test]
fn several_volumes_settle_but_not_for_ever() {
    let mut engine = engine(Settings { settle: 100, ..Settings::default() });
    for now in (0..=900).step_by(50) {
        assert_eq!(engine.changed(now), Do::Nothing, "{now}");
    }
    assert_eq!(engine.deadline(), Some(1_000));
    assert_eq!(engine.tick(1_000), Do::Examine);
}

#[test]
fn a_change_in_flight_is_loaded_afterwards() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    assert_eq!(engine.changed(1), Do::Nothing);
    assert_eq!(engine.changed(2), Do::Nothing);
    assert_eq!(engine.reloaded(3, Outcome::Done), Do::Examine);
    assert_eq!(engine.examined(3, Examined::Changed(2)), Do::Reload);
    assert_eq!(engine.reloaded(4, Outcome::Done), Do::Nothing);
}

#[test]
fn what_fails_validation_is_not_loaded_and_the_next_is() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Do::Validate);
    assert_eq!(engine.validated(1, Err(problem()), true), Do::Nothing);
    assert_eq!((engine.resting(), engine.deadline()), (Some(Why::Stopped), None));
    assert_eq!(engine.changed(2), Do::Examine);
    assert_eq!(engine.examined(2, Examined::Changed(2)), Do::Validate);
    assert_eq!(engine.validated(3, Ok(()), true), Do::Reload);
}

#[test]
fn content_that_moved_under_the_validator_is_validated_again() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    assert_eq!(engine.validated(1, Ok(()), false), Do::Examine);
    assert_eq!(engine.examined(1, Examined::Changed(2)), Do::Validate);
}

#[test]
fn a_retry_does_not_validate_the_same_content_again() {
    let mut engine = engine(Settings { validate: true, ..Settings::default() });
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    engine.validated(1, Ok(()), true);
    engine.reloaded(2, Outcome::Failed(problem()));
    let due = engine.deadline().unwrap();
    assert_eq!(engine.tick(due), Do::Examine);
    assert_eq!(engine.examined(due, Examined::Changed(1)), Do::Reload);
}

#[test]
fn retries_back_off_and_newer_content_does_not_wait() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    let mut now = 0;
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..12 {
        assert_eq!(engine.examined(now, Examined::Changed(1)), Do::Reload);
        engine.reloaded(now, Outcome::Failed(problem()));
        waits.push(engine.deadline().unwrap() - now);
        now = engine.deadline().unwrap();
    }
    assert!(
        (187..=312).contains(&waits[0]) && waits.iter().all(|wait| *wait <= 37_500) && waits[11] >= 22_500,
        "{waits:?}"
    );
    assert_eq!(engine.changed(now), Do::Examine);
    assert_eq!(engine.examined(now, Examined::Changed(2)), Do::Reload);
    engine.reloaded(now, Outcome::Failed(problem()));
    assert!(engine.deadline().unwrap() - now <= 312);
}

#[test]
fn the_turn_of_a_pod_comes_once_per_change() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.stagger(60_000);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Do::Nothing);
    assert_eq!(engine.changed(10_000), Do::Nothing);
    assert_eq!((engine.resting(), engine.deadline()), (Some(Why::Stagger), Some(60_000)));
    assert_eq!(engine.tick(60_000), Do::Examine);
    assert_eq!(engine.examined(60_000, Examined::Changed(2)), Do::Reload);
}

#[test]
fn only_what_is_to_be_spread_waits() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    assert_eq!(engine.examined(0, Examined::Changed(1)), Do::Reload);
    assert_eq!(engine.changed(10), Do::Nothing);
    assert_eq!(engine.reloaded(20, Outcome::Done), Do::Examine);
    engine.stagger(500);
    assert_eq!(engine.examined(20, Examined::Changed(2)), Do::Nothing);
    assert_eq!((engine.resting(), engine.deadline()), (Some(Why::Stagger), Some(520)));
}

#[test]
fn refusals_are_looked_at_again() {
    let mut engine = engine(Settings::default());
    engine.changed(0);
    engine.examined(0, Examined::Changed(1));
    engine.reloaded(0, Outcome::Refused(problem()));
    assert_eq!(
        (engine.resting(), engine.deadline(), engine.tick(30_000)),
        (Some(Why::Stopped), Some(30_000), Do::Examine)
    );
}

/// What the world does, one entry a step.
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
    /// Under any order of events: never two things in flight, nothing loaded twice in a row, and once the world is
    /// calm and willing, the last content is loaded.
    #[test]
    fn the_last_content_wins(steps in proptest::collection::vec(world(), 0..60), validate in any::<bool>(), stagger in 0u64..2_000, settle in 0u64..200) {
        let mut engine = engine(Settings { settle, validate });
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
                _ => Do::Nothing,
            };
            while next != Do::Nothing {
                prop_assert!(!validating && !reloading);
                match next {
                    Do::Examine => {
                        examined = content;
                        next = engine.examined(now, if content == loaded { Examined::Same } else { Examined::Changed(content) });
                        continue;
                    }
                    Do::Validate => validating = true,
                    Do::Reload => reloading = true,
                    Do::Nothing => {}
                }
                break;
            }
        }
        let invalid = engine.resting() == Some(Why::Stopped) && engine.deadline().is_none();
        prop_assert!(loaded == content || (validate && invalid), "{} {} {:?}", loaded, content, engine);
    }
}
