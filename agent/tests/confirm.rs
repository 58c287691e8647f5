//! After a signal the agent looks for a proof that the program has taken the change, and never claims more than it knows.

mod support;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{Agent, Program, Root, Volume, eventually};

/// A master whose worker is a sleep; at SIGHUP it runs `trap`.
fn master(root: &Root, trap: &str) -> Program {
    Program::script(root, &root.name("m"), &format!("trap 'old=$!; {trap}' HUP"))
}

const RENEW: &str = "sleep 1000 & kill $old";

fn watch(root: &Root, confirm: &str) -> (Volume, Agent) {
    let volume = root.volume("conf", &[("a", "1")]);
    let process = format!("--process={}", root.name("m"));
    let flags = ["--container=web", "--volume=conf", "--reload=signal", "--signal=SIGHUP", &process, confirm];
    (volume, Agent::watch(root, &flags))
}

#[test]
fn new_workers_prove_that_the_master_has_taken_the_change() {
    let root = Root::new();
    let _program = master(&root, RENEW);
    let (volume, agent) = watch(&root, "--confirm=workers");
    agent.reaches("loaded");
    for round in 1..=2 {
        volume.swap(&[("a", &format!("{round}+"))]);
        eventually("it is confirmed", || (agent.field("reloaded") == round.to_string()).then_some(()));
        assert_eq!((agent.field("state"), agent.field("sent")), ("loaded".into(), "0".into()));
    }
}

#[test]
fn a_master_that_keeps_its_workers_is_unconfirmed_until_it_has_new_ones_beside_them() {
    let root = Root::new();
    let program = master(&root, "while ! [ -e go ]; do :; done; sleep 1000 &");
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    let status = agent.reaches("unconfirmed");
    let name = root.name("m");
    for part in ["HR_UNCONFIRMED", &format!("({name}) has no new workers"), "its log says why", "\"current\":false"] {
        assert!(status.contains(part), "{part} in {status}");
    }
    let metrics = agent.get("/metrics").unwrap();
    assert!(metrics.contains("hotreload_agent_state{state=\"unconfirmed\"} 1"), "{metrics}");
    assert!(metrics.contains("hotreload_agent_last_reload_successful 0"), "{metrics}");
    assert_eq!((agent.field("unconfirmed"), agent.field("signals")), ("1".into(), "1".into()));
    // A large program may need longer.
    std::fs::write(root.join("go"), "").unwrap();
    assert!(agent.reaches("loaded").contains("\"current\":true"));
    assert_eq!((agent.field("reloaded"), agent.field("signals")), ("1".into(), "1".into()));
    drop(program);
}

#[test]
fn newer_content_does_not_wait_for_a_proof_that_may_never_come() {
    let root = Root::new();
    let _program = master(&root, &format!("if [ -e go ]; then {RENEW}; else echo >> refused; fi"));
    let (volume, agent) = watch(&root, "--confirm=workers");
    let mut rounds = 0;
    // On a machine that stands still for ten seconds in between, the time for the proof is over first.
    eventually("newer content is sent at once", || {
        rounds += 1;
        volume.swap(&[("a", &format!("broken {rounds}"))]);
        eventually("the master refuses it", || (root.read("refused").lines().count() == rounds).then_some(()));
        std::fs::write(root.join("go"), "").unwrap();
        volume.swap(&[("a", &format!("mended {rounds}"))]);
        let reloaded = rounds.to_string();
        eventually("it is confirmed", || (agent.field("reloaded") == reloaded).then_some(()));
        assert_eq!((agent.field("unconfirmed"), agent.field("sent")), (reloaded, "0".into()));
        std::fs::remove_file(root.join("go")).unwrap();
        let log = agent.log();
        assert!(log.contains("has no new workers"), "{log}");
        (0..9).any(|seconds| log.contains(&format!(" {seconds} s after SIGHUP"))).then_some(())
    });
    assert_eq!(agent.field("signals"), (2 * rounds).to_string());
}

#[test]
fn fewer_workers_are_a_proof_while_the_old_ones_finish_their_connections() {
    let root = Root::new();
    let _program = Program::script(&root, &root.name("m"), "sleep 1000 & sleep 1000 & trap 'sleep 1000 &' HUP");
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    eventually("it is confirmed", || (agent.field("reloaded") == "1").then_some(()));
    assert_eq!((agent.field("state"), agent.field("unconfirmed")), ("loaded".into(), "0".into()));
}

#[test]
fn newer_content_replaces_what_is_unconfirmed() {
    let root = Root::new();
    let _program = master(&root, &format!("if [ -e go ]; then {RENEW}; fi"));
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "broken")]);
    agent.reaches("unconfirmed");
    std::fs::write(root.join("go"), "").unwrap();
    volume.swap(&[("a", "3")]);
    agent.reaches("loaded");
    assert_eq!((agent.field("signals"), agent.field("reloaded")), ("2".into(), "1".into()));
}

#[test]
fn the_content_of_before_is_loaded_again_if_the_program_may_have_the_one_that_is_unconfirmed() {
    let root = Root::new();
    let _program = master(&root, &format!("if [ -e go ]; then {RENEW}; fi"));
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    agent.reaches("unconfirmed");
    std::fs::write(root.join("go"), "").unwrap();
    volume.swap(&[("a", "1")]);
    agent.reaches("loaded");
    assert_eq!((agent.field("signals"), agent.field("reloaded")), ("2".into(), "1".into()));
}

#[test]
fn a_program_that_started_again_after_its_end_has_what_was_there_then() {
    let root = Root::new();
    let mut program = master(&root, "exit 3");
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    agent.reaches("killed");
    program.restart(&root);
    volume.swap(&[("a", "1")]);
    eventually("the change is seen", || (agent.field("changes") == "2").then_some(()));
    assert!(agent.reaches("killed").contains("\"current\":false"), "the program has the content before this one");
    program.process.signal("KILL");
    eventually("its end", || program.process.has_ended().then_some(()));
    volume.swap(&[("a", "3")]);
    agent.reaches("waiting");
    // The kernel rounds a start down to 10 ms.
    std::thread::sleep(std::time::Duration::from_millis(20));
    program.restart(&root);
    assert!(agent.reaches("loaded").contains("\"current\":true"));
}

#[test]
fn a_program_that_started_with_content_that_was_then_taken_back_is_sent_that_of_before() {
    let root = Root::new();
    let mut program = Program::reloading(&root, &root.name("m"));
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    eventually("the signal", || (program.signals() == 1).then_some(()));
    // Longer than its end counts as due to the signal, and less than the time for a proof.
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    program.process.signal("KILL");
    agent.reaches("waiting");
    agent.process.signal("STOP");
    program.restart(&root);
    volume.swap(&[("a", "1")]);
    agent.process.signal("CONT");
    eventually("the signal", || (program.signals() == 2).then_some(()));
}

#[test]
fn without_a_proof_a_signal_is_only_sent_and_a_new_agent_remembers_it() {
    let root = Root::new();
    let _program = Program::reloading(&root, &root.name("m"));
    let (volume, agent) = watch(&root, "--timeout=30s");
    assert_eq!(agent.field("state"), "loaded", "the program started with this content");
    volume.swap(&[("a", "2")]);
    agent.reaches("signalled");
    assert_eq!((agent.field("reloaded"), agent.field("sent")), ("0".into(), "1".into()));
    drop(agent);
    let process = format!("--process={}", root.name("m"));
    let flags = ["--container=web", "--volume=conf", "--reload=signal", "--signal=SIGHUP", &process];
    let again = Agent::watch(&root, &flags);
    again.reaches("signalled");
    assert_eq!(again.field("signals"), "0");
}

#[test]
fn a_program_that_ends_while_the_agent_looks_was_killed() {
    let root = Root::new();
    let _program = master(&root, "exit 3");
    let (volume, agent) = watch(&root, "--confirm=workers");
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("killed").contains("HR_KILLED"));
    assert_eq!((agent.field("reloaded"), agent.field("sent")), ("0".into(), "0".into()));
}

/// Serves a metric, in parts, as a busy program does. 0: no such metric.
fn exporter(seconds: Arc<AtomicU64>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let count = stream.read(&mut [0; 1024]).unwrap_or(0);
            let value = seconds.load(Ordering::Relaxed);
            let line = if count == 0 || value == 0 { String::new() } else { format!("last_reload {value}.5\n") };
            for part in ["HTTP/1.0 200 OK\r\n\r\n# TYPE last_rel", "oad gauge\n", &line, "other 1\n"] {
                let _ = stream.write_all(part.as_bytes());
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    });
    port
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

#[test]
fn the_time_of_the_last_reload_proves_it() {
    let root = Root::new();
    let _program = Program::reloading(&root, &root.name("m"));
    let seconds = Arc::new(AtomicU64::new(now() - 100));
    let port = exporter(seconds.clone());
    let (volume, agent) = watch(&root, &format!("--confirm=last_reload http://127.0.0.1:{port}/metrics"));
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("unconfirmed").contains("reports no reload"));
    seconds.store(now(), Ordering::Relaxed);
    agent.reaches("loaded");
    assert_eq!(agent.field("reloaded"), "1");
}

#[test]
fn a_program_without_the_metric_is_only_signalled() {
    let root = Root::new();
    let _program = Program::reloading(&root, &root.name("m"));
    let port = exporter(Arc::new(AtomicU64::new(0)));
    let (volume, agent) = watch(&root, &format!("--confirm=last_reload http://127.0.0.1:{port}/metrics"));
    volume.swap(&[("a", "2")]);
    agent.reaches("signalled");
}
