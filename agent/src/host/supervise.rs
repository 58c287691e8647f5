//! `supervise`: the app container's main process. It starts the container's command as its child, does the watcher's work
//! beside it, and for a change ends the child and starts it again: the container stays, so the kubelet's back-off never
//! comes in. In everything else it is as if the command itself were the main process.

use super::agent::Agent;
use super::child::{self, Ended};
use super::events::{SIGIO, bit, pending, reap, wait};
use super::inotify::Watcher;
use super::layout::Layout;
use super::procfs::Proc;
use super::server::{self, Server};
use super::{clock, files, log, volumes, watch};
use crate::panics;
use crate::runtime::{self, Spawn};
use agent::engine::Outcome;
use agent::errors::{Code, Problem};
use agent::options::{self, Options, Way};
use agent::supervise::{Act, Came, Life, code_of_signal, code_of_start};
use alloc::{string::String, vec::Vec};
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags};
use rustix::io::{self, Errno};
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};

const SIGKILL: u32 = 9;
/// Every signal but two that can't be caught, and SIGPIPE: that is ignored, and blocked it would be queued all the same.
const ALL: u64 = !(bit(SIGKILL) | bit(19) | bit(13));

/// The program, and what is done with it.
struct App<'a> {
    argv: &'a [&'static CStr],
    pid: i32,
    /// When it was started, milliseconds since boot; 0: before a panic of ours, nobody knows when.
    since: u64,
    life: Life,
    proc: Option<Proc>,
}

/// What it watches, and what it does about that.
struct Watched {
    watcher: Watcher,
    agent: Agent,
}

/// `words` and `raw` are the same arguments: flags, `--`, the command. Exit code: the command's, 128 and its signal,
/// 127 where it is not found and 126 where it can't be executed.
#[inline(never)] // in one function with watch, its locals would be on the idle agent's stack
pub fn supervise(words: &[&str], raw: &[&'static CStr], layout: Layout, environment: &[&'static CStr]) -> i32 {
    let split = words.iter().position(|word| *word == "--").unwrap_or(words.len());
    let (options, problems) = options::supervise(&words[..split]);
    let Some(signals) = runtime::signal_fd(ALL) else { return not_started("signalfd", Errno::NOSYS) };
    // Orphans come here even where another process is PID 1 (a shared process namespace), to be ended with the program.
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
    let (mut server, taken) = Server::listen(options.port);
    taken.iter().for_each(server::report);
    // Bad options are no reason to keep the program from running: nothing is watched, and /status says why.
    let (mut watched, unusable) = if problems.is_empty() {
        (Some(Watched::start(options, layout, panics::count(environment), taken)), None)
    } else {
        (None, Some((problems, options)))
    };
    let says = unusable.as_ref().map(|(problems, options)| watch::unusable(problems, options));
    let mut app = App {
        argv: raw.get(split + 1..).unwrap_or_default(),
        pid: 0,
        since: 0,
        life: Life::default(),
        proc: Proc::open().ok(),
    };
    let running = panics::supervised(environment).filter(|pid| is_running(*pid));
    match running {
        Some(pid) => app.adopt(pid),
        None => {
            if let Err(code) = app.start() {
                return code;
            }
        }
    }
    watched.iter_mut().for_each(|watched| app.tell(&mut watched.agent));
    loop {
        // Once it is to end, changes are nobody's any more.
        if let Some(watched) = watched.as_mut().filter(|_| !app.life.is_stopping()) {
            watched.advance();
            app.restart(&mut watched.agent);
        }
        server.serve(&|path| match (&watched, &says) {
            (Some(watched), _) => watched.page(path),
            (None, says) => says.as_ref().and_then(|says| says(path)),
        });
        let mut polled = alloc::vec![PollFd::new(&signals, PollFlags::IN)];
        let mut deadlines = alloc::vec![server.deadline(), app.life.deadline()];
        if let Some(Watched { watcher, agent }) = watched.as_ref().filter(|_| !app.life.is_stopping()) {
            deadlines.extend([watcher.deadline(), agent.deadline()]);
            polled.extend(watcher.descriptor().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            agent.descriptors(&mut polled);
        }
        server.descriptors(&mut polled);
        wait(&mut polled, deadlines.into_iter().flatten().min());
        drop(polled);
        let mut acts = Vec::new();
        for came in pending(&signals) {
            if came.signal == SIGIO && !came.is_forwarded() {
                watched.iter_mut().for_each(|watched| watched.watcher.notified(clock::now()));
            }
            acts.push(app.signal(came));
        }
        reap(|pid, status| {
            if pid == app.pid {
                acts.push(app.ended(status));
            } else if let Some(watched) = &mut watched {
                watched.agent.reaped(pid, status);
            }
        });
        acts.push(app.life.tick(clock::now()));
        if let Some(code) = app.act(&acts, watched.as_mut().map(|watched| &mut watched.agent)) {
            return code;
        }
    }
}

impl Watched {
    fn start(options: Options, layout: Layout, panics: u64, taken: Option<Problem>) -> Watched {
        // Watched first, then read: no change falls between.
        let directories = options.volumes.iter().map(|volume| layout.directory(volume)).collect();
        let watcher = Watcher::new(directories, clock::now());
        let mut agent = Agent::start(options, layout, watcher.all_atomic(), panics);
        agent.warnings.extend(taken);
        watch::say(&agent);
        Watched { watcher, agent }
    }

    fn advance(&mut self) {
        let changed = self.watcher.look(clock::now());
        self.agent.changed(&changed);
        self.agent.tick();
    }

    fn page(&self, path: &str) -> Option<(&'static str, String)> {
        self.agent.page(path, self.watcher.how())
    }
}

impl App<'_> {
    /// Starts it; the exit code where that can't be done.
    fn start(&mut self) -> Result<(), i32> {
        let name = self.argv.first().map_or("", |word| word.to_str().unwrap_or("\u{fffd}"));
        let now = clock::now();
        let started = child::find(name)
            .and_then(|path| runtime::spawn(&Spawn { path: &path, argv: self.argv, output: None, own_group: false }));
        self.since = now;
        self.adopt(started.map_err(|error| not_started(name, error))?);
        Ok(())
    }

    fn adopt(&mut self, pid: i32) {
        self.pid = pid;
        panics::supervise(pid);
    }

    /// Shows the program as the agent's target.
    fn tell(&self, agent: &mut Agent) {
        agent.target = self.proc.as_ref().and_then(|proc| proc.stat(self.pid as u32));
    }

    /// Ends the program where the agent asks for it, unless it was started after the change.
    fn restart(&mut self, agent: &mut Agent) {
        let (true, Way::Supervise(how)) = (core::mem::take(&mut agent.restart_asked), &agent.options.way) else {
            return;
        };
        if self.since > volumes::newest(&agent.volumes, &agent.memory) {
            return agent.finished(Outcome::NotNeeded);
        }
        match runtime::kill_child(self.pid, how.signal) {
            Ok(()) => {
                self.life.end(clock::now() + how.grace);
                agent.counters.restarts += 1;
                log::info("restarting the program").number("pid", self.pid as u64).write();
            }
            Err(error) => {
                let message =
                    files::describe(error) + "; set the container's runAsUser to the user that the program runs as";
                agent.finished(Outcome::Refused(Problem::new(Code::SignalNotPermitted, message)));
            }
        }
    }

    /// A signal that came to us.
    fn signal(&mut self, came: Came) -> Act {
        if came.is_forwarded()
            && self.pid > 0
            && let Err(error) = runtime::kill_child(self.pid, came.signal)
        {
            log::error("signal not forwarded")
                .number("signal", came.signal.into())
                .string("error", &files::describe(error))
                .write();
        }
        if came.is_stop() { self.life.stop() } else { Act::Nothing }
    }

    fn ended(&mut self, status: Ended) -> Act {
        self.pid = 0;
        panics::supervise(0);
        self.life.ended(
            clock::now(),
            match status {
                Ended::Code(code) => code,
                Ended::Signal(signal) => code_of_signal(signal),
                Ended::TimedOut => code_of_signal(SIGKILL as i32),
            },
        )
    }

    /// What the program left behind: our living children.
    fn left(&self) -> Vec<i32> {
        let Some(proc) = &self.proc else { return Vec::new() };
        let all = proc.processes();
        all.iter().filter(|one| one.parent == proc.me && !one.zombie).map(|one| one.pid as i32).collect()
    }

    /// Does what is to be done; the exit code where the container is to end.
    fn act(&mut self, acts: &[Act], mut agent: Option<&mut Agent>) -> Option<i32> {
        if let Some(code) = acts.iter().find_map(|act| if let Act::Exit(code) = act { Some(*code) } else { None }) {
            if code == 0 && !self.life.is_stopping() && !self.left().is_empty() {
                log::error("the program went to the background")
                    .string("remedy", "start it in the foreground, e.g. nginx -g 'daemon off;'; the container ends with its main process")
                    .write();
            }
            return Some(code);
        }
        if acts.contains(&Act::Kill) {
            let _ = runtime::kill_child(self.pid, SIGKILL);
        }
        let clear = acts.contains(&Act::Clear) && {
            let left = self.left();
            // Children that were not waited for: nobody else has their ids. Their own children become ours as they end.
            for pid in &left {
                let _ = runtime::kill_child(*pid, SIGKILL);
            }
            left.is_empty()
        };
        if (clear && self.life.cleared() == Act::Start) || acts.contains(&Act::Start) {
            if let Err(code) = self.start() {
                return Some(code);
            }
            if let Some(agent) = &mut agent {
                self.tell(agent);
                agent.finished(Outcome::Done);
            }
        }
        None
    }
}

/// Whether it is our child and has not ended; one that has ended stays to be reaped.
fn is_running(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| matches!(waitpid(Some(pid), WaitOptions::NOHANG), Ok(None)))
}

/// One log line; the exit code.
fn not_started(command: &str, error: io::Errno) -> i32 {
    log::error("program not started").string("command", command).string("error", &files::describe(error)).write();
    code_of_start(error == Errno::NOENT)
}
