//! The agent on kernels, and in Pods, that deny it something.

mod support;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use support::{Agent, BINARY, Program, Root, Running, calm, eventually, free_port};

/// Starts an agent through another program, which becomes the agent by exec.
fn watch(root: &Root, through: &[&str], flags: &[&str]) -> Agent {
    let agent = start(root, through, flags);
    eventually("the agent answers", || agent.get("/healthz"));
    agent
}

fn start(root: &Root, through: &[&str], flags: &[&str]) -> Agent {
    let (port, log) = (free_port(), root.join("agent.log"));
    let port_flag = format!("--port={port}");
    let words = [through, &[BINARY, "watch", "--container=web"], flags, &[&port_flag]].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env("HOTRELOAD_ROOT", &root.path).stdout(fs::File::create(&log).unwrap());
    Agent { process: Running(command.spawn().unwrap()), port, log }
}

const DENY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/deny.pl");

/// Starts an agent for which some system calls fail, see support/deny.pl.
fn denied(root: &Root, rules: &[&str], flags: &[&str]) -> Agent {
    watch(root, &[&["perl", DENY], rules, &["--"]].concat(), flags)
}

const NO_INOTIFY: &str = "inotify_init1=EMFILE";
/// F_NOTIFY.
const NO_DNOTIFY: &str = "fcntl:1:1026=EINVAL";

#[track_caller]
fn reloaded(agent: &Agent, times: u32) {
    eventually(&format!("reload {times}"), || (agent.field("sent") == times.to_string()).then_some(()));
}

#[test]
fn without_inotify_dnotify_reports_changes() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = denied(&root, &[NO_INOTIFY], &["--volume=conf", "--reload=none"]);
    assert_eq!(agent.field("watch"), "dnotify");
    for (content, times) in [("2", 1), ("3", 2)] {
        volume.swap(&[("a", content)]);
        // The agent also polls, but only every 30 s.
        let end = Instant::now() + Duration::from_secs(10);
        eventually("the change is reported", || {
            assert!(Instant::now() < end, "dnotify reported nothing");
            (agent.field("sent") == times.to_string()).then_some(())
        });
    }
}

#[test]
fn without_inotify_and_dnotify_directories_are_polled() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let in_place = root.join("vol/in-place/sub");
    fs::create_dir_all(&in_place).unwrap();
    let flags = ["--volume=conf", "--volume=in-place", "--volume=late", "--reload=none"];
    let agent = denied(&root, &[NO_INOTIFY, NO_DNOTIFY], &flags);
    assert_eq!(agent.field("watch"), "poll");
    eventually("the missing volume is reported", || agent.log().contains("volume late: not read").then_some(()));
    let late = root.volume("elsewhere", &[("a", "1")]);
    fs::rename(late.path, root.join("vol/late")).unwrap();
    reloaded(&agent, 1);
    volume.swap(&[("a", "2")]);
    reloaded(&agent, 2);
    fs::write(root.join("key"), "1").unwrap();
    fs::rename(root.join("key"), in_place.join("key")).unwrap();
    reloaded(&agent, 3);
    calm();
    assert_eq!((agent.field("sent"), agent.field("state")), ("3".into(), "refreshed".into()));
}

/// Their number is limited for each user of the node (fs.inotify.max_user_watches).
#[test]
fn without_a_watch_of_inotify_a_directory_is_polled() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let in_place = root.join("vol/in-place");
    fs::create_dir_all(&in_place).unwrap();
    let flags = ["--volume=conf", "--volume=in-place", "--reload=none"];
    let agent = denied(&root, &["inotify_add_watch=ENOSPC"], &flags);
    assert_eq!(agent.field("watch"), "poll");
    volume.swap(&[("a", "2")]);
    reloaded(&agent, 1);
    fs::write(in_place.join("key"), "1").unwrap();
    reloaded(&agent, 2);
}

#[test]
fn a_swap_is_noticed_when_the_event_queue_overflows() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--volume=conf", "--reload=none"]);
    agent.process.signal("STOP");
    let stat = format!("/proc/{}/stat", agent.process.pid());
    eventually("the agent has stopped", || fs::read_to_string(&stat).unwrap().contains(") T ").then_some(()));
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

/// Where the whole node has no file left, each of its agents would take a processor.
#[test]
fn a_connection_that_can_not_be_accepted_does_not_keep_the_agent_busy() {
    let root = Root::new();
    let agent = start(&root, &["perl", DENY, "accept4=ENFILE", "--"], &["--reload=none"]);
    let _connection = eventually("it listens", || TcpStream::connect(("127.0.0.1", agent.port)).ok());
    let status = format!("/proc/{}/status", agent.process.pid());
    // A process that is busy never waits by itself.
    let waits = || -> u32 {
        let status = fs::read_to_string(&status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = waits();
    eventually("it waits", || (waits() >= before + 2).then_some(()));
}

#[test]
fn without_pidfd_the_signal_goes_to_the_process_id() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let name = root.name("r");
    let mut program = Program::reloading(&root, &name);
    let process = format!("--process={name}");
    let flags = ["--volume=conf", "--reload=signal", "--signal=SIGHUP", &process];
    let agent = denied(&root, &["pidfd_open=ENOSYS"], &flags);
    volume.swap(&[("a", "2")]);
    eventually("the signal", || (program.signals() == 1).then_some(()));
    // The agent notices its end all the same, after two seconds.
    program.process.signal("KILL");
    assert!(agent.reaches("killed").contains("HR_KILLED"));
    assert!(program.process.has_ended());
}

#[test]
fn without_ipv6_the_agent_listens_on_ipv4() {
    let root = Root::new();
    // AF_INET6.
    let agent = denied(&root, &["socket:0:10=EAFNOSUPPORT"], &["--reload=none"]);
    assert_eq!(agent.field("state"), "loaded");
}

/// A program of another user that writes a line when it is ready, and at each SIGHUP.
const OTHER_USER: [&str; 5] = [
    "--reuid=65534",
    "--clear-groups",
    "perl",
    "-e",
    r#"$0 = shift; $SIG{HUP} = $SIG{TERM} = sub { syswrite STDOUT, shift }; syswrite STDOUT, "ready\n"; sleep 1 while 1"#,
];

#[test]
fn a_process_that_may_not_be_signalled_is_reported_once() {
    for way in ["--reload=signal", "--reload=restart"] {
        let root = Root::new();
        let volume = root.volume("conf", &[("a", "1")]);
        let name = root.name("s");
        let mut command = Command::new("setpriv");
        let mut program = Running(command.args(OTHER_USER).arg(&name).stdout(Stdio::piped()).spawn().unwrap());
        let mut output = BufReader::new(program.0.stdout.take().unwrap());
        output.read_line(&mut String::new()).unwrap();
        // As root, but without the capability KILL.
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
        output.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}

#[test]
fn a_copy_that_can_not_be_written_completely_keeps_its_old_bytes() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "old")]);
    let copy = "--copy=/app/a:conf/a";
    let linked = Command::new(BINARY).args(["link", copy]).env("HOTRELOAD_ROOT", &root.path).status().unwrap();
    assert!(linked.success());
    // The kernel cuts a write at the limit, as on a full disk.
    let agent = watch(&root, &["prlimit", "--fsize=65536"], &["--volume=conf", "--reload=none", copy]);
    volume.swap(&[("a", &"x".repeat(100_000))]);
    let status = agent.reaches("retrying");
    assert!(status.contains("HR_COPY_FAILED") && status.contains("no space left; the old content stays"), "{status}");
    // The agent retries, and a reader may see that for a moment.
    eventually("the old bytes are restored", || (root.read("copy/app/a") == "old").then_some(()));
    assert_eq!(agent.field("sent"), "0");
    volume.swap(&[("a", "new")]);
    reloaded(&agent, 1);
    assert_eq!(root.read("copy/app/a"), "new");
}
