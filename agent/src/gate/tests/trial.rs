//! Trials, one by one. The program is never healthy with `SICK`.

use super::*;

#[test]
fn content_is_good_after_its_trial_also_the_first() {
    let mut pod = Pod::baking(&[1, 1]);
    pod.run();
    assert_eq!(pod.gate.ends_at(), Some(60_000));
    pod.wait(200_000);
    assert_eq!((pod.kept.clone(), pod.gate.ask_at(), pod.gate.deadline()), (vec![Some(1), Some(1)], None, None));
    pod.edit(0, 2);
    pod.wait(59_999);
    assert_eq!((pod.published[0].0, pod.kept[0], pod.on_trial()), (Some(2), Some(1), 1));
    pod.wait(1);
    assert_eq!((pod.kept[0], pod.on_trial()), (Some(2), 0));
}

#[test]
fn what_the_program_can_not_live_with_is_reverted_once() {
    let mut pod = Pod::baking(&[1, 1]);
    pod.wait(200_000);
    pod.edit(0, SICK);
    pod.edit(1, 2);
    pod.wait(29_999);
    assert_eq!(pod.seen_by_program(), [Some(SICK), Some(2)], "two failures may be a slow reload");
    pod.wait(1);
    assert_eq!(pod.seen_by_program(), [Some(1), Some(1)], "they came together, and go together");
    assert_eq!(pod.candidate, pod.seen_by_program());
    pod.gate.changed(pod.now);
    pod.restart();
    pod.wait(2_000_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(1), Some(1)], 1));
    let barred = |pod: &Pod, index: usize| pod.gate.volumes[index].barred().map(|reverted| reverted.content);
    assert_eq!([barred(&pod, 0), barred(&pod, 1)], [Some(SICK), Some(2)]);
    pod.edit(0, 3);
    pod.edit(1, 3);
    pod.wait(200_000);
    assert_eq!((pod.kept.clone(), barred(&pod, 0)), (vec![Some(3), Some(3)], None));
}

#[test]
fn a_program_that_was_not_healthy_before_keeps_the_new_content() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.is_ill = true;
    pod.edit(0, 2);
    pod.wait(500_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(2)], 0));
    assert_eq!((pod.gate.unhealthy.clone(), pod.gate.ends_at()), (Some(unhealthy()), None));
    pod.is_ill = false;
    pod.wait(10_000);
    assert_eq!((pod.gate.unhealthy.clone(), pod.gate.ends_at().is_some()), (None, true));
    pod.wait(60_000);
    assert_eq!(pod.kept, [Some(2)]);
}

#[test]
fn with_nothing_good_yet_nothing_is_reverted() {
    let mut pod = Pod::baking(&[SICK]);
    pod.wait(59_999);
    assert_eq!(pod.gate.unhealthy, None, "a program may take its time to start");
    pod.wait(30_001);
    pod.gate.ended(pod.now, unhealthy());
    pod.run();
    assert_eq!((pod.seen_by_program(), pod.gate.unhealthy.clone()), (vec![Some(SICK)], Some(unhealthy())));
    pod.edit(0, 1);
    pod.wait(100_000);
    assert_eq!((pod.kept.clone(), pod.gate.unhealthy.clone()), (vec![Some(1)], None));
}

#[test]
fn a_newer_edit_is_published_at_once_and_goes_back_to_the_last_good_one() {
    let mut pod = Pod::baking(&[1, 1]);
    pod.wait(200_000);
    pod.edit(0, SICK);
    pod.wait(15_000);
    pod.edit(1, SICK);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(SICK), Some(SICK)]);
    pod.wait(30_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(1), Some(1)], 1));
    pod.edit(0, SICK - 1);
    pod.wait(15_000);
    pod.edit(0, SICK - 2);
    pod.wait(200_000);
    assert_eq!((pod.kept.clone(), pod.reverts), (vec![Some(SICK - 2), Some(1)], 1));
}

#[test]
fn a_program_that_ends_is_not_healthy_whoever_loads_next() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.edit(0, 2);
    pod.run();
    pod.crash();
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(1)]);
    // Where nothing is on trial, a program may end as it likes.
    pod.gate.ended(pod.now, unhealthy());
    pod.wait(100_000);
    assert_eq!((pod.seen_by_program(), pod.reverts, pod.gate.unhealthy.clone()), (vec![Some(1)], 1, None));
}

#[test]
fn what_the_user_approves_stays() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.edit(0, SICK);
    pod.wait(100_000);
    assert_eq!(pod.seen_by_program(), [Some(1)]);
    pod.approve(0, SICK);
    pod.wait(100_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(SICK)], 1));
    assert_eq!(pod.gate.unhealthy, Some(unhealthy()));
    // The annotation is about something else by now.
    pod.approve(0, 7);
    pod.restart();
    pod.wait(100_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(SICK)], 1));
}

#[test]
fn a_trial_begins_anew_when_the_agent_starts_again() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.edit(0, 2);
    pod.wait(50_000);
    pod.restart();
    pod.wait(59_999);
    assert_eq!(pod.kept, [Some(1)]);
    pod.wait(1);
    assert_eq!(pod.kept, [Some(2)]);
    pod.edit(0, SICK);
    pod.wait(25_000);
    pod.restart();
    pod.wait(30_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(2)], 1));
}

/// The agent dies at each of its steps.
#[test]
fn a_revert_is_finished_whenever_the_agent_dies() {
    for lives_for in 0..40 {
        let mut pod = Pod::baking(&[1, 1]);
        pod.wait(200_000);
        pod.edit(0, SICK);
        pod.edit(1, 2);
        pod.run();
        pod.lives_for = lives_for;
        pod.wait(200_000);
        pod.lives_for = usize::MAX;
        pod.wait(200_000);
        assert_eq!(pod.seen_by_program(), [Some(1), Some(1)], "it died after {lives_for} steps");
        assert_eq!(pod.candidate, pod.seen_by_program());
    }
}

#[test]
fn a_copy_that_can_not_be_written_is_tried_again() {
    for fault in [Fault::Keep(0), Fault::Revert(0)] {
        let mut pod = Pod::baking(&[1, 1]);
        pod.wait(200_000);
        pod.fault = Some(fault);
        let content = if fault == Fault::Keep(0) { 2 } else { SICK };
        pod.edit(0, content);
        pod.edit(1, 3);
        pod.wait(95_000);
        pod.fault = None;
        pod.wait(95_000);
        let expected = if content == SICK { vec![Some(1), Some(1)] } else { vec![Some(2), Some(3)] };
        assert_eq!((pod.seen_by_program(), pod.kept), (expected.clone(), expected), "{fault:?}");
    }
}

#[test]
fn what_the_user_has_approved_once_may_come_again() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(70_000);
    pod.edit(0, SICK);
    pod.wait(30_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(1)], 1));
    pod.edit(0, 2);
    pod.approve(0, SICK);
    pod.run();
    pod.approve(0, 12);
    pod.restart();
    pod.edit(0, SICK);
    pod.run();
    assert_eq!(pod.seen_by_program(), [Some(SICK)]);
}

/// The program still has what was taken back, by the gate or by the user, so that it is not asked.
#[test]
fn an_edit_before_the_reload_of_the_good_content_is_on_trial_as_any_other() {
    for is_reverted in [true, false] {
        for next_is_sick in [true, false] {
            let mut pod = Pod::baking(&[1]);
            pod.wait(200_000);
            pod.edit(0, SICK);
            pod.run();
            if is_reverted {
                pod.wait(29_999);
                pod.reload = Reload::Waits;
                pod.wait(1);
            } else {
                pod.reload = Reload::Waits;
                pod.edit(0, 1);
                pod.run();
            }
            assert_eq!((pod.seen_by_program(), pod.running.clone()), (vec![Some(1)], vec![Some(SICK)]));
            pod.edit(0, 2);
            pod.run();
            (pod.reload, pod.is_ill) = (Reload::Works, next_is_sick);
            pod.wait(100_000);
            let expected = if next_is_sick { 1 } else { 2 };
            assert_eq!((pod.seen_by_program(), pod.kept.clone()), (vec![Some(expected)], vec![Some(expected)]));
            assert_eq!(
                (pod.reverts, pod.gate.unhealthy.clone()),
                (usize::from(is_reverted) + usize::from(next_is_sick), None)
            );
        }
    }
}

#[test]
fn content_that_the_program_does_not_have_yet_is_not_to_blame_for_its_end() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.reload = Reload::Waits;
    pod.edit(0, 2);
    pod.run();
    pod.crash();
    (pod.reload, pod.is_ill) = (Reload::Works, true);
    pod.wait(50_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(2)], 0), "it starts with it");
    pod.is_ill = false;
    pod.wait(100_000);
    assert_eq!(pod.kept, [Some(2)]);
}

#[test]
fn a_program_that_restarts_for_another_reason_has_its_time_to_start() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.edit(0, 2);
    pod.wait(15_000);
    pod.gate.restarting();
    pod.is_ill = true;
    pod.wait(50_000);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(2)], 0));
    pod.is_ill = false;
    pod.wait(100_000);
    assert_eq!(pod.kept, [Some(2)]);
}

#[test]
fn the_next_content_is_kept_as_soon_as_it_is_good() {
    let mut pod = Pod::baking(&[1]);
    pod.bake = Some(Bake { time: 1_000, ..BAKE });
    pod.restart();
    pod.wait(5_000);
    for content in 2..5 {
        pod.edit(0, content);
        pod.wait(1_000);
        assert_eq!(pod.kept, [Some(content)]);
    }
}

#[test]
fn what_the_program_does_not_take_is_reverted() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.reload = Reload::Fails;
    pod.edit(0, 2);
    pod.wait(29_999);
    assert_eq!((pod.seen_by_program(), pod.is_healthy()), (vec![Some(2)], true), "a reload may succeed later");
    pod.wait(1);
    assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(1)], 1));
    pod.edit(0, 3);
    pod.wait(15_000);
    pod.reload = Reload::Works;
    pod.wait(59_999);
    assert_eq!(pod.kept, [Some(1)], "its trial begins when it has it");
    pod.wait(10_000);
    assert_eq!((pod.kept.clone(), pod.reverts), (vec![Some(3)], 1));
}

#[test]
fn a_reload_for_another_reason_that_fails_says_nothing_of_what_the_program_has() {
    let mut pod = Pod::baking(&[1]);
    pod.wait(200_000);
    pod.edit(0, 2);
    pod.run();
    pod.gate.loading();
    assert!(!pod.gate.not_taken(pod.now, unhealthy));
    pod.wait(100_000);
    assert_eq!((pod.kept.clone(), pod.reverts), (vec![Some(2)], 0));
}

/// Also where newer content comes meanwhile, or after a revert that it has not loaded yet.
#[test]
fn a_program_that_starts_has_its_time_though_a_reload_has_failed_before() {
    for (content, is_reverted) in [(2, false), (3, false), (3, true)] {
        let mut pod = Pod::baking(&[1]);
        pod.wait(200_000);
        pod.reload = Reload::Fails;
        pod.edit(0, 2);
        pod.run();
        pod.gate.restarting();
        pod.run();
        if is_reverted {
            pod.reload = Reload::Waits;
            pod.wait(100_000);
        }
        pod.edit(0, content);
        pod.run();
        (pod.reload, pod.is_ill) = (Reload::Works, true);
        pod.wait(50_000);
        assert_eq!((pod.seen_by_program(), pod.reverts), (vec![Some(content)], usize::from(is_reverted)));
        pod.is_ill = false;
        pod.wait(100_000);
        assert_eq!(pod.kept, [Some(content)]);
    }
}
