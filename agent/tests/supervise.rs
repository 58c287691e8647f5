//! The container's command under `supervise`: a change restarts it, and in everything else it runs as without.

mod support;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use support::{Agent, BINARY, Root, Running, Volume, calm, eventually, exchange, free_port};

const FLAGS: [&str; 3] = ["--container=web", "--volume=conf", "--reload=supervise"];

struct Supervised {
    root: Root,
    volume: Volume,
    agent: Agent,
}

impl Supervised {
    /// `script` is the program. It writes `ready` to its log once its traps are set.
    fn new(script: &str, flags: &[&str]) -> Supervised {
        Supervised::within(&[], script, flags)
    }

    fn within(wrapper: &[&str], script: &str, flags: &[&str]) -> Supervised {
        let root = Root::new();
        let volume = root.volume("conf", &[("a", "1")]);
        let (port, log) = (free_port(), root.join("agent.log"));
        let port_flag = format!("--port={port}");
        let words: Vec<&str> =
            [wrapper, &[BINARY, "supervise"], &FLAGS, flags, &[&port_flag, "--", "sh", "-c", script]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).env("HOTRELOAD_ROOT", &root.path).env("LOG", root.join("log"));
        command.env("CONF", root.join("vol/conf/a")).stdout(fs::File::create(&log).unwrap()).stderr(Stdio::null());
        let agent = Agent { process: Running(command.spawn().unwrap()), port, log };
        let supervised = Supervised { root, volume, agent };
        supervised.logged("ready", 1);
        supervised
    }

    fn log(&self) -> Vec<String> {
        self.root.read("log").lines().map(String::from).collect()
    }

    fn count(&self, line: &str) -> usize {
        self.log().iter().filter(|logged| *logged == line).count()
    }

    #[track_caller]
    fn logged(&self, line: &str, times: usize) {
        eventually(&format!("{line} {times} times in {:?}", self.log()), || (self.count(line) >= times).then_some(()));
    }

    #[track_caller]
    fn exit_code(&mut self) -> Option<i32> {
        eventually("the supervisor ends", || self.agent.process.0.try_wait().unwrap()).code()
    }

    /// Lets a slow program end.
    fn go(&self) {
        fs::write(self.root.join("log.go"), "").unwrap();
    }

    fn has_logged(&self, msg: &str) -> bool {
        self.agent.log().contains(&format!("\"msg\":\"{msg}\""))
    }

    /// The pids of the supervisor's children, including zombies.
    fn children(&self) -> Vec<i32> {
        children(self.agent.process.pid())
    }
}

impl Drop for Supervised {
    /// The supervisor is not PID 1, so the program outlives its kill.
    fn drop(&mut self) {
        let left = descendants(self.agent.process.pid());
        let _ = self.agent.process.0.kill();
        let _ = Command::new("kill").arg("-KILL").args(left.iter().map(i32::to_string)).stderr(Stdio::null()).status();
    }
}

fn descendants(pid: i32) -> Vec<i32> {
    children(pid).into_iter().flat_map(|child| [vec![child], descendants(child)].concat()).collect()
}

fn children(pid: i32) -> Vec<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Never ends; `exec` in the loop would lose the traps.
const FOREVER: &str = "echo ready >> $LOG; while :; do sleep 0.05; done";
/// A slow program, which ends only after `Supervised::go`.
const SLOW_TO_END: &str = "trap 'echo TERM >> $LOG; while [ ! -e $LOG.go ]; do sleep 0.05; done; exit 9' TERM";

fn run(words: &[&str]) -> Child {
    let mut command = Command::new(BINARY);
    command.arg("supervise").args(words).stdout(Stdio::piped()).stdin(Stdio::piped());
    command.spawn().unwrap()
}

/// The standard output and exit code of `supervise` with this command.
fn output(command: &[&str]) -> (String, Option<i32>) {
    let port = format!("--port={}", free_port());
    let done = run(&[&["--reload=supervise", &port, "--"], command].concat()).wait_with_output().unwrap();
    (String::from_utf8(done.stdout).unwrap(), done.status.code())
}

#[test]
fn only_a_real_change_restarts_the_program() {
    let script = format!("echo \"has $(cat $CONF)\" >> $LOG; trap 'echo TERM >> $LOG; exit 0' TERM; {FOREVER}");
    let mut app = Supervised::new(&script, &[]);
    let before = app.children();
    assert_eq!(app.agent.field("pid"), before[0].to_string());
    app.volume.swap(&[("a", "2")]);
    app.logged("ready", 2);
    assert_eq!(app.log(), ["has 1", "ready", "TERM", "has 2", "ready"]);
    let status = app.agent.reaches("loaded");
    assert!(status.contains("\"reload\":\"supervise\"") && status.contains("\"command\":\"sh\""), "{status}");
    assert_ne!(app.children(), before);
    app.volume.swap(&[("a", "2")]);
    eventually("the swap is seen", || (app.agent.field("unchanged") == "1").then_some(()));
    calm();
    assert_eq!(
        (app.count("ready"), app.agent.field("restarts"), app.agent.field("reloaded")),
        (2, "1".into(), "1".into())
    );
    assert!(!app.agent.process.has_ended());
}

#[test]
fn the_users_signal_or_sigkill_after_the_grace_period_ends_the_program() {
    let script = format!("trap 'echo QUIT >> $LOG' QUIT; trap '' TERM; {FOREVER}");
    let app = Supervised::new(&script, &["--signal=SIGQUIT", "--grace=2s"]);
    app.volume.swap(&[("a", "2")]);
    app.logged("ready", 2);
    assert_eq!(app.log(), ["ready", "QUIT", "ready"]);
}

#[test]
fn invalid_content_does_not_restart_the_program() {
    let validate = "--validate=[\"sh\",\"-c\",\"! grep bad $CONF\"]";
    let app = Supervised::new(FOREVER, &[validate]);
    app.volume.swap(&[("a", "bad")]);
    app.agent.reaches("invalid");
    assert_eq!(app.count("ready"), 1);
    app.volume.swap(&[("a", "good")]);
    app.logged("ready", 2);
}

#[test]
fn signals_are_forwarded_and_the_container_ends_with_the_program() {
    let names = ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "CONT", "IO", "37"];
    let traps: Vec<String> = names.map(|name| format!("trap 'echo {name} >> $LOG' {name};")).into();
    let mut app = Supervised::new(&format!("{} trap 'exit 7' TERM; {FOREVER}", traps.join(" ")), &[]);
    for name in names {
        app.agent.process.signal(name);
        app.logged(name, 1);
    }
    calm();
    assert_eq!(app.log().len(), names.len() + 1, "each once: {:?}", app.log());
    app.agent.process.signal("TERM");
    assert_eq!(app.exit_code(), Some(7));
}

#[test]
fn the_exit_code_is_the_programs() {
    for (command, code) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 3"], 3),
        (&["sh", "-c", "kill -9 $$"], 137),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["no-such-program-anywhere"], 127),
        (&["/no/such/program"], 127),
        (&["/etc/passwd"], 126),
        (&["/etc"], 126),
        (&[], 127),
    ] {
        let (log, found) = output(command);
        assert_eq!(found, Some(code), "{command:?}: {log}");
        assert_eq!(log.contains("\"msg\":\"program not started\""), code == 126 || code == 127, "{command:?}: {log}");
    }
}

#[test]
fn the_program_starts_as_without_the_supervisor() {
    const SCRIPT: &str = "cat; pwd; env | grep -v ^_= | sort; grep -E 'Sig(Blk|Ign)' /proc/self/status; \
                          [ $(ps -o pgid= -p $$) = $(ps -o pgid= -p $PPID) ]; echo $?; ls /proc/self/fd";
    let port = format!("--port={}", free_port());
    let text = |program: &str, args: &[&str]| {
        let mut command = Command::new(program);
        command.args(args).args(["sh", "-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir("/tmp");
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"from stdin\n").unwrap();
        let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
        text.lines().filter(|line| !line.starts_with('{')).map(String::from).collect::<Vec<String>>()
    };
    let ours = text(BINARY, &["supervise", "--reload=supervise", &port, "--"]);
    assert_eq!(ours[..2], ["from stdin", "/tmp"]);
    assert!(ours.contains(&"SigBlk:\t0000000000000000".into()), "{ours:?}");
    assert_eq!(ours, text("env", &[]));
}

#[test]
fn the_program_runs_even_with_bad_options() {
    let port = format!("--port={}", free_port());
    for flag in ["--reload=magic", "--reload=restart", "--hup"] {
        let done = run(&[flag, &port, "--", "sh", "-c", "exit 4"]).wait_with_output().unwrap();
        assert_eq!(done.status.code(), Some(4), "{flag}");
        assert!(String::from_utf8(done.stdout).unwrap().contains("\"msg\":\"bad option\""), "{flag}");
    }
}

#[test]
fn orphans_are_reaped_and_end_with_the_program() {
    let script = format!("(sh -c 'echo $$ >> $LOG; exec sleep 1000' &) ; (sleep 0.1 &); {FOREVER}");
    let app = Supervised::new(&script, &[]);
    eventually("the short orphan is reaped, the long one stays", || (app.children().len() == 2).then_some(()));
    let orphan = eventually("the orphan's id", || app.log().iter().find_map(|line| line.parse::<i32>().ok()));
    assert!(app.children().contains(&orphan));
    app.volume.swap(&[("a", "2")]);
    app.logged("ready", 2);
    assert!(!app.children().contains(&orphan));
    eventually("no zombie stays", || (app.children().len() == 2).then_some(()));
}

#[test]
fn a_stop_during_a_restart_is_a_stop() {
    let mut app = Supervised::new(&format!("{SLOW_TO_END}; {FOREVER}"), &["--grace=3s"]);
    app.volume.swap(&[("a", "2")]);
    app.logged("TERM", 1);
    app.agent.process.signal("TERM");
    // Longer than the grace period, which does not apply after the stop.
    std::thread::sleep(std::time::Duration::from_millis(3_200));
    app.go();
    assert_eq!(app.exit_code(), Some(9));
    assert_eq!(app.count("ready"), 1);
}

#[test]
fn a_change_during_a_stop_starts_nothing() {
    let mut app = Supervised::new(&format!("{SLOW_TO_END}; {FOREVER}"), &["--grace=100ms"]);
    app.agent.process.signal("TERM");
    app.logged("TERM", 1);
    app.volume.swap(&[("a", "2")]);
    calm();
    app.go();
    assert_eq!(app.exit_code(), Some(9));
    assert_eq!((app.count("ready"), app.has_logged("restarting the program")), (1, false));
}

#[test]
fn any_signal_of_the_runtime_is_a_stop() {
    // PID 1 of a namespace of its own, as in a container; the signal comes from outside, like the kubelet's.
    let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];
    let script = format!("trap ':' WINCH; {SLOW_TO_END}; {FOREVER}");
    let mut app = Supervised::within(&namespace, &script, &[]);
    app.volume.swap(&[("a", "2")]);
    app.logged("TERM", 1);
    let main = app.children()[0].to_string();
    assert!(Command::new("kill").args(["-WINCH", &main]).status().unwrap().success());
    app.go();
    assert_eq!(app.exit_code(), Some(9));
    assert_eq!(app.count("ready"), 1);
}

#[test]
fn a_program_that_goes_to_the_background_is_reported() {
    let (log, code) = output(&["sh", "-c", "(sleep 5 > /dev/null 2>&1 &)"]);
    assert_eq!(code, Some(0));
    assert!(log.contains("\"msg\":\"the program went to the background\"") && log.contains("daemon off"), "{log}");
}

#[test]
fn a_panic_leaves_the_program_running() {
    // The state after a panic: the same process has the program as a child, but has not started it itself.
    let root = Root::new();
    let (port, log) = (free_port(), root.join("log"));
    let script = format!(
        "(echo ready >> $LOG; while [ ! -e $LOG.go ]; do sleep 0.05; done) & HOTRELOAD_PANICS=1 HOTRELOAD_CHILD=$! exec {BINARY} supervise --reload=supervise --port={port} -- sh -c 'echo again >> $LOG'"
    );
    let mut command = Command::new("sh");
    command.args(["-c", &script]).env("LOG", &log).stdout(Stdio::null());
    let mut running = Running(command.spawn().unwrap());
    eventually("the supervisor answers", || exchange(port, b"GET /metrics HTTP/1.1\r\n\r\n"));
    fs::write(root.join("log.go"), "").unwrap();
    assert!(running.0.wait().unwrap().success());
    assert_eq!(fs::read_to_string(&log).unwrap(), "ready\n");
}

#[test]
fn a_change_during_a_panic_is_loaded() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let supervise = format!("{BINARY} supervise {} --port={}", FLAGS.join(" "), free_port());
    let run = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("HOTRELOAD_ROOT", &root.path).env("LOG", root.join("log"));
        assert!(command.stdout(Stdio::null()).status().unwrap().success());
    };
    run(&format!("exec {supervise} -- true")); // the memory: what is there is loaded
    volume.swap(&[("a", "2")]);
    run(&format!("sleep 1000 & HOTRELOAD_PANICS=1 HOTRELOAD_CHILD=$! exec {supervise} -- sh -c 'echo again >> $LOG'"));
    assert_eq!(root.read("log"), "again\n");
}

#[test]
fn a_script_is_found_in_path() {
    let root = Root::new();
    let file = root.join("app");
    fs::write(&file, "#!/bin/sh\nexit 6\n").unwrap();
    for (mode, code) in [(0o644, 126), (0o755, 6)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(BINARY);
        command.args(["supervise", "--reload=supervise", &format!("--port={}", free_port()), "--", "app"]);
        command.env("PATH", format!("/nowhere:{}", root.path.display())).stdout(Stdio::null());
        assert_eq!(command.status().unwrap().code(), Some(code));
    }
}
