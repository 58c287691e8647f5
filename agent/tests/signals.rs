//! The agent sends one signal for each real change, to the right process, and no other.

mod support;
use std::fs;
use support::{Agent, Program, Root, calm, eventually};

fn signal_flags(name: &str) -> Vec<String> {
    ["--container=web", "--reload=signal", "--signal=SIGHUP"]
        .map(String::from)
        .into_iter()
        .chain([format!("--process={name}")])
        .collect()
}

fn watch(root: &Root, name: &str, more: &[&str]) -> Agent {
    let flags = signal_flags(name);
    let args: Vec<&str> = flags.iter().map(String::as_str).chain(more.iter().copied()).collect();
    Agent::watch(root, &args)
}

fn signalled(program: &Program, times: usize) {
    eventually(&format!("{times} signals, {} arrived", program.signals()), || {
        (program.signals() >= times).then_some(())
    });
    calm();
    assert_eq!(program.signals(), times);
}

#[test]
fn one_signal_for_a_change_and_none_for_a_swap_without_one() {
    let root = Root::new();
    let volume = root.volume("conf", &[("app.yaml", "a: 1")]);
    let program = Program::reloading(&root, &root.name("a"));
    let agent = watch(&root, &root.name("a"), &["--volume=conf"]);
    volume.swap(&[("app.yaml", "a: 2")]);
    signalled(&program, 1);
    volume.swap(&[("app.yaml", "a: 2")]);
    eventually("the swap is seen", || (agent.field("unchanged") == "1").then_some(()));
    signalled(&program, 1);
    volume.swap(&[("app.yaml", "a: 2"), ("new", "")]);
    signalled(&program, 2);
    volume.swap(&[("new", "")]);
    signalled(&program, 3);
    assert_eq!((agent.field("state"), agent.field("signals")), ("signalled".into(), "3".into()));
    assert!(agent.status().contains("\"current\":true"));
}

#[test]
fn a_swap_with_late_keys_is_one_change() {
    let root = Root::new();
    let volume = root.volume("conf", &[("old", "1")]);
    let program = Program::reloading(&root, &root.name("b"));
    let _agent = watch(&root, &root.name("b"), &["--volume=conf"]);
    let files = [("new", "1")];
    let before = volume.rename(&files);
    signalled(&program, 1);
    volume.tidy(&files, before);
    signalled(&program, 1);
    volume.swap(&[("new", "2")]);
    signalled(&program, 2);
}

#[test]
fn after_a_hundred_quick_swaps_the_last_content_is_loaded() {
    let root = Root::new();
    let volume = root.volume("conf", &[("n", "0")]);
    let program = Program::reloading(&root, &root.name("c"));
    let agent = watch(&root, &root.name("c"), &["--volume=conf"]);
    for n in 1..=100 {
        volume.swap(&[("n", &n.to_string())]);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    eventually("the last is loaded", || agent.status().contains("\"loaded\":\"..2026_11_20.100\"").then_some(()));
    assert_eq!(agent.field("state"), "signalled");
    assert!(agent.field("signals").parse::<u32>().unwrap() <= 100);
    eventually("the program got a signal", || (program.signals() > 0).then_some(()));
}

#[test]
fn two_volumes_that_swap_together_are_one_change() {
    let root = Root::new();
    let (conf, tls) = (root.volume("conf", &[("a", "1")]), root.volume("tls", &[("b", "1"), ("token", "1")]));
    let program = Program::reloading(&root, &root.name("d"));
    let agent = watch(&root, &root.name("d"), &["--volume=conf", "--secret-volume=tls", "--ignore=tls/token"]);
    conf.swap(&[("a", "2")]);
    tls.swap(&[("b", "2"), ("token", "1")]);
    signalled(&program, 1);
    tls.swap(&[("b", "2"), ("token", "2")]);
    signalled(&program, 1);
    let status = agent.status();
    assert_eq!(status.matches("\"sha256\":\"").count(), 1, "only the ConfigMap's: {status}");
}

#[test]
fn a_file_written_in_place_is_a_change() {
    let root = Root::new();
    let directory = root.join("vol/vault");
    fs::create_dir_all(directory.join("sub")).unwrap();
    fs::write(directory.join("sub/db"), "1").unwrap();
    let program = Program::reloading(&root, &root.name("e"));
    let _agent = watch(&root, &root.name("e"), &["--secret-volume=vault"]);
    fs::write(directory.join("sub/db"), "2").unwrap();
    signalled(&program, 1);
    fs::create_dir(directory.join("later")).unwrap();
    calm();
    // In one step: an empty file could be a change of its own.
    for _ in 0..2 {
        fs::write(root.join("key"), "1").unwrap();
        fs::rename(root.join("key"), directory.join("later/key")).unwrap();
        signalled(&program, 2);
    }
}

#[test]
fn a_directory_that_appears_or_is_replaced_is_watched() {
    let root = Root::new();
    let program = Program::reloading(&root, &root.name("f"));
    let _agent = watch(&root, &root.name("f"), &["--volume=conf"]);
    // In one step: an empty directory could be a change of its own.
    let appears = |content: &str| {
        let mut volume = root.volume("elsewhere", &[("a", content)]);
        fs::rename(&volume.path, root.join("vol/conf")).unwrap();
        volume.path = root.join("vol/conf");
        volume
    };
    let volume = appears("1");
    signalled(&program, 1);
    fs::rename(&volume.path, root.join("vol/away")).unwrap();
    let volume = appears("2");
    signalled(&program, 2);
    volume.swap(&[("a", "3")]);
    signalled(&program, 3);
}

#[test]
fn content_that_a_program_read_at_its_start_is_not_loaded_again() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let mut program = Program::reloading(&root, &root.name("g"));
    let agent = watch(&root, &root.name("g"), &["--volume=conf"]);
    program.process.signal("KILL");
    let _ = program.process.0.wait();
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("waiting").contains("HR_NO_PROCESS"));
    std::thread::sleep(std::time::Duration::from_millis(50)); // start times have a resolution of 10 ms; in doubt, the agent sends the signal
    program.restart(&root);
    agent.reaches("loaded");
    calm();
    assert_eq!((program.signals(), agent.field("notNeeded")), (0, "1".into()));
    volume.swap(&[("a", "3")]);
    signalled(&program, 1);
}

#[test]
fn programs_that_ignore_the_signal_do_not_get_it() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let mut program = Program::script(&root, &root.name("h"), "trap '' HUP");
    let agent = watch(&root, &root.name("h"), &["--volume=conf"]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("refused").contains("HR_SIGNAL_IGNORED"));
    assert!(agent.get("/metrics").unwrap().contains("hotreload_agent_problem{code=\"HR_SIGNAL_IGNORED\"} 1"));
    assert!(agent.log().contains("\"code\":\"HR_SIGNAL_IGNORED\""));
    assert!(!program.process.has_ended());
}

#[test]
fn programs_that_do_not_handle_the_signal_do_not_get_it() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let mut program = Program::script(&root, &root.name("i"), ":");
    let agent = watch(&root, &root.name("i"), &["--volume=conf"]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("refused").contains("HR_SIGNAL_REFUSED"));
    assert!(
        agent.log().contains("does not handle SIGHUP yet"),
        "the agent waited, as the program might still be starting"
    );
    assert!(!program.process.has_ended());
}

#[test]
fn a_signal_that_killed_is_never_sent_again() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let mut program = Program::script(&root, &root.name("j"), "trap 'echo HUP >> \"$LOG\"; exit 1' HUP");
    let agent = watch(&root, &root.name("j"), &["--volume=conf"]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("killed").contains("HR_KILLED"));
    program.restart(&root);
    volume.swap(&[("a", "3")]);
    calm();
    assert!(agent.reaches("killed").contains("HR_KILLED"));
    drop(agent);
    // Not even by a restarted agent.
    let agent = watch(&root, &root.name("j"), &["--volume=conf"]);
    volume.swap(&[("a", "4")]);
    agent.reaches("killed");
    assert_eq!(program.signals(), 1);
    assert!(!program.process.has_ended());
}

#[test]
fn a_change_while_the_agent_is_down_is_loaded_once() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let program = Program::reloading(&root, &root.name("k"));
    let agent = watch(&root, &root.name("k"), &["--volume=conf"]);
    agent.process.signal("KILL");
    drop(agent);
    volume.swap(&[("a", "2")]);
    let agent = watch(&root, &root.name("k"), &["--volume=conf"]);
    signalled(&program, 1);
    agent.reaches("signalled"); // and saved
    agent.process.signal("KILL");
    drop(agent);
    let agent = watch(&root, &root.name("k"), &["--volume=conf"]);
    agent.reaches("signalled");
    signalled(&program, 1);
}

#[test]
fn of_two_processes_with_the_same_name_none_gets_a_signal() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let (one, two) = (Program::reloading(&root, &root.name("l")), Program::reloading(&root, &root.name("l")));
    let agent = watch(&root, &root.name("l"), &["--volume=conf"]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("refused").contains("HR_PROCESS_AMBIGUOUS"));
    assert_eq!(one.signals() + two.signals(), 0);
}
