//! The flags of `watch` and `supervise`. Every mistake is reported, and the other flags still count: an agent with a
//! bad option idles and shows the mistake on its port instead of exiting.

use super::method::{MethodFlags, ReloadMethod, Termination};
use super::{bad_url, bad_value, duration, non_empty, parent, positive, split, subpath_file, unknown_flag};
use crate::errors::{Code, Problem};
use crate::gate::{Bake, GateMode};
use crate::http::{self, HealthCheck};
use crate::json;
use crate::proof::Proof;
use crate::signals;
use crate::subpath_file::{self, SubPathFile};
use crate::target::TargetSelector;
use alloc::{format, string::String, vec::Vec};

/// The status port, one for each agent of a Pod.
pub const DEFAULT_PORT: u16 = 9467;
/// A validator or reload command that takes longer is stuck.
const TIMEOUT_MS: u64 = 30_000;

/// The kubelet's defaults for a probe.
const HEALTH_TIMEOUT_MS: u64 = 1_000;
const HEALTH_PERIOD_MS: u64 = 10_000;
const HEALTH_FAILURES: u32 = 3;

/// As many as `gate::Set` has bits.
const GATED_MAX: usize = 64;

/// A watched volume.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Volume {
    /// Its name, which is also the name of its directory below `vol/`.
    pub name: String,
    /// Its directory, where that is not below `vol/`.
    pub directory: Option<String>,
    /// It may hold Secrets: no plain hash of it leaves the agent.
    pub secret: bool,
    /// Its keys may be absent.
    pub optional: bool,
    /// Paths that the digest leaves out: tokens, downward API.
    pub ignored: Vec<String>,
    /// The program gets it as environment: only a restart of the container brings a change in.
    pub env: bool,
    /// The program sees only what the agent publishes of it.
    pub gated: bool,
}

/// How the watcher was started.
#[derive(Clone, Debug)]
pub struct Options {
    /// The container and process to notify.
    pub target: TargetSelector,
    /// The volumes to watch.
    pub volumes: Vec<Volume>,
    /// The subPath files to refresh.
    pub subpath_files: Vec<SubPathFile>,
    /// Whether `watch` prepares them before the app starts, as `link` does.
    pub links: bool,
    /// The directories that it copies from the image for that.
    pub parents: Vec<String>,
    /// How a change reaches the program.
    pub method: ReloadMethod,
    /// How the container is ended when its environment changed.
    pub env_restart: Termination,
    /// What proves that the program has taken a change after the signal.
    pub confirm: Option<Proof>,
    /// The command that must exit with 0 before a reload.
    pub validate: Option<Vec<String>>,
    /// What happens where content is refused and nothing is published; None: no volume is gated.
    pub gate: Option<GateMode>,
    /// How published content is put on trial; None: it is not.
    pub bake: Option<Bake>,
    /// What is asked meanwhile; None: only that the program runs on.
    pub health: Option<HealthCheck>,
    /// Milliseconds for an answer.
    pub health_timeout: u64,
    /// Mounts below those of gated volumes, which need a mount point in what the program sees.
    pub mount_points: Vec<SubPathFile>,
    /// Milliseconds that `validate` and the reload command may take.
    pub timeout: u64,
    /// Whether /metrics also shows configmap-reload's metrics.
    pub compat_metrics: bool,
    /// Milliseconds over which the Pods of a workload spread.
    pub stagger: u64,
    /// The same where the container is restarted because its environment changed.
    pub restart_stagger: u64,
    /// The status port.
    pub port: u16,
}

/// The container's name where no flag names one (in place of other sidecars).
const UNNAMED: &str = "agent";

impl Options {
    /// The target container's name, for files.
    pub fn container(&self) -> &str {
        self.target.container.as_deref().unwrap_or(UNNAMED)
    }
}

#[derive(Default)]
struct Flags {
    target: TargetSelector,
    volumes: Vec<Volume>,
    ignored: Vec<(String, String)>,
    optional: Vec<String>,
    gated: Vec<String>,
    gate: Option<GateMode>,
    bake: Option<u64>,
    health: Option<HealthCheck>,
    health_headers: Vec<String>,
    health_timeout: Option<u64>,
    health_period: Option<u64>,
    health_failures: Option<u32>,
    mount_points: Vec<SubPathFile>,
    subpath_files: Vec<SubPathFile>,
    links: bool,
    parents: Vec<String>,
    method: MethodFlags,
    port: Option<u16>,
    confirm: Option<Proof>,
    validate: Option<Vec<String>>,
    timeout: Option<u64>,
    stagger: Option<u64>,
    restart_stagger: Option<u64>,
    compat_metrics: bool,
}

/// Reads the flags of `watch`.
pub fn watch(args: &[&str]) -> (Options, Vec<Problem>) {
    let (options, mut problems) = read(args);
    if matches!(options.method, ReloadMethod::Supervise(_)) {
        problems.push(bad_value("--reload", "supervise", "hotreload-agent supervise, which starts the program itself"));
    }
    (options, problems)
}

/// Reads the flags of `supervise`: those of `watch`, for its one method.
pub fn supervise(args: &[&str]) -> (Options, Vec<Problem>) {
    let (options, mut problems) = read(args);
    if problems.is_empty() && !matches!(options.method, ReloadMethod::Supervise(_)) {
        let remedy = "supervise, or hotreload-agent watch beside the program";
        problems.push(bad_value("--reload", options.method.name(), remedy));
    }
    if let Some(volume) = options.volumes.iter().find(|volume| volume.env) {
        let remedy = "--reload=restart: the container stays, its environment too";
        problems.push(bad_value("--env-volume", &volume.name, remedy));
    }
    (options, problems)
}

fn read(args: &[&str]) -> (Options, Vec<Problem>) {
    let mut flags = Flags::default();
    let mut problems: Vec<Problem> = args.iter().filter_map(|arg| flags.read(arg).err()).collect();
    let method = flags.method.method().unwrap_or_else(|problem| {
        problems.push(problem);
        ReloadMethod::None
    });
    let mut change = |flag: &str, volume: &str, apply: &mut dyn FnMut(&mut Volume)| match flags
        .volumes
        .iter_mut()
        .find(|known| known.name == volume)
    {
        Some(known) => apply(known),
        None => problems.push(unknown_volume(flag, volume)),
    };
    for (volume, path) in flags.ignored {
        change("--ignore", &volume, &mut |known| known.ignored.push(path.clone()));
    }
    for volume in flags.optional {
        change("--optional", &volume, &mut |known| known.optional = true);
    }
    for volume in flags.gated {
        change("--gated", &volume, &mut |known| known.gated = true);
    }
    if flags.volumes.iter().any(|volume| volume.gated) && (flags.gate.is_none() || flags.validate.is_none()) {
        problems.push(Problem::new(Code::BadOption, "--gated needs --gate and --validate"));
    }
    if flags.bake.is_some() && flags.gate.is_none() {
        problems.push(Problem::new(Code::BadOption, "--bake needs --gate"));
    }
    if flags.volumes.iter().filter(|volume| volume.gated).count() > GATED_MAX {
        problems.push(Problem::new(Code::BadOption, "--gated: 64 volumes of a container at most"));
    }
    for file in flags.subpath_files.iter().chain(&flags.mount_points) {
        if !flags.volumes.iter().any(|volume| volume.name == file.volume) {
            problems.push(unknown_volume(&file.mount_path, &file.volume));
        }
    }
    if flags.confirm.is_some() && !matches!(method, ReloadMethod::Signal(_)) {
        problems.push(Problem::new(Code::BadOption, "--confirm needs --reload=signal"));
    }
    let stagger = flags.stagger.unwrap_or(0);
    let mut health = flags.health;
    health.iter_mut().for_each(|check| check.request.headers.append(&mut flags.health_headers));
    let options = Options {
        target: flags.target,
        volumes: flags.volumes,
        subpath_files: flags.subpath_files,
        links: flags.links,
        parents: flags.parents,
        method,
        env_restart: flags.method.termination(),
        confirm: flags.confirm,
        validate: flags.validate,
        gate: flags.gate,
        bake: flags.bake.filter(|time| *time > 0).map(|time| Bake {
            time,
            period: flags.health_period.unwrap_or(HEALTH_PERIOD_MS),
            failures: flags.health_failures.unwrap_or(HEALTH_FAILURES),
        }),
        health,
        health_timeout: flags.health_timeout.unwrap_or(HEALTH_TIMEOUT_MS),
        mount_points: flags.mount_points,
        timeout: flags.timeout.unwrap_or(TIMEOUT_MS),
        compat_metrics: flags.compat_metrics,
        stagger,
        restart_stagger: flags.restart_stagger.unwrap_or(stagger),
        port: flags.port.unwrap_or(DEFAULT_PORT),
    };
    (options, problems)
}

impl Flags {
    fn read(&mut self, arg: &str) -> Result<(), Problem> {
        let (name, value) = split(arg)?;
        let bad = |remedy: &str| bad_value(name, value, remedy);
        let words = || json::strings(value).ok_or_else(|| bad("a JSON list of words"));
        match name {
            "--container" => self.target.container = Some(non_empty(name, value)?),
            "--process" => self.target.processes.push(non_empty(name, value)?),
            "--require-argument" => self.target.arguments.push(non_empty(name, value)?),
            "--volume" | "--secret-volume" | "--env-volume" | "--env-secret-volume" => {
                let valid = subpath_file::is_name(value) && !self.volumes.iter().any(|volume| volume.name == value);
                let (secret, env) = (name.ends_with("secret-volume"), name.starts_with("--env-"));
                let volume = Volume { name: value.into(), secret, env, ..Volume::default() };
                self.volumes.push(valid.then_some(volume).ok_or_else(|| bad("a volume's name, each once"))?);
            }
            "--directory" => {
                let path: String = value.trim_end_matches('/').into();
                if !subpath_file::is_absolute(value) {
                    return Err(bad("an absolute path without .."));
                }
                // config-reloader-sidecar takes a list, which may name one twice.
                if !self.volumes.iter().any(|volume| volume.name == path) {
                    let (name, directory) = (path.clone(), Some(path));
                    self.volumes.push(Volume { name, directory, secret: true, ..Volume::default() });
                }
            }
            "--ignore" => {
                let (volume, path) = value.split_once('/').ok_or_else(|| bad("VOLUME/PATH"))?;
                self.ignored.push((volume.into(), path.trim_end_matches('/').into()));
            }
            "--optional" => self.optional.push(non_empty(name, value)?),
            "--gated" => self.gated.push(non_empty(name, value)?),
            "--gate" => {
                self.gate = Some(match value {
                    "publish" => GateMode::Publish,
                    "strict" => GateMode::Strict,
                    _ => return Err(bad("publish or strict")),
                });
            }
            "--bake" => self.bake = Some(duration(name, value)?),
            "--health" => {
                let remedy = "http://ADDRESS:PORT/PATH or tcp://ADDRESS:PORT";
                self.health = Some(http::parse_health_check(value).ok_or_else(|| bad(remedy))?);
            }
            "--health-header" => {
                let header = http::is_header(value).then(|| value.into());
                // Its value may be a password.
                let shown = value.split(':').next().unwrap_or_default();
                self.health_headers.push(header.ok_or_else(|| bad_value(name, shown, "Name: value"))?);
            }
            "--health-timeout" => self.health_timeout = Some(positive(name, value)?),
            "--health-period" => self.health_period = Some(positive(name, value)?),
            "--health-failures" => {
                let count = value.parse().ok().filter(|count| *count > 0);
                self.health_failures = Some(count.ok_or_else(|| bad("a number from 1"))?);
            }
            "--mount-point" => self.mount_points.push(subpath_file("--copy", value)?),
            "--symlink" | "--copy" => self.subpath_files.push(subpath_file(name, value)?),
            "--link" if value == "once" => self.links = true,
            "--link" => return Err(bad("once")),
            "--parent" => self.parents.push(parent(name, value)?),
            "--reload" => self.method.reload = Some(value.into()),
            "--signal" => self.method.signal = Some(signals::number(value).ok_or_else(|| bad_signal(value))?),
            "--url" => self.method.url = Some(http::parse_reload_request(value).ok_or_else(|| bad_url(value))?),
            "--command" => self.method.command = Some(words()?),
            "--confirm" => {
                let remedy = "workers, or a metric and its URL: NAME http://127.0.0.1:PORT/PATH";
                self.confirm = Some(Proof::parse(value).ok_or_else(|| bad(remedy))?);
            }
            "--validate" => self.validate = Some(words()?),
            "--status-code" => {
                let code = value.parse().ok().filter(|code| (200..600).contains(code));
                self.method.status_code = Some(code.ok_or_else(|| bad("a number from 200 to 599"))?);
            }
            "--compat" if value == "configmap-reload" => self.compat_metrics = true,
            "--grace" => self.method.grace = Some(duration(name, value)?),
            "--timeout" => self.timeout = Some(duration(name, value)?),
            "--stagger" => self.stagger = Some(duration(name, value)?),
            "--restart-stagger" => self.restart_stagger = Some(duration(name, value)?),
            "--port" => {
                let port = value.parse().ok().filter(|port| *port > 0);
                self.port = Some(port.ok_or_else(|| bad("a port from 1 to 65535"))?);
            }
            _ => return Err(unknown_flag(name)),
        }
        Ok(())
    }
}

fn bad_signal(value: &str) -> Problem {
    let value = json::quoted(value);
    let message = format!("--signal: {value} is not a signal; use a name such as SIGHUP or a number from 1 to 31");
    Problem::new(Code::BadSignal, message)
}

fn unknown_volume(flag: &str, volume: &str) -> Problem {
    let quoted = json::quoted(volume);
    Problem::new(Code::BadOption, format!("{flag}: volume {quoted} is not watched; add --volume={volume}"))
}
