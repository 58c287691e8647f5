use super::*;
use crate::mountinfo::Instance;
use crate::verdict::{Candidate, Verdict, judge};
use alloc::vec;
use proptest::prelude::*;

fn process(pid: u32, parent: u32, comm: &str, started: u64, container: &str) -> Process {
    let instance = (!container.is_empty()).then(|| Instance {
        pod: "u".into(),
        container: container.into(),
        id: "00000001".into(),
    });
    Process { pid, parent, comm: comm.into(), zombie: false, started, instance }
}

fn newer(mut process: Process) -> Process {
    process.instance.as_mut().unwrap().id = "00000002".into();
    process
}

fn dead(mut process: Process) -> Process {
    process.zombie = true;
    process
}

fn selector(processes: &[&str]) -> TargetSelector {
    TargetSelector {
        container: Some("web".into()),
        processes: processes.iter().map(|&name| name.into()).collect(),
        arguments: vec![],
    }
}

fn masks(caught: u64) -> Masks {
    Masks { caught, ignored: 0, blocked: 0 }
}

const NOTHING_CAUGHT: &dyn Fn(u32) -> Option<Masks> = &|_| Some(Masks { caught: 0, ignored: 0, blocked: 0 });

fn with_command(command: &dyn Fn(u32) -> Vec<u8>) -> Facts<'_> {
    Facts { command, masks: NOTHING_CAUGHT, signal: Some(1) }
}

fn program(_: u32) -> Vec<u8> {
    b"program\0".to_vec()
}

fn chosen(all: &[Process], selector: &TargetSelector) -> Result<u32, NoTarget> {
    choose(all, selector, Some("u"), 999, &with_command(&program)).map(|process| process.pid)
}

/// The same where these processes catch these signals.
fn chosen_among(all: &[Process], processes: &[&str], caught: &[(u32, u64)]) -> Result<u32, NoTarget> {
    let of = |pid: u32| caught.iter().find(|(one, _)| *one == pid).map_or(0, |(_, mask)| *mask);
    let facts = Facts { masks: &|pid| Some(masks(of(pid))), ..with_command(&program) };
    choose(all, &selector(processes), Some("u"), 999, &facts).map(|process| process.pid)
}

fn code(found: Result<u32, NoTarget>) -> Code {
    match found.unwrap_err() {
        NoTarget::NotYet(problem) | NoTarget::Refused(problem) => problem.code,
    }
}

#[test]
fn the_root_is_told_where_the_user_named_only_a_signal() {
    let all = [process(7, 0, "api", 100, "web"), process(8, 7, "api", 101, "web"), process(3, 0, "pause", 1, "")];
    assert_eq!(chosen(&all, &selector(&[])), Ok(7));
}

#[test]
fn exec_sessions_are_never_told() {
    let all = [
        process(7, 0, "nginx", 100, "web"),
        process(8, 7, "nginx", 101, "web"),
        process(20, 0, "sh", 300, "web"),
        process(21, 20, "nginx", 301, "web"),
        process(5, 0, "nginx", 300, "web"), // a low pid after wrap-around
    ];
    assert_eq!(chosen(&all, &selector(&["nginx"])), Ok(7));
    assert_eq!(chosen(&all, &selector(&[])), Ok(7));
    assert_eq!(code(chosen(&all[2..4], &selector(&["haproxy"]))), Code::NoProcess);
}

#[test]
fn the_program_below_wrappers_is_chosen() {
    let chain = [process(7, 0, "tini", 1, "web"), process(8, 7, "sh", 2, "web"), process(9, 8, "api", 3, "web")];
    assert_eq!(chosen(&chain, &selector(&[])), Ok(9));
    assert_eq!(code(chosen(&chain[..2], &selector(&[]))), Code::NoProcess);
    let two = [process(7, 0, "s6-svscan", 1, "web"), process(8, 7, "a", 2, "web"), process(9, 7, "b", 3, "web")];
    assert_eq!(code(chosen(&two, &selector(&[]))), Code::ProcessAmbiguous);
    assert_eq!(code(chosen(&chain, &selector(&["sh"]))), Code::SignalRefused);
}

#[test]
fn the_program_below_a_shell_script_is_chosen() {
    let all = [process(7, 0, "entrypoint.sh", 1, "web"), process(8, 7, "api", 2, "web")];
    let command = |pid: u32| if pid == 7 { b"/bin/sh\0/entrypoint.sh\0".to_vec() } else { b"/api\0".to_vec() };
    assert_eq!(choose(&all, &selector(&[]), Some("u"), 999, &with_command(&command)).unwrap().pid, 8);
}

/// bash with `trap … EXIT` (5.2, as /proc shows it).
const EVERYTHING: u64 = 0x4381_7efb;

#[test]
fn a_shell_that_traps_the_signal_is_chosen_unless_the_program_below_it_handles_it() {
    let script = [process(7, 0, "sh", 1, "web"), process(8, 7, "sleep", 2, "web")];
    assert_eq!(chosen_among(&script, &[], &[(7, HUP)]), Ok(7));
    assert_eq!(chosen_among(&script[..1], &[], &[(7, HUP)]), Ok(7), "between two children");
    assert_eq!(chosen_among(&script, &["sh"], &[(7, HUP)]), Ok(7));
    assert_eq!(chosen_among(&script, &[], &[(7, HUP), (8, HUP)]), Ok(8), "the script of a program that reloads");
    assert_eq!(chosen_among(&script, &[], &[]), Ok(8));
    let two = [&script[..], &[process(9, 7, "tail", 2, "web")]].concat();
    assert_eq!(chosen_among(&two, &[], &[(7, HUP)]), Ok(7));
    let below = [process(5, 0, "tini", 1, "web"), process(7, 5, "sh", 1, "web"), process(8, 7, "sleep", 2, "web")];
    assert_eq!(chosen_among(&below, &[], &[(5, HUP), (7, HUP)]), Ok(7));
    // supervisord catches SIGHUP to start everything again.
    let supervised = [process(7, 0, "supervisord", 1, "web"), process(8, 7, "api", 2, "web")];
    assert_eq!(chosen_among(&supervised, &[], &[(7, HUP)]), Ok(8));
    assert_eq!(code(chosen_among(&supervised, &["supervisord"], &[(7, HUP)])), Code::SignalRefused);
}

#[test]
fn a_shell_that_catches_every_signal_to_end_is_not_chosen() {
    let script = [process(7, 0, "bash", 1, "web"), process(8, 7, "api", 2, "web")];
    assert_eq!(chosen_among(&script, &[], &[(7, EVERYTHING)]), Ok(8));
    assert_eq!(code(chosen_among(&script, &["bash"], &[(7, EVERYTHING)])), Code::SignalRefused);
    assert_eq!(verdict("bash", masks(EVERYTHING), 0, true, 60_000), Err(Some(Code::SignalRefused)));
}

#[test]
fn the_topmost_process_with_the_name_is_chosen() {
    let all = [
        process(7, 0, "bash", 1, "web"),
        process(8, 7, "postgres", 2, "web"),
        process(9, 8, "postgres", 3, "web"),
        process(10, 9, "postgres", 3, "web"),
    ];
    assert_eq!(chosen(&all, &selector(&["postgres"])), Ok(8));
    let forked =
        [process(7, 0, "bash", 1, "web"), process(8, 7, "php-fpm8.2", 2, "web"), process(9, 7, "php-fpm8.2", 2, "web")];
    assert_eq!(code(chosen(&forked, &selector(&["php-fpm8.2"]))), Code::ProcessAmbiguous);
}

#[test]
fn daemons_under_the_pause_process_are_found() {
    let all = [process(1, 0, "pause", 0, ""), process(7, 0, "sh", 5, "web"), process(9, 1, "named", 6, "web")];
    assert_eq!(chosen(&all, &selector(&["named"])), Ok(9));
}

#[test]
fn the_same_program_in_another_container_is_not_chosen() {
    let all = [process(5, 0, "nginx", 1, "proxy"), process(7, 0, "nginx", 2, "web")];
    assert_eq!(chosen(&all, &selector(&["nginx"])), Ok(7));
}

#[test]
fn the_newest_instance_of_a_restarted_container_is_chosen() {
    let all =
        [process(7, 0, "nginx", 1, "web"), process(8, 7, "nginx", 2, "web"), newer(process(30, 0, "nginx", 90, "web"))];
    assert_eq!(chosen(&all, &selector(&["nginx"])), Ok(30));
    let starting = [process(8, 1, "nginx", 2, "web"), newer(dead(process(30, 0, "nginx", 90, "web")))];
    assert_eq!(code(chosen(&starting, &selector(&["nginx"]))), Code::NoProcess);
}

#[test]
fn an_exec_session_does_not_become_the_root_of_a_dead_container() {
    let all = [process(8, 1, "daemon", 2, "web"), process(40, 0, "top", 50, "web")];
    assert_eq!(code(chosen(&all, &selector(&[]))), Code::NoProcess);
    assert_eq!(root(&all, "web"), None, "nor is it what a restart has started");
    let all = [dead(process(7, 0, "api", 1, "web")), process(40, 0, "top", 50, "web")];
    assert_eq!(code(chosen(&all, &selector(&[]))), Code::NoProcess);
}

#[test]
fn without_container_names_a_name_must_match_exactly_one_process() {
    let all = [
        process(1, 0, "init", 0, ""),
        process(7, 1, "nginx", 2, ""),
        process(8, 7, "nginx", 3, ""),
        process(999, 1, "nginx", 3, ""),
    ];
    let found = |all: &[Process], names: &[&str]| {
        choose(all, &selector(names), None, 999, &with_command(&program)).map(|process| process.pid)
    };
    assert_eq!(found(&all, &["nginx"]), Ok(7));
    assert_eq!(code(found(&all, &[])), Code::ProcessNeeded);
    let two = [process(7, 1, "nginx", 2, ""), process(8, 1, "nginx", 3, "")];
    assert_eq!(code(found(&two, &["nginx"])), Code::ProcessAmbiguous);
}

#[test]
fn haproxy_without_a_master_is_refused() {
    let all = [process(7, 0, "haproxy", 1, "web")];
    let selector = TargetSelector { arguments: vec!["-W".into(), "-Ws".into()], ..selector(&["haproxy"]) };
    let found = |line: &'static [u8]| {
        choose(&all, &selector, Some("u"), 999, &with_command(&|_| line.to_vec())).map(|process| process.pid)
    };
    assert_eq!(found(b"haproxy\0-Ws\0-f\0x\0"), Ok(7));
    assert_eq!(code(found(b"haproxy\0-f\0-Wx\0")), Code::ArgumentMissing);
}

#[test]
fn long_names_match_their_first_15_bytes() {
    let all = [process(7, 0, "prometheus-conf", 1, "web")];
    assert_eq!(chosen(&all, &selector(&["prometheus-config-reloader"])), Ok(7));
    assert_eq!(code(chosen(&all, &selector(&["prometheus-con"]))), Code::NoProcess);
}

const HUP: u64 = 1;

fn verdict(comm: &str, masks: Masks, blocked: u64, is_named: bool, age: u64) -> Result<bool, Option<Code>> {
    let process = process(7, 0, comm, 1, "web");
    match judge(&Candidate { process: &process, masks, blocked, signal: 1, is_named, age }) {
        Verdict::Send { may_exit } => Ok(may_exit),
        Verdict::NotYet(_) => Err(None),
        Verdict::Refuse(problem) => Err(Some(problem.code)),
    }
}

#[test]
fn the_signal_masks_decide() {
    let masks = |caught, ignored| Masks { caught, ignored, blocked: 0 };
    assert_eq!(verdict("nginx", masks(HUP, 0), 0, true, 60_000), Ok(false));
    assert_eq!(verdict("java", masks(HUP, 0), 0, true, 60_000), Ok(true));
    assert_eq!(verdict("etcd", masks(0xffff_fffd_7fc1_feff, 0), 0, true, 60_000), Ok(true));
    assert_eq!(verdict("redis-server", masks(0, HUP), 0, true, 60_000), Err(Some(Code::SignalIgnored)));
    assert_eq!(verdict("api", masks(2, 0), 0, true, 60_000), Err(Some(Code::SignalRefused)));
    assert_eq!(verdict("api", masks(0, 0), 0, true, 500), Err(None));
    assert_eq!(verdict("named", masks(0, 0), HUP, true, 60_000), Ok(false));
    assert_eq!(verdict("named", masks(0, 0), HUP, false, 60_000), Err(Some(Code::SignalRefused)));
}

proptest! {
    /// Whatever /proc shows: never the agent, a zombie, a wrapper, another container's process or an exec session.
    #[test]
    fn a_wrong_target_is_never_chosen(
        rows in proptest::collection::vec((1u32..12, 0u32..12, 0usize..5, 0u64..6, 0usize..3, any::<bool>()), 0..12),
        by_name in any::<bool>(),
    ) {
        let mut all: Vec<Process> = Vec::new();
        for (pid, parent, comm, started, container, zombie) in rows {
            if all.iter().all(|process| process.pid != pid) {
                let comm = ["nginx", "sh", "api", "tini", "nginx"][comm];
                let container = ["web", "other", ""][container];
                all.push(Process { zombie, ..process(pid, parent, comm, started, container) });
            }
        }
        let selector = selector(if by_name { &["nginx"] } else { &[] });
        if let Ok(found) = choose(&all, &selector, Some("u"), 999, &with_command(&program)) {
            prop_assert!(!found.zombie && !is_wrapper(&found.comm));
            prop_assert_eq!(&found.instance.as_ref().unwrap().container, "web");
            prop_assert!(!by_name || found.comm == "nginx");
            let earlier = all.iter().filter(|other| other.parent == 0 && other.instance == found.instance && other.pid != found.pid);
            prop_assert!(found.parent != 0 || earlier.clone().all(|other| other.started >= found.started));
        }
    }
}
