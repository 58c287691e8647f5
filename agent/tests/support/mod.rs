//! Real parts for the tests: volumes that swap as the kubelet's do, programs to reload, the built agent.
#![allow(dead_code)] // each test file uses a part of this

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub const BINARY: &str = env!("CARGO_BIN_EXE_hotreload-agent");
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Waits for a condition, for at most half a minute: machines that run tests can be slow.
#[track_caller]
pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        match condition() {
            Some(found) => return found,
            None if Instant::now() > end => panic!("did not happen: {what}"),
            None => sleep(Duration::from_millis(5)),
        }
    }
}

/// Waits as long as an unwanted event would need to happen.
pub fn calm() {
    sleep(Duration::from_millis(400));
}

/// A directory in place of /.hotreload; it is removed at the end.
pub struct Root {
    pub path: PathBuf,
    pub id: String,
}

impl Root {
    pub fn new() -> Root {
        let id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&id);
        for part in ["vol", "state", "dir", "copy"] {
            fs::create_dir_all(path.join(part)).unwrap();
        }
        Root { path, id }
    }

    /// A command name that no other process on the machine has.
    pub fn name(&self, prefix: &str) -> String {
        let name = format!("{prefix}{}", self.id);
        assert!(name.len() <= 15, "the kernel keeps 15 bytes of {name}");
        name
    }

    pub fn join(&self, path: &str) -> PathBuf {
        self.path.join(path)
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.join(path)).unwrap_or_default()
    }

    pub fn volume(&self, name: &str, files: &[(&str, &str)]) -> Volume {
        self.volume_at(&format!("vol/{name}"), files)
    }

    /// A volume with a gate, as the kubelet fills it.
    pub fn gated(&self, name: &str, files: &[(&str, &str)]) -> Volume {
        self.volume_at(&format!("live/{name}"), files)
    }

    pub fn volume_at(&self, path: &str, files: &[(&str, &str)]) -> Volume {
        let volume = Volume { path: self.join(path), generation: AtomicU32::new(0) };
        fs::create_dir_all(&volume.path).unwrap();
        volume.swap(files);
        volume
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A volume as the kubelet's AtomicWriter writes it (pkg/volume/util/atomic_writer.go, Write, steps 5 to 12).
pub struct Volume {
    pub path: PathBuf,
    generation: AtomicU32,
}

impl Volume {
    pub fn swap(&self, files: &[(&str, &str)]) {
        let before = self.rename(files);
        self.tidy(files, before);
    }

    /// The first half, up to the rename of `..data`: the new content is visible, keys may be missing or left over.
    pub fn rename(&self, files: &[(&str, &str)]) -> Option<PathBuf> {
        let name = format!("..2026_11_20.{}", self.generation.fetch_add(1, Ordering::Relaxed));
        let directory = self.path.join(&name);
        for (key, content) in files {
            let file = directory.join(key);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, content).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        }
        fs::create_dir_all(&directory).unwrap();
        let before = fs::read_link(self.path.join("..data")).ok();
        symlink(&name, self.path.join("..data_tmp")).unwrap();
        fs::rename(self.path.join("..data_tmp"), self.path.join("..data")).unwrap();
        before
    }

    /// The second half: symlinks of new keys, removal of old ones, removal of the old directory.
    pub fn tidy(&self, files: &[(&str, &str)], before: Option<PathBuf>) {
        let mut wanted: BTreeMap<&str, ()> = BTreeMap::new();
        for (key, _) in files {
            let first = key.split('/').next().unwrap();
            wanted.insert(first, ());
            let _ = symlink(Path::new("..data").join(first), self.path.join(first));
        }
        for entry in fs::read_dir(&self.path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if !name.starts_with("..") && !wanted.contains_key(name.as_str()) {
                fs::remove_file(self.path.join(name)).unwrap();
            }
        }
        if let Some(before) = before {
            fs::remove_dir_all(self.path.join(before)).unwrap();
        }
    }
}

/// A running process. It is killed at the end, with its process group if it leads one.
pub struct Running(pub Child);

impl Running {
    pub fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = rustix::process::Pid::from_raw(self.pid()) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program with a unique name that writes a line to a log at each SIGHUP.
pub struct Program {
    pub process: Running,
    pub log: PathBuf,
}

impl Program {
    /// It catches SIGHUP and continues.
    pub fn reloading(root: &Root, name: &str) -> Program {
        Program::script(root, name, "trap 'echo HUP >> \"$LOG\"' HUP")
    }

    /// The script runs `setup`, then waits.
    pub fn script(root: &Root, name: &str, setup: &str) -> Program {
        let (file, log) = (root.join(name), root.join(&format!("{name}.log")));
        // It forks only before it is ready: until its exec, a later fork would have the name of the program.
        let text =
            format!("#!/bin/sh\n{setup}\nsleep 1000 &\necho ready > \"$LOG.ready\"\nwhile :; do wait $!; done\n");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        Program::start(root, &file, log)
    }

    fn start(root: &Root, file: &Path, log: PathBuf) -> Program {
        let ready = PathBuf::from(format!("{}.ready", log.display()));
        let _ = fs::remove_file(&ready);
        let child = eventually("the program starts", || {
            let mut command = Command::new(file);
            command.env("LOG", &log).current_dir(&root.path).stdout(Stdio::null()).stderr(Stdio::null());
            command.process_group(0).spawn().ok() // ETXTBSY while another test forks
        });
        eventually("the program is ready", || fs::metadata(&ready).ok());
        Program { process: Running(child), log }
    }

    /// Ends it and starts it again.
    pub fn restart(&mut self, root: &Root) {
        let file = self.log.with_extension("");
        next_tick();
        let new = {
            let _ = self.process.0.kill();
            let _ = self.process.0.wait();
            Program::start(root, &file, self.log.clone())
        };
        self.process = Running(std::process::Command::new("true").spawn().unwrap());
        *self = new;
    }

    pub fn signals(&self) -> usize {
        fs::read_to_string(&self.log).unwrap_or_default().lines().count()
    }
}

/// The agent.
pub struct Agent {
    pub process: Running,
    pub port: u16,
    pub log: PathBuf,
}

impl Agent {
    pub fn watch(root: &Root, args: &[&str]) -> Agent {
        Agent::watch_with(root, args, &[])
    }

    pub fn watch_with(root: &Root, args: &[&str], environment: &[(&str, &str)]) -> Agent {
        let port = free_port();
        let log = root.join(&format!("agent-{port}.log"));
        let mut command = Command::new(BINARY);
        command.arg("watch").args(args).arg(format!("--port={port}")).env("HOTRELOAD_ROOT", &root.path);
        command.envs(environment.iter().copied()).stdout(fs::File::create(&log).unwrap());
        let agent = Agent { process: Running(command.spawn().unwrap()), port, log };
        eventually("the agent answers", || agent.get("/healthz"));
        agent
    }

    pub fn get(&self, path: &str) -> Option<String> {
        let answer = exchange(self.port, format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_string())
    }

    pub fn status(&self) -> String {
        self.get("/status").unwrap()
    }

    /// The value of a field of /status: a string without its quotes, or a number.
    pub fn field(&self, name: &str) -> String {
        let status = self.status();
        let (_, rest) = status.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name} in {status}"));
        rest.trim_start_matches('"').split(['"', ',', '}']).next().unwrap().to_string()
    }

    /// Waits for a state; the whole status.
    #[track_caller]
    pub fn reaches(&self, state: &str) -> String {
        let mut status = self.status();
        for _ in 0..6_000 {
            if status.contains(&format!("\"state\":\"{state}\"")) {
                return status;
            }
            sleep(Duration::from_millis(5));
            status = self.status();
        }
        panic!("not {state} but {status}; its log:\n{}", self.log());
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

/// Sends one request; the response.
pub fn exchange(port: u16, request: &[u8]) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(8))).ok()?;
    stream.write_all(request).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// A free port, each once per test process. It is below the range of outgoing connections, so none of those takes it.
pub fn free_port() -> u16 {
    static NEXT_PORT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(64);
    let ports =
        std::iter::repeat_with(|| 10_000 + first.wrapping_add(NEXT_PORT.fetch_add(1, Ordering::Relaxed)) % 20_000);
    let mut free = ports.map(|port| port as u16).filter(|port| TcpListener::bind(("::", *port)).is_ok());
    free.next().unwrap()
}

/// Waits for the next tick of /proc, which has a hundred in a second: a process that starts in the tick of a change does not count as younger.
fn next_tick() {
    let tick = || fs::read_to_string("/proc/uptime").unwrap().split(' ').next().map(String::from);
    let now = tick();
    eventually("the next tick", || (tick() != now).then_some(()));
}
