//! The one loop of `watch` and `supervise`: it notices changes, lets the agent act, serves the pages, and waits for the
//! next event. Each command adds its part as a `Role`.

use super::agent::{Agent, bad_options_page};
use super::child::Ended;
use super::events::{SIGIO, reap, received_signals, wait};
use super::layout::Layout;
use super::server::Server;
use super::volume::watcher::Watcher;
use super::{clock, log};
use crate::panics;
use agent::child_lifecycle::ReceivedSignal;
use agent::errors::Problem;
use agent::options::watch::Options;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;

/// A command's own part of the loop.
pub trait Role {
    /// Whether changes still matter.
    fn is_watching(&self) -> bool {
        true
    }

    /// Acts on the agent's requests.
    fn serve(&mut self, _: &mut Agent) {}

    /// The time at which `exit_code` is due without an event, milliseconds since boot.
    fn deadline(&self) -> Option<u64> {
        None
    }

    /// The process received a signal.
    fn on_signal(&mut self, signal: ReceivedSignal);

    /// A child has ended; whether it was the role's own.
    fn child_ended(&mut self, _pid: i32, _status: Ended) -> bool {
        false
    }

    /// Acts on the events; the exit code if the process is to end. The agent is absent where the options can't be used.
    fn exit_code(&mut self, agent: Option<&mut Agent>) -> Option<i32>;
}

/// The loop's parts.
pub struct MainLoop {
    server: Server,
    work: Work,
}

enum Work {
    Watching(Box<Watching>),
    /// The options can't be used: the agent watches nothing, and the pages show the problems.
    Idle {
        problems: Vec<Problem>,
        options: Box<Options>,
        since: u64,
    },
}

struct Watching {
    watcher: Watcher,
    agent: Agent,
}

impl MainLoop {
    /// Opens the port, and starts to watch unless there are problems with the options.
    pub fn new(options: Options, problems: Vec<Problem>, layout: Layout, environment: &[&CStr]) -> MainLoop {
        let server = Server::listen(options.port);
        if !problems.is_empty() {
            problems.iter().for_each(|problem| {
                log::error("bad option").string("code", problem.code.text()).string("error", &problem.message).write();
            });
            return MainLoop {
                server,
                work: Work::Idle { problems, options: Box::new(options), since: clock::wall() },
            };
        }
        // Watching begins before the first read, so no change is missed in between.
        let watcher = Watcher::new(watched_directories(&options, &layout), clock::now());
        let agent = Agent::start(options, layout, watcher.all_atomic(), panics::count(environment));
        MainLoop { server, work: Work::Watching(Box::new(Watching { watcher, agent })) }
    }

    /// The agent; None where the options can't be used.
    pub fn agent(&mut self) -> Option<&mut Agent> {
        match &mut self.work {
            Work::Watching(watching) => Some(&mut watching.agent),
            Work::Idle { .. } => None,
        }
    }

    /// Runs until the role ends it. `signals` is a signalfd(2).
    pub fn run(mut self, signals: Option<&OwnedFd>, role: &mut dyn Role) -> i32 {
        loop {
            if let Work::Watching(watching) = &mut self.work
                && role.is_watching()
            {
                watching.advance();
                role.serve(&mut watching.agent);
            }
            self.server.serve(&|path| self.work.page(path));
            self.wait(signals, role);
            for signal in signals.map(received_signals).unwrap_or_default() {
                if let Work::Watching(watching) = &mut self.work
                    && signal.signal == SIGIO
                {
                    watching.watcher.on_dnotify(clock::now());
                }
                role.on_signal(signal);
            }
            reap(|pid, status| {
                if !role.child_ended(pid, status)
                    && let Some(agent) = self.agent()
                {
                    agent.child_ended(pid, status);
                }
            });
            if let Some(code) = role.exit_code(self.agent()) {
                return code;
            }
        }
    }

    /// Waits for the next event.
    fn wait(&self, signals: Option<&OwnedFd>, role: &dyn Role) {
        let mut deadline = [self.server.deadline(), role.deadline()].into_iter().flatten().min();
        let mut polled: Vec<PollFd<'_>> = signals.into_iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        if let Work::Watching(watching) = &self.work
            && role.is_watching()
        {
            let Watching { watcher, agent } = &**watching;
            deadline = [deadline, watcher.deadline(), agent.deadline()].into_iter().flatten().min();
            polled.extend(watcher.descriptor().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            agent.descriptors(&mut polled);
        }
        self.server.descriptors(&mut polled);
        wait(&mut polled, deadline);
    }
}

/// The directory of each volume, then that of the Pod's annotations, if a gate reads them.
pub fn watched_directories(options: &Options, layout: &Layout) -> Vec<String> {
    let volumes = options.volumes.iter().map(|volume| layout.mounted(volume));
    volumes.chain(options.gate.map(|_| layout.path("approve"))).collect()
}

impl Watching {
    fn advance(&mut self) {
        let changed = self.watcher.changes(clock::now());
        self.agent.changed(&changed);
        self.agent.tick();
    }
}

impl Work {
    fn page(&self, path: &str) -> Option<(&'static str, String)> {
        match self {
            Work::Watching(watching) => watching.agent.page(path, &|index| watching.watcher.mode(index)),
            Work::Idle { problems, options, since } => bad_options_page(problems, options, *since, path),
        }
    }
}
