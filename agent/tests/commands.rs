//! Commands: validation before each reload, the reload method `exec`, and the command `probe`.

mod support;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{Agent, Program, Root, Volume, calm, eventually};

/// A script in the root directory; its path.
fn script(root: &Root, name: &str, text: &str) -> String {
    let file = root.join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    file.to_str().unwrap().into()
}

fn validated(root: &Root, name: &str, text: &str, more: &[&str]) -> (Volume, Program, Agent) {
    let volume = root.volume("conf", &[("a", "good 1")]);
    let program = Program::reloading(root, &root.name(name));
    (volume, program, validating(root, name, text, more))
}

/// An agent that runs a script of this text with the volume's file.
fn validating(root: &Root, name: &str, text: &str, more: &[&str]) -> Agent {
    let check = script(root, "check", text);
    let flags = [
        format!("--process={}", root.name(name)),
        format!("--validate=[\"{check}\",\"{}\"]", root.join("vol/conf/a").display()),
    ];
    let args = ["--container=web", "--volume=conf", "--reload=signal", "--signal=SIGHUP", &flags[0], &flags[1]];
    Agent::watch(root, &[&args[..], more].concat())
}

#[test]
fn invalid_content_causes_no_signal_and_the_next_valid_content_does() {
    let root = Root::new();
    let (volume, program, agent) = validated(&root, "m", "echo 'secret \u{1b}[31m detail' >&2; grep -q good $1", &[]);
    eventually("the validation at the start", || (agent.field("validationsPassed") == "1").then_some(()));
    volume.swap(&[("a", "broken")]);
    let status = agent.reaches("invalid");
    assert!(status.contains("HR_VALIDATION_FAILED") && !status.contains("secret"), "{status}");
    assert!(agent.log().contains("secret [31m detail"), "in the log, without its control characters");
    calm();
    assert_eq!(program.signals(), 0);
    volume.swap(&[("a", "good 2")]);
    agent.reaches("signalled");
    eventually("the signal", || (program.signals() == 1).then_some(()));
    assert_eq!((agent.field("validationsPassed"), agent.field("validationsFailed")), ("2".into(), "1".into()));
    volume.swap(&[("a", "broken")]);
    agent.reaches("invalid");
    volume.swap(&[("a", "good 2")]);
    agent.reaches("signalled");
    calm();
    assert_eq!(program.signals(), 1, "the program already has this content");
}

/// Also by an agent that starts later.
#[test]
fn a_program_that_has_started_with_invalid_content_is_sent_that_of_before() {
    let root = Root::new();
    let (volume, mut program, agent) = validated(&root, "p", "grep -q good $1", &[]);
    volume.swap(&[("a", "broken")]);
    agent.reaches("invalid");
    program.restart(&root);
    fs::write(root.join("check"), "#!/bin/sh\nfalse\n").unwrap();
    volume.swap(&[("a", "good 1")]);
    eventually("it is seen", || (agent.field("changes") == "2").then_some(()));
    agent.reaches("invalid");
    agent.process.signal("KILL");
    drop(agent);
    let _agent = validating(&root, "p", "grep -q good $1", &[]);
    eventually("the signal", || (program.signals() == 1).then_some(()));
}

#[test]
fn the_content_at_the_start_is_validated() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "broken")]);
    let command = script(&root, "check", "grep -q good $1");
    let file = volume.path.join("a");
    let validate = format!("--validate=[\"{command}\",\"{}\"]", file.display());
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none", &validate]);
    let status = agent.reaches("invalid");
    assert!(status.contains("the program started with this configuration"), "{status}");
    volume.swap(&[("a", "good")]);
    agent.reaches("refreshed");
}

#[test]
fn content_that_changes_during_validation_is_validated_again() {
    let root = Root::new();
    let (volume, program, agent) = validated(
        &root,
        "n",
        "echo run >> $HOTRELOAD_ROOT/runs; while [ ! -e $HOTRELOAD_ROOT/go ]; do sleep 0.05; done; grep -q good $1",
        &[],
    );
    volume.swap(&[("a", "good 2")]);
    agent.reaches("validating");
    volume.swap(&[("a", "broken")]);
    fs::write(root.join("go"), "").unwrap();
    agent.reaches("invalid");
    calm();
    assert_eq!((program.signals(), root.read("runs").lines().count()), (0, 2));
}

#[test]
fn a_validator_that_hangs_is_killed_with_its_children() {
    let root = Root::new();
    let (volume, program, agent) =
        validated(&root, "o", "sleep 30 & echo $! > $HOTRELOAD_ROOT/child; sleep 30", &["--timeout=300ms"]);
    volume.swap(&[("a", "good 2")]);
    assert!(agent.reaches("invalid").contains("took too long"));
    let child = root.read("child");
    eventually("its child is gone", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
        (stat.is_empty() || stat.contains(") Z ")).then_some(())
    });
    assert_eq!(program.signals(), 0);
}

#[test]
fn a_validator_that_writes_without_end_is_killed_at_its_time_out() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    // Where that is permitted it runs as soon as its pipe has room, so that the agent never finds the pipe empty.
    let validate = r#"--validate=["sh","-c","chrt -f 1 yes || yes"]"#;
    let agent = Agent::watch(&root, &["--volume=conf", "--reload=none", validate, "--timeout=300ms"]);
    assert!(agent.reaches("invalid").contains("took too long"));
    let lines = agent.log().matches("\"msg\":\"validator output\",\"text\":\"y\"").count();
    assert_eq!(lines, 8 << 10, "8 KiB");
}

#[test]
fn a_missing_validator_is_reported() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--volume=conf", "--reload=none", "--validate=[\"no-such-program\",\"-t\"]"]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("invalid").contains("no-such-program: no such file or directory"));
}

#[test]
fn a_validator_that_can_not_be_started_now_is_retried() {
    let root = Root::new();
    let (volume, program, agent) = validated(&root, "q", "exit 0", &[]);
    let writer = fs::OpenOptions::new().append(true).open(root.join("check")).unwrap();
    volume.swap(&[("a", "2")]);
    eventually("the error is logged", || agent.log().contains("check: text file busy").then_some(()));
    assert_eq!(program.signals(), 0);
    drop(writer);
    agent.reaches("signalled");
    eventually("the signal", || (program.signals() == 1).then_some(()));
}

#[test]
fn the_reload_command_is_retried_until_it_succeeds() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let command =
        script(&root, "reload", "echo run >> $HOTRELOAD_ROOT/runs; exec 1>&- 2>&-; [ -e $HOTRELOAD_ROOT/ok ]");
    let agent = Agent::watch(&root, &["--volume=conf", "--reload=exec", &format!("--command=[\"{command}\"]")]);
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("retrying").contains("HR_EXEC_FAILED"));
    fs::write(root.join("ok"), "").unwrap();
    agent.reaches("loaded");
    fs::remove_file(root.join("runs")).unwrap();
    volume.swap(&[("a", "3")]);
    eventually("it is loaded", || (agent.field("reloaded") == "2").then_some(()));
    calm();
    assert_eq!(root.read("runs").lines().count(), 1);
}

#[test]
fn a_pod_waits_for_its_turn() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch_with(&root, &["--volume=conf", "--reload=none", "--stagger=1h"], &[("HOSTNAME", "web-0")]);
    volume.swap(&[("a", "2")]);
    agent.reaches("staggered");
    assert_eq!(agent.field("sent"), "0");
}

#[test]
fn the_probe_fails_once_for_a_container_older_than_the_change() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=probe"]);
    // A PID namespace of its own, in which the script is PID 1, like a container's root.
    let probe = |wait: &str| {
        let script = format!("{wait}; {} probe --container=web; echo code $?", support::BINARY);
        let mut command = std::process::Command::new("unshare");
        command.args(["--pid", "--fork", "--mount-proc", "sh", "-c", &script]).env("HOTRELOAD_ROOT", &root.path);
        command.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let output = |child: std::process::Child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(output(probe(":")).contains("code 0"), "nothing changed");
    let (file, began) = (root.join("go"), root.join("began"));
    let old = probe(&format!("> {}; while [ ! -e {} ]; do sleep 0.02; done", began.display(), file.display()));
    eventually("the script runs", || began.exists().then_some(()));
    volume.swap(&[("a", "2")]);
    eventually("the change is recorded", || root.join("state/web.change").exists().then_some(()));
    agent.reaches("recorded");
    fs::write(&file, "").unwrap();
    assert!(output(old).contains("code 1"), "older than the change");
    std::thread::sleep(std::time::Duration::from_millis(20)); // start times have a resolution of 10 ms
    assert!(output(probe(":")).contains("code 0"), "started after it");
}

#[test]
fn the_probe_runs_the_original_probe() {
    let root = Root::new();
    let agent = Agent::watch(&root, &["--reload=none"]);
    let probe = |flag: String| {
        let mut command = std::process::Command::new(support::BINARY);
        command
            .args(["probe", "--container=web", &flag])
            .env("HOTRELOAD_ROOT", &root.path)
            .stdout(std::process::Stdio::null());
        command.status().unwrap().code().unwrap()
    };
    assert_eq!(probe(format!("--http-get=http://127.0.0.1:{}/healthz", agent.port)), 0);
    assert_eq!(probe(format!("--http-get=http://127.0.0.1:{}/nothing", agent.port)), 1);
    assert_eq!(probe(format!("--tcp={}", agent.port)), 0);
    let closed = support::free_port();
    assert_eq!((probe(format!("--tcp={closed}")), probe(format!("--http-get=http://127.0.0.1:{closed}/"))), (1, 1));
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert_eq!(
        probe(format!("--http-get=http://127.0.0.1:{}/", silent.local_addr().unwrap().port())),
        1,
        "in a second"
    );
}
