//! What the agent does where the kernel, or the Pod it runs in, lets it do less.

mod support;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Agent, BINARY, Program, Root, Running, calm, eventually, free_port};

/// An agent started through another program, which becomes it by exec.
fn watch(root: &Root, through: &[&str], flags: &[&str]) -> Agent {
    let (port, log) = (free_port(), root.join("agent.log"));
    let port_flag = format!("--port={port}");
    let words = [through, &[BINARY, "watch", "--container=web"], flags, &[&port_flag]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("HOTRELOAD_ROOT", &root.path).stdout(fs::File::create(&log).unwrap());
    let agent = Agent { process: Running(command.spawn().unwrap()), port, log };
    eventually("the agent answers", || agent.get("/healthz"));
    agent
}

/// An agent some of whose system calls fail, see support/deny.pl.
fn denied(root: &Root, rules: &[&str], flags: &[&str]) -> Agent {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/deny.pl");
    watch(root, &[&["perl", script.to_str().unwrap()], rules, &["--"]].concat(), flags)
}

const NO_INOTIFY: &str = "inotify_init1=EMFILE";
/// F_NOTIFY.
const NO_DNOTIFY: &str = "fcntl:1:1026=EINVAL";

#[track_caller]
fn reloaded(agent: &Agent, times: u32) {
    eventually(&format!("reload {times}"), || (agent.field("reloaded") == times.to_string()).then_some(()));
}

#[test]
fn without_inotify_instances_a_directory_tells_by_dnotify() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = denied(&root, &[NO_INOTIFY], &["--volume=conf", "--reload=none"]);
    assert_eq!(agent.field("watch"), "dnotify");
    for (content, times) in [("2", 1), ("3", 2)] {
        volume.swap(&[("a", content)]);
        // What dnotify does not tell is looked for, too, but only every 30 s.
        let end = Instant::now() + Duration::from_secs(10);
        eventually("it is told", || {
            assert!(Instant::now() < end, "nothing was told");
            (agent.field("reloaded") == times.to_string()).then_some(())
        });
    }
}

#[test]
fn without_inotify_and_dnotify_directories_are_looked_at() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let in_place = root.join("vol/in-place/sub");
    fs::create_dir_all(&in_place).unwrap();
    let flags = ["--volume=conf", "--volume=in-place", "--volume=late", "--reload=none"];
    let agent = denied(&root, &[NO_INOTIFY, NO_DNOTIFY], &flags);
    assert_eq!(agent.field("watch"), "poll");
    eventually("what is missing is said", || agent.log().contains("volume late: not read").then_some(()));
    let late = root.volume("elsewhere", &[("a", "1")]);
    fs::rename(late.path, root.join("vol/late")).unwrap();
    reloaded(&agent, 1);
    volume.swap(&[("a", "2")]);
    reloaded(&agent, 2);
    fs::write(root.join("key"), "1").unwrap();
    fs::rename(root.join("key"), in_place.join("key")).unwrap();
    reloaded(&agent, 3);
    calm();
    assert_eq!((agent.field("reloaded"), agent.field("state")), ("3".into(), "loaded".into()));
}

#[test]
fn a_swap_among_more_events_than_the_kernel_keeps_is_noticed() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--volume=conf", "--reload=none"]);
    agent.process.signal("STOP");
    let stat = format!("/proc/{}/stat", agent.process.pid());
    eventually("it has stopped", || fs::read_to_string(&stat).unwrap().contains(") T ").then_some(()));
    let most: u32 = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    let noise = volume.path.join("..noise");
    for _ in 0..=most / 3 {
        // Three events: created, closed, deleted.
        fs::write(&noise, "").unwrap();
        fs::remove_file(&noise).unwrap();
    }
    volume.swap(&[("a", "2")]);
    agent.process.signal("CONT");
    reloaded(&agent, 1);
    volume.swap(&[("a", "3")]);
    reloaded(&agent, 2);
}

#[test]
fn kernels_without_pidfd_are_told_by_id() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let name = root.name("r");
    let mut program = Program::reloading(&root, &name);
    let process = format!("--process={name}");
    let flags = ["--volume=conf", "--reload=signal", "--signal=SIGHUP", &process];
    let agent = denied(&root, &["pidfd_open=ENOSYS"], &flags);
    volume.swap(&[("a", "2")]);
    eventually("the signal", || (program.signals() == 1).then_some(()));
    // Its end is noticed all the same, at the end of the two seconds.
    program.process.signal("KILL");
    assert!(agent.reaches("killed").contains("HR_KILLED"));
    assert!(program.process.has_ended());
}

#[test]
fn nodes_without_ipv6_are_answered_by_ipv4() {
    let root = Root::new();
    // AF_INET6.
    let agent = denied(&root, &["socket:0:10=EAFNOSUPPORT"], &["--reload=none"]);
    assert_eq!(agent.field("state"), "loaded");
}

/// A program of another user that says on its standard output when it is ready, and when SIGHUP comes.
const OTHER_USER: [&str; 5] = [
    "--reuid=65534",
    "--clear-groups",
    "perl",
    "-e",
    r#"$0 = shift; $SIG{HUP} = $SIG{TERM} = sub { syswrite STDOUT, shift }; syswrite STDOUT, "ready\n"; sleep 1 while 1"#,
];

#[test]
fn what_may_not_be_signalled_is_named_once() {
    for way in ["--reload=signal", "--reload=restart"] {
        let root = Root::new();
        let volume = root.volume("conf", &[("a", "1")]);
        let name = root.name("s");
        let mut command = Command::new("setpriv");
        let mut program = Running(command.args(OTHER_USER).arg(&name).stdout(Stdio::piped()).spawn().unwrap());
        let mut said = BufReader::new(program.0.stdout.take().unwrap());
        said.read_line(&mut String::new()).unwrap();
        // As root in a container without the capability.
        let without = ["setpriv", "--inh-caps=-kill", "--bounding-set=-kill"];
        let process = format!("--process={name}");
        let agent = watch(&root, &without, &["--volume=conf", way, "--signal=SIGHUP", &process]);
        volume.swap(&[("a", "2")]);
        assert!(agent.reaches("refused").contains("HR_SIGNAL_NOT_PERMITTED"));
        calm();
        let counted = ["refused", "failed", "signals", "restarts"].map(|name| agent.field(name));
        assert_eq!(counted, ["1", "0", "0", "0"], "{way}: neither sent nor tried over and over");
        assert_eq!(agent.log().matches("\"msg\":\"not reloaded\"").count(), 1);
        program.signal("KILL");
        let mut rest = String::new();
        said.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn a_copy_that_can_not_be_written_whole_keeps_its_old_bytes() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "old")]);
    let copy = "--copy=/app/a:conf/a";
    let linked = Command::new(BINARY).args(["link", copy]).env("HOTRELOAD_ROOT", &root.path).status().unwrap();
    assert!(linked.success());
    // A write that would go beyond the limit is cut there, as on a full disk.
    let agent = watch(&root, &["prlimit", "--fsize=65536"], &["--volume=conf", "--reload=none", copy]);
    volume.swap(&[("a", &"x".repeat(100_000))]);
    let status = agent.reaches("retrying");
    assert!(status.contains("HR_COPY_FAILED") && status.contains("no space left; the old content stays"), "{status}");
    // Tried again now and then, which a reader may see for a moment.
    eventually("the old bytes are back", || (root.read("copy/app/a") == "old").then_some(()));
    assert_eq!(agent.field("reloaded"), "0");
    volume.swap(&[("a", "new")]);
    reloaded(&agent, 1);
    assert_eq!(root.read("copy/app/a"), "new");
}
