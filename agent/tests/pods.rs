//! Containers of a Pod with a shared PID namespace: a pause process, containers whose root has its parent outside, and the
//! kubelet's termination-log file in their mount tables. unshare and nsenter create them, so these tests need root.

mod support;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use support::{Root, Running, Volume, calm, eventually, exchange};

const POD: &str = "6f9cbd13-9a2b-4bc4-92ab-2b3b7a8f2f35";

struct Pod {
    root: Root,
    volume: Volume,
    pause: Running,
    port: u16,
}

impl Pod {
    fn new() -> Pod {
        let root = Root::new();
        let volume = root.volume("conf", &[("a", "1")]);
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount", "--mount-proc", "sleep", "1000"]);
        let pause = Running(command.spawn().unwrap());
        Pod { root, volume, pause, port: support::free_port() }
    }

    /// The pause process, as seen from outside.
    fn namespace(&self) -> String {
        let children = format!("/proc/{0}/task/{0}/children", self.pause.pid());
        eventually("the namespace exists", || {
            let text = std::fs::read_to_string(&children).unwrap_or_default();
            text.split_whitespace().next().map(String::from)
        })
    }

    /// A process in container `name`, instance `id`, with parent 0.
    fn run(&self, name: &str, id: &str, script: &str) -> Running {
        let directory = self.root.join(&format!("pods/{POD}/containers/{name}"));
        std::fs::create_dir_all(&directory).unwrap();
        let file: PathBuf = directory.join(id);
        std::fs::write(&file, "").unwrap();
        let mount = self.root.join("termination-log");
        std::fs::write(&mount, "").unwrap();
        let inner = format!("mount --bind {} {} && {script}", file.display(), mount.display());
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.namespace(), "-p", "-m", "unshare", "-m", "sh", "-c", &inner]);
        command.env("HOTRELOAD_ROOT", &self.root.path).env("LOG", self.root.join(&format!("{name}.log")));
        let child: Child =
            command.current_dir(&self.root.path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Running(child)
    }

    /// A program under a name of its own that logs each SIGHUP to `container`.log.
    fn program(&self, container: &str, id: &str, name: &str, wrapper: &str) -> Running {
        let file = self.root.join(name);
        let ready = self.root.path.display();
        let text = format!(
            "#!/bin/sh\ntrap 'echo {id} >> \"$LOG\"' HUP\necho > {ready}/ready.{container}.{id}\nwhile :; do sleep 1 & wait $!; done\n"
        );
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, text).unwrap();
        std::os::unix::fs::chown(&file, Some(0), Some(0)).unwrap();
        assert!(Command::new("chmod").arg("755").arg(&file).status().unwrap().success());
        let process = self.run(container, id, &wrapper.replace("PROGRAM", file.to_str().unwrap()));
        eventually("the program runs", || self.root.join(&format!("ready.{container}.{id}")).exists().then_some(()));
        process
    }

    fn agent(&self, flags: &str) -> Running {
        let command =
            format!("exec {} watch --container=web --volume=conf --port={} {flags}", support::BINARY, self.port);
        let agent = self.run("hotreload-agent", "a0a0a0a0", &command);
        eventually("the agent answers", || exchange(self.port, b"GET /healthz HTTP/1.1\r\n\r\n"));
        agent
    }

    fn status(&self) -> String {
        exchange(self.port, b"GET /status HTTP/1.1\r\n\r\n").unwrap_or_default()
    }

    fn signals(&self, container: &str) -> Vec<String> {
        let log = std::fs::read_to_string(self.root.join(&format!("{container}.log"))).unwrap_or_default();
        log.lines().map(String::from).collect()
    }
}

/// Signals the processes of the container.
fn signal(signal: &str, container: &Running) {
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", container.pid())).unwrap();
    assert!(Command::new("kill").arg(signal).args(children.split_whitespace()).status().unwrap().success());
}

/// Ends the processes of the container; nsenter then ends by itself.
fn end(mut container: Running) {
    signal("-KILL", &container);
    eventually("it has ended", || container.has_ended().then_some(()));
}

const SIGNAL: &str = "--reload=signal --signal=SIGHUP --process=app";

#[test]
fn only_the_program_of_the_container_gets_the_signal() {
    let pod = Pod::new();
    let _other = pod.program("other", "00000001", "app", "exec PROGRAM");
    let _web = pod.program("web", "00000002", "app", "exec PROGRAM");
    let _session = pod.program("web", "00000002", "app", "exec PROGRAM"); // kubectl exec
    let _agent = pod.agent(SIGNAL);
    pod.volume.swap(&[("a", "2")]);
    eventually("the signal", || (!pod.signals("web").is_empty()).then_some(()));
    calm();
    assert_eq!((pod.signals("web").len(), pod.signals("other").len()), (1, 0));
    assert!(pod.status().contains("\"instance\":\"00000002\""), "{}", pod.status());
    assert!(pod.status().contains(&format!("\"podUid\":\"{POD}\"")), "{}", pod.status());
}

#[test]
fn the_new_instance_of_a_container_gets_the_signal() {
    let pod = Pod::new();
    let first = pod.program("web", "00000001", "app", "exec PROGRAM");
    let _agent = pod.agent(SIGNAL);
    pod.volume.swap(&[("a", "2")]);
    eventually("the signal", || (pod.signals("web") == ["00000001"]).then_some(()));
    // Before that, the signal would count as the cause of its end. The second response comes from a turn of the agent's
    // loop that began later, so the agent knows that the time is over.
    std::thread::sleep(std::time::Duration::from_millis(2_200));
    (0..2).for_each(|_| drop(pod.status()));
    end(first);
    let _second = pod.program("web", "00000002", "app", "exec PROGRAM");
    pod.volume.swap(&[("a", "3")]);
    eventually("the signal", || (pod.signals("web").len() == 2).then_some(()));
    assert_eq!(pod.signals("web")[1], "00000002");
}

#[test]
fn without_a_process_name_the_innermost_script_that_traps_the_signal_gets_it() {
    let pod = Pod::new();
    // Its child is always younger than the change: it lives a second.
    let _web = pod.program("web", "00000001", "app", "sh -c 'trap : HUP; PROGRAM; exit'");
    let _agent = pod.agent("--reload=signal --signal=SIGHUP");
    pod.volume.swap(&[("a", "2")]);
    eventually("the signal", || (pod.signals("web").len() == 1).then_some(()));
    assert!(pod.status().contains("\"command\":\"app\""), "{}", pod.status());
    assert!(pod.status().contains("\"notNeeded\":0"), "{}", pod.status());
}

#[test]
fn a_child_younger_than_the_change_proves_nothing() {
    let pod = Pod::new();
    let _web = pod.run("web", "00000001", "sh -c 'while :; do sleep 1; done'");
    let _agent = pod.agent("--reload=signal --signal=SIGHUP");
    pod.volume.swap(&[("a", "2")]);
    eventually("it waits", || pod.status().contains("(sleep) does not handle SIGHUP yet").then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert!(pod.status().contains("\"state\":\"waiting\""), "{}", pod.status());
}

#[test]
fn a_restart_ends_the_container_and_is_done_when_it_runs_again() {
    let pod = Pod::new();
    let mut web = pod.program("web", "00000001", "app", "exec PROGRAM");
    let _agent = pod.agent("--reload=restart --process=app --grace=2s");
    std::thread::sleep(std::time::Duration::from_millis(50));
    pod.volume.swap(&[("a", "2")]);
    eventually("it ends", || web.has_ended().then_some(()));
    eventually("the agent waits for it", || pod.status().contains("HR_").then_some(()));
    let mut web = pod.program("web", "00000002", "app", "exec PROGRAM");
    eventually("it is loaded", || pod.status().contains("\"state\":\"loaded\"").then_some(()));
    assert!(pod.status().contains("\"restarts\":1"), "{}", pod.status());
    // Another change within ten minutes waits.
    pod.volume.swap(&[("a", "3")]);
    eventually("it waits", || pod.status().contains("\"state\":\"postponed\"").then_some(()));
    assert!(!web.has_ended());
}

#[test]
fn a_restart_for_content_that_was_then_taken_back_is_no_restart_for_that_of_before() {
    let pod = Pod::new();
    let mut web = pod.program("web", "00000001", "app", "exec PROGRAM");
    let agent = pod.agent("--reload=restart --process=app --grace=2s");
    pod.volume.swap(&[("a", "2")]);
    eventually("it ends", || web.has_ended().then_some(()));
    eventually("the agent waits for it", || pod.status().contains("\"state\":\"waiting\"").then_some(()));
    signal("-STOP", &agent);
    let _web = pod.program("web", "00000002", "app", "exec PROGRAM");
    pod.volume.swap(&[("a", "1")]);
    signal("-CONT", &agent);
    eventually("it waits for the next restart", || pod.status().contains("\"state\":\"postponed\"").then_some(()));
}

#[test]
fn changed_environment_causes_a_restart_and_changed_files_a_signal() {
    let pod = Pod::new();
    std::fs::create_dir_all(pod.root.join("vol/env")).unwrap();
    let env = pod.root.volume("env", &[("KEY", "1")]);
    let mut web = pod.program("web", "00000001", "app", "exec PROGRAM");
    let _agent = pod.agent(&format!("{SIGNAL} --env-volume=env --grace=2s"));
    pod.volume.swap(&[("a", "2")]);
    eventually("the signal", || (pod.signals("web").len() == 1).then_some(()));
    assert!(!web.has_ended());
    // Such a young process may or may not have the new value: in doubt, the agent restarts it.
    env.swap(&[("KEY", "2")]);
    eventually("it ends", || web.has_ended().then_some(()));
    let _web = pod.program("web", "00000002", "app", "sh -c 'PROGRAM; exit'");
    eventually("it is loaded", || pod.status().contains("\"state\":\"loaded\"").then_some(()));
    calm();
    assert_eq!(pod.signals("web").len(), 1);
    assert!(pod.status().contains("\"restarts\":1"));
    // The container's root, whose start the agent has seen, is a shell now. It would end.
    pod.volume.swap(&[("a", "3")]);
    eventually("the signal", || (pod.signals("web").len() == 2).then_some(()));
    assert!(pod.status().contains("\"command\":\"app\""), "{}", pod.status());
}

#[test]
fn only_restarts_are_staggered() {
    let pod = Pod::new();
    std::fs::create_dir_all(pod.root.join("vol/env")).unwrap();
    let env = pod.root.volume("env", &[("KEY", "1")]);
    let mut web = pod.program("web", "00000001", "app", "exec PROGRAM");
    let _agent = pod.agent(&format!("{SIGNAL} --env-volume=env --restart-stagger=1h"));
    pod.volume.swap(&[("a", "2")]);
    eventually("the signal, at once", || (pod.signals("web").len() == 1).then_some(()));
    env.swap(&[("KEY", "2")]);
    eventually("it waits", || pod.status().contains("\"state\":\"staggered\"").then_some(()));
    calm();
    assert!(!web.has_ended());
}
