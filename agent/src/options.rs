//! The command line, read once: flags `--name=value` (the kubelet expands `$(VAR)` in them). Every mistake is reported,
//! and what could be read is used: an agent with a bad option idles and says so on its port instead of exiting.

use crate::errors::{Code, Problem};
use crate::flags::{bad, bad_signal, bad_url, duration, non_empty, placed, split, unknown};
use crate::http::{self, Request};
use crate::json;
use crate::place::{self, Place};
use crate::signals;
use crate::target::Want;
use alloc::{format, string::String, vec::Vec};

const WAYS: &str = "signal, http, exec, restart, probe, supervise or none";
/// The status port, one per agent of a Pod.
pub const DEFAULT_PORT: u16 = 9467;

/// A watched volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    /// Its name, and its directory's below `vol/`.
    pub name: String,
    /// Where it is, if not at its place below `vol/`.
    pub directory: Option<String>,
    /// May hold Secrets: no plain hash of it leaves the agent.
    pub secret: bool,
    /// Paths left out of the digest: tokens, downward API.
    pub ignored: Vec<String>,
    /// Holds what the program gets as environment: only a restart brings it in.
    pub env: bool,
}

/// What is done after a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// A signal to the program.
    Signal(u32),
    /// A request to the program.
    Http(Request),
    /// A command in the program's image.
    Exec(Vec<String>),
    /// The container is ended, and started again by the kubelet.
    Restart(Restart),
    /// The change is recorded for the container's liveness probe.
    Probe,
    /// The program is ended and started again in its container, which stays.
    Supervise(Restart),
    /// Nothing: the program watches by itself.
    None,
}

impl Way {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Way::Signal(_) => "signal",
            Way::Http(_) => "http",
            Way::Exec(_) => "exec",
            Way::Restart(_) => "restart",
            Way::Probe => "probe",
            Way::Supervise(_) => "supervise",
            Way::None => "none",
        }
    }
}

/// How a container, or the program in it, is ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restart {
    /// First this signal,
    pub signal: u32,
    /// and after these milliseconds SIGKILL.
    pub grace: u64,
}

/// SIGTERM, as the kubelet does it.
const SIGTERM: u32 = 15;
/// terminationGracePeriodSeconds' default.
const GRACE_MS: u64 = 30_000;
/// A validator or reload command that takes longer is stuck.
const TIMEOUT_MS: u64 = 30_000;

/// How the watcher was started.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whom to tell.
    pub want: Want,
    /// What to watch.
    pub volumes: Vec<Volume>,
    /// What to keep live.
    pub places: Vec<Place>,
    /// What to do.
    pub way: Way,
    /// How the container is ended when environment changed.
    pub restart: Restart,
    /// What must exit 0 first.
    pub validate: Option<Vec<String>>,
    /// Milliseconds that validate and command may take.
    pub timeout: u64,
    /// Also shows configmap-reload's metrics.
    pub compat: bool,
    /// Milliseconds over which the Pods of a workload spread.
    pub stagger: u64,
    /// The same where the container is restarted because environment changed.
    pub restart_stagger: u64,
    /// Where to say what was done.
    pub port: u16,
}

#[derive(Default)]
struct Raw {
    want: Want,
    volumes: Vec<Volume>,
    ignored: Vec<(String, String)>,
    places: Vec<Place>,
    reload: Option<String>,
    signal: Option<u32>,
    url: Option<Request>,
    port: Option<u16>,
    command: Option<Vec<String>>,
    validate: Option<Vec<String>>,
    grace: Option<u64>,
    timeout: Option<u64>,
    stagger: Option<u64>,
    restart_stagger: Option<u64>,
    expected: Option<u16>,
    compat: bool,
}

/// Reads watch's flags.
pub fn watch(args: &[&str]) -> (Options, Vec<Problem>) {
    let (options, mut problems) = read(args);
    if matches!(options.way, Way::Supervise(_)) {
        problems.push(bad("--reload", "supervise", "hotreload-agent supervise, which starts the program itself"));
    }
    (options, problems)
}

/// Reads supervise's flags: watch's, for its one way.
pub fn supervise(args: &[&str]) -> (Options, Vec<Problem>) {
    let (options, mut problems) = read(args);
    if problems.is_empty() && !matches!(options.way, Way::Supervise(_)) {
        problems.push(bad("--reload", options.way.name(), "supervise, or hotreload-agent watch beside the program"));
    }
    if let Some(volume) = options.volumes.iter().find(|volume| volume.env) {
        problems.push(bad("--env-volume", &volume.name, "--reload=restart: the container stays, its environment too"));
    }
    (options, problems)
}

fn read(args: &[&str]) -> (Options, Vec<Problem>) {
    let mut raw = Raw::default();
    let mut problems: Vec<Problem> = args.iter().filter_map(|arg| flag(arg, &mut raw).err()).collect();
    let way = raw.way().unwrap_or_else(|problem| {
        problems.push(problem);
        Way::None
    });
    for (volume, path) in core::mem::take(&mut raw.ignored) {
        match raw.volumes.iter_mut().find(|known| known.name == volume) {
            Some(known) => known.ignored.push(path),
            None => problems.push(unknown_volume("--ignore", &volume)),
        }
    }
    for place in &raw.places {
        if !raw.volumes.iter().any(|volume| volume.name == place.volume) {
            problems.push(unknown_volume(&place.mount_path, &place.volume));
        }
    }
    let restart = raw.restart();
    let Raw { want, volumes, places, port, validate, timeout, stagger, restart_stagger, compat, .. } = raw;
    let (port, timeout, stagger) = (port.unwrap_or(DEFAULT_PORT), timeout.unwrap_or(TIMEOUT_MS), stagger.unwrap_or(0));
    let restart_stagger = restart_stagger.unwrap_or(stagger);
    (
        Options { want, volumes, places, way, port, restart, validate, timeout, stagger, restart_stagger, compat },
        problems,
    )
}

fn flag(arg: &str, raw: &mut Raw) -> Result<(), Problem> {
    let (name, value) = split(arg)?;
    let bad = |remedy: &str| bad(name, value, remedy);
    match name {
        "--container" => raw.want.container = Some(non_empty(name, value)?),
        "--process" => raw.want.processes.push(non_empty(name, value)?),
        "--require-argument" => raw.want.arguments.push(non_empty(name, value)?),
        "--volume" | "--secret-volume" | "--env-volume" | "--env-secret-volume" => {
            let valid = place::is_name(value) && !raw.volumes.iter().any(|volume| volume.name == value);
            let volume = Volume {
                name: value.into(),
                directory: None,
                secret: name.contains("secret"),
                ignored: Vec::new(),
                env: name.starts_with("--env-"),
            };
            raw.volumes.push(valid.then_some(volume).ok_or_else(|| bad("a volume's name, each once"))?);
        }
        "--directory" => {
            let valid = place::is_absolute(value);
            let path: String = value.trim_end_matches('/').into();
            let volume =
                Volume { name: path.clone(), directory: Some(path), secret: true, ignored: Vec::new(), env: false };
            raw.volumes.push(valid.then_some(volume).ok_or_else(|| bad("an absolute path without .."))?);
        }
        "--ignore" => {
            let (volume, path) = value.split_once('/').ok_or_else(|| bad("VOLUME/PATH"))?;
            raw.ignored.push((volume.into(), path.trim_end_matches('/').into()));
        }
        "--symlink" | "--copy" => raw.places.push(placed(name, value)?),
        "--reload" => raw.reload = Some(value.into()),
        "--signal" => raw.signal = Some(signals::number(value).ok_or_else(|| bad_signal(value))?),
        "--url" => raw.url = Some(http::request(value).ok_or_else(|| bad_url(value))?),
        "--command" => raw.command = Some(json::strings(value).ok_or_else(|| bad("a JSON list of words"))?),
        "--validate" => raw.validate = Some(json::strings(value).ok_or_else(|| bad("a JSON list of words"))?),
        "--status-code" => {
            raw.expected = Some(
                value
                    .parse()
                    .ok()
                    .filter(|code| (200..600).contains(code))
                    .ok_or_else(|| bad("a number from 200 to 599"))?,
            )
        }
        "--compat" if value == "configmap-reload" => raw.compat = true,
        "--grace" => raw.grace = Some(duration(name, value)?),
        "--timeout" => raw.timeout = Some(duration(name, value)?),
        "--stagger" => raw.stagger = Some(duration(name, value)?),
        "--restart-stagger" => raw.restart_stagger = Some(duration(name, value)?),
        "--port" => {
            raw.port = Some(value.parse().ok().filter(|port| *port > 0).ok_or_else(|| bad("a port from 1 to 65535"))?)
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

impl Raw {
    fn way(&mut self) -> Result<Way, Problem> {
        let needs = |flag: &str, way: &str| Problem::new(Code::BadOption, format!("--reload={way} needs {flag}"));
        match self.reload.as_deref() {
            Some("signal") => self.signal.map(Way::Signal).ok_or_else(|| needs("--signal", "signal")),
            Some("http") => {
                let request = self.url.take().ok_or_else(|| needs("--url", "http"))?;
                Ok(Way::Http(Request { expected: self.expected, ..request }))
            }
            Some("exec") => self.command.take().map(Way::Exec).ok_or_else(|| needs("--command", "exec")),
            Some("restart") => Ok(Way::Restart(self.restart())),
            Some("probe") => Ok(Way::Probe),
            Some("supervise") => Ok(Way::Supervise(self.restart())),
            Some("none") => Ok(Way::None),
            Some(other) => Err(bad("--reload", other, WAYS)),
            None => Err(Problem::new(Code::BadOption, format!("--reload is missing; use {WAYS}"))),
        }
    }

    /// `--signal` is the reload's where the way is signal, else the one that ends the container.
    fn restart(&self) -> Restart {
        let own = self.signal.filter(|_| matches!(self.reload.as_deref(), Some("restart" | "supervise")));
        Restart { signal: own.unwrap_or(SIGTERM), grace: self.grace.unwrap_or(GRACE_MS) }
    }
}

fn unknown_volume(flag: &str, volume: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{flag}: volume {volume:?} is not watched; add --volume={volume}"))
}

#[cfg(test)]
#[path = "options_test.rs"]
mod tests;
