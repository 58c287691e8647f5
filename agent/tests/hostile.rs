//! What others in the Pod, or anybody who reaches its address, may do to the agent: trees and symlinks in volumes that
//! are written in place, files in its state directory, held connections, a log that nobody reads.

mod support;
use agent::saved_state::SavedState;
use rustix::fd::OwnedFd;
use rustix::io::{read, write};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use support::{Agent, BINARY, Program, Root, Running, calm, eventually, exchange, free_port};

/// A volume without `..data`.
fn in_place(root: &Root) -> PathBuf {
    let path = root.join("vol/data");
    fs::create_dir_all(&path).unwrap();
    path
}

fn watch(root: &Root) -> Agent {
    Agent::watch(root, &["--container=web", "--volume=data", "--reload=none"])
}

/// The agent ends at SIGTERM, so it hears it.
fn stops(mut agent: Agent) {
    agent.process.signal("TERM");
    eventually("the agent ends", || agent.process.has_ended().then_some(()));
}

#[test]
fn symlinks_to_their_own_directory_are_not_followed_again_and_again() {
    let root = Root::new();
    let volume = in_place(&root);
    ["a", "b", "c", "d"].iter().for_each(|name| symlink(".", volume.join(name)).unwrap());
    fs::write(volume.join("file"), "1").unwrap();
    let agent = watch(&root);
    fs::write(volume.join("file"), "2").unwrap();
    eventually("a reload", || (agent.field("sent") == "1").then_some(()));
    stops(agent);
}

#[test]
fn a_symlink_to_the_root_directory_is_not_followed() {
    let root = Root::new();
    let volume = in_place(&root);
    symlink("/", volume.join("root")).unwrap();
    let agent = watch(&root);
    let status = agent.reaches("loaded");
    assert!(status.contains("HR_LINK_OUTSIDE") && status.contains("1 of its symlinks"), "{status}");
    assert!(status.contains("\"error\":null"), "{status}");
    fs::remove_file(volume.join("root")).unwrap();
    eventually("no warning", || (!agent.status().contains("HR_LINK_OUTSIDE")).then_some(()));
    stops(agent);
}

#[test]
fn a_file_outside_the_volume_is_not_read() {
    let root = Root::new();
    let volume = in_place(&root);
    let outside = root.join("outside");
    symlink(&outside, volume.join("absolute")).unwrap();
    symlink("../../outside", volume.join("relative")).unwrap();
    let sha256 = |content: &str| {
        fs::write(&outside, content).unwrap();
        let _ = fs::remove_file(root.join("state/web"));
        watch(&root).field("sha256")
    };
    assert_eq!(sha256("secret"), sha256("another"));
}

#[test]
fn a_symlink_that_leads_elsewhere_is_a_change() {
    let root = Root::new();
    let volume = in_place(&root);
    symlink("/somewhere", volume.join("link")).unwrap();
    let agent = watch(&root);
    symlink("/elsewhere", volume.join("new")).unwrap();
    fs::rename(volume.join("new"), volume.join("link")).unwrap();
    eventually("a reload", || (agent.field("sent") != "0").then_some(()));
}

#[test]
fn data_that_leads_out_of_the_volume_is_not_read() {
    let root = Root::new();
    let volume = in_place(&root);
    symlink("/", volume.join("..data")).unwrap();
    let agent = watch(&root);
    let status = agent.reaches("retrying");
    assert!(status.contains("HR_VOLUME_UNREADABLE") && status.contains("leads out of its volume"), "{status}");
}

#[test]
fn files_that_change_at_each_attempt_are_named_as_such() {
    // A file of /proc is longer than it says, as one to which a program appends all the time.
    let flags = ["--container=web", "--directory=/proc/sys/kernel/random", "--reload=none"];
    let status = Agent::watch(&Root::new(), &flags).reaches("retrying");
    assert!(status.contains("HR_VOLUME_UNREADABLE") && status.contains("its files changed at each"), "{status}");
}

/// As the kubelet does it after an update that failed on a full disk. The container's mount keeps the directory, here a
/// working directory does.
#[test]
fn a_volume_that_the_kubelet_removed_is_reported_and_causes_no_reload() {
    let root = Root::new();
    let volume = root.volume("data", &[("a", "1")]);
    let keeper = Command::new("sleep").arg("60").current_dir(root.join("vol/data")).spawn().map(Running).unwrap();
    let directory = format!("--directory=/proc/{}/cwd/.", keeper.pid());
    let agent = Agent::watch(&root, &["--container=web", &directory, "--reload=none"]);
    volume.swap(&[("a", "2")]);
    eventually("a reload", || (agent.field("sent") == "1").then_some(()));
    fs::remove_dir_all(root.join("vol/data")).unwrap();
    let status = agent.reaches("removed");
    assert!(status.contains("HR_VOLUME_REMOVED") && status.contains(r#""current":false"#), "{status}");
    assert_eq!(agent.field("sent"), "1");
}

#[test]
fn a_directory_that_only_a_symlink_reaches_is_read() {
    let root = Root::new();
    let volume = in_place(&root);
    fs::create_dir(volume.join("..one")).unwrap();
    fs::write(volume.join("..one/file"), "1").unwrap();
    symlink("..one", volume.join("current")).unwrap();
    let agent = watch(&root);
    fs::write(volume.join("..one/file"), "2").unwrap();
    eventually("a reload", || (agent.field("sent") == "1").then_some(()));
}

#[test]
fn a_volume_that_is_too_large_is_named_with_its_bound() {
    let root = Root::new();
    let volume = in_place(&root);
    let agent = watch(&root);
    let refused = |bound: &str| {
        let status = eventually(bound, || Some(agent.status()).filter(|status| status.contains(bound)));
        assert!(status.contains("HR_VOLUME_TOO_LARGE") && status.contains("volume data: not read"), "{status}");
    };
    let deep = volume.join("d/".repeat(17));
    fs::create_dir_all(&deep).unwrap();
    refused("more than 16 levels of directories");
    fs::remove_dir_all(volume.join("d")).unwrap();
    agent.reaches("loaded");
    let sparse = fs::File::create(volume.join("sparse")).unwrap();
    sparse.set_len((1 << 30) + 1).unwrap();
    drop(sparse);
    refused("more than 1024 MiB in its files");
    fs::remove_file(volume.join("sparse")).unwrap();
    agent.reaches("loaded");
    fs::create_dir(root.join("many")).unwrap();
    (0..4_097).for_each(|number| fs::create_dir(root.join(&format!("many/{number}"))).unwrap());
    fs::rename(root.join("many"), volume.join("many")).unwrap();
    refused("more than 4096 directories");
}

#[test]
fn a_symlink_in_the_state_directory_is_not_written_through() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let victim = root.join("victim");
    fs::write(&victim, "mine").unwrap();
    symlink(&victim, root.join("state/web.hotreload-tmp")).unwrap();
    symlink(&victim, root.join("state/web")).unwrap();
    let _agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]);
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert!(fs::symlink_metadata(root.join("state/web")).unwrap().is_file(), "the state is saved all the same");
    let left: Vec<_> = fs::read_dir(root.join("state")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn each_reload_overwrites_the_state_in_its_file_unless_that_was_removed() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]);
    agent.reaches("loaded");
    let path = root.join("state/web");
    let file = || fs::metadata(&path).map(|file| file.ino()).ok();
    let state = || SavedState::newest(&fs::read(&path).ok()?).map(|state| state.loaded);
    let first = file();
    assert!(first.is_some());
    for round in 2..6 {
        let before = state();
        volume.swap(&[("a", &round.to_string())]);
        eventually("the state is saved", || (state().is_some() && state() != before).then_some(()));
        assert_eq!(file(), first, "swap {round}");
    }
    fs::remove_file(&path).unwrap();
    volume.swap(&[("a", "6")]);
    eventually("the state has a file again", state);
}

#[test]
fn the_state_of_a_thousand_volumes_is_read() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let others: String = (0..1023).map(|number| format!("loaded {number:063} {number:032x}\n")).collect();
    let state = format!("key {0:032x}\nloaded conf {0:032x}\n{others}", 0);
    fs::write(root.join("state/web"), SavedState::record(0, &state)).unwrap();
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]);
    eventually("the change since then is found", || (agent.field("sent") == "1").then_some(()));
}

#[test]
fn a_pipe_in_place_of_the_state_does_not_block_the_start() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    assert!(Command::new("mkfifo").arg(root.join("state/web")).status().unwrap().success());
    Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]).reaches("loaded");
}

#[test]
fn a_change_in_the_future_does_not_fail_the_probe() {
    let root = Root::new();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    fs::write(root.join("state/web.change"), format!("{} {boot}", u64::MAX)).unwrap();
    let mut probe = Command::new(BINARY);
    probe.args(["probe", "--container=web"]).env("HOTRELOAD_ROOT", &root.path).stdout(Stdio::null());
    assert_eq!(probe.status().unwrap().code(), Some(0));
}

#[test]
fn a_restart_in_the_future_does_not_hold_up_the_next() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let name = root.name("r");
    let mut program = Program::reloading(&root, &name);
    let future = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() + 7_200_000;
    let (key, digest) = ("0".repeat(32), "1".repeat(32));
    let state = format!("key {key}\nloaded conf {digest}\nrestarted {future} 0 {digest}\n");
    calm();
    volume.swap(&[("a", "2")]);
    fs::write(root.join("state/web"), SavedState::record(0, &state)).unwrap();
    let _agent =
        Agent::watch(&root, &["--volume=conf", "--container=web", "--reload=restart", &format!("--process={name}")]);
    eventually("the restart", || program.process.has_ended().then_some(()));
}

/// A connection from `address` in 127.0.0.0/8.
struct Connection(OwnedFd);

impl Connection {
    fn new(address: &str, port: u16) -> Connection {
        let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&socket, &format!("{address}:0").parse::<SocketAddr>().unwrap()).unwrap();
        connect(&socket, &SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        // Less than the time after which the agent closes a held connection.
        set_socket_timeout(&socket, Timeout::Recv, Some(Duration::from_secs(3))).unwrap();
        Connection(socket)
    }

    fn send(&self, text: &str) {
        assert_eq!(write(&self.0, text.as_bytes()).unwrap(), text.len());
    }

    fn is_answered(&self) -> bool {
        let mut head = [0; 12];
        read(&self.0, &mut head).is_ok() && &head == b"HTTP/1.1 200"
    }
}

fn agent(root: &Root) -> Agent {
    root.volume("conf", &[("a", "1")]);
    Agent::watch(root, &["--container=web", "--volume=conf", "--reload=none"])
}

#[test]
fn held_connections_deny_nobody_the_status() {
    let root = Root::new();
    let agent = agent(&root);
    let held: Vec<Connection> = (0..8).map(|_| Connection::new("127.0.0.1", agent.port)).collect();
    for address in ["127.0.0.1", "127.0.0.2"] {
        let one = Connection::new(address, agent.port);
        one.send("GET /status HTTP/1.1\r\n\r\n");
        assert!(one.is_answered(), "{address}");
    }
    drop(held);
}

#[test]
fn a_peer_with_many_connections_loses_its_own() {
    let root = Root::new();
    let agent = agent(&root);
    let slow = Connection::new("127.0.0.2", agent.port);
    slow.send("GET /healthz HTTP/1.1\r\n");
    calm();
    let held: Vec<Connection> = (0..40).map(|_| Connection::new("127.0.0.1", agent.port)).collect();
    calm();
    slow.send("\r\n");
    assert!(slow.is_answered());
    drop(held);
}

#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let port = free_port();
    let mut command = Command::new(BINARY);
    command.args(["watch", "--container=web", "--volume=conf", "--reload=exec"]);
    // Each of its lines becomes a log line of a hundred bytes; a pipe holds 64 KiB.
    command.args(["--command=[\"seq\",\"2000\"]", &format!("--port={port}")]).env("HOTRELOAD_ROOT", &root.path);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let agent = Agent { process: Running(child), port, log: root.join("none") };
    let get = || exchange(port, b"GET /status HTTP/1.1\r\n\r\n").filter(|text| text.contains("200 OK"));
    eventually("the agent answers", get);
    for content in ["2", "3"] {
        let before: u32 = agent.field("reloaded").parse().unwrap();
        volume.swap(&[("a", content)]);
        eventually("a reload", || (agent.field("reloaded") != before.to_string()).then_some(()));
    }
    assert_ne!(agent.field("logLinesDropped"), "0");
    // A reader that comes back gets whole lines, and the number of those that it missed.
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        text
    });
    calm();
    stops(agent);
    let text = reader.join().unwrap();
    assert!(text.contains("\"msg\":\"log lines dropped\",\"lines\":"));
    assert!(text.lines().all(|line| line.is_empty() || (line.starts_with('{') && line.ends_with('}'))));
}

#[test]
fn version_and_help_print_and_end() {
    let output = |flag: &str| {
        let mut child = Running(Command::new(BINARY).arg(flag).stdout(Stdio::piped()).spawn().unwrap());
        eventually("it ends", || child.has_ended().then_some(()));
        let mut text = String::new();
        child.0.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(output("--version"), format!("hotreload-agent {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output("--help").contains("hotreload-agent supervise FLAGS -- COMMAND"));
}
