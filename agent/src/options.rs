//! The command line, read once: flags `--name=value` (the kubelet expands `$(VAR)` in them). Every mistake is reported,
//! and what could be read is used: an agent with a bad option idles and says so on its port instead of exiting.

use crate::errors::{Code, Problem};
use crate::http::{self, Request};
use crate::place::{self, Kind, Place};
use crate::signals;
use crate::target::Want;
use alloc::{format, string::String, vec::Vec};

/// The status port, one per agent of a Pod.
pub const DEFAULT_PORT: u16 = 9467;

/// A watched volume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    /// Its name, and its directory's below `vol/`.
    pub name: String,
    /// May hold Secrets: no plain hash of it leaves the agent.
    pub secret: bool,
    /// Paths left out of the digest: tokens, downward API.
    pub ignored: Vec<String>,
}

/// What is done after a change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Way {
    /// A signal to the program.
    Signal(u32),
    /// A request to the program.
    Http(Request),
    /// Nothing: the program watches by itself.
    None,
}

impl Way {
    /// The word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Way::Signal(_) => "signal",
            Way::Http(_) => "http",
            Way::None => "none",
        }
    }
}

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
    /// Where to say what was done.
    pub port: u16,
}

/// What link is to do.
#[derive(Clone, Default, Debug)]
pub struct Link {
    /// Directories to copy from the image.
    pub parents: Vec<String>,
    /// Files to place.
    pub places: Vec<Place>,
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
}

/// Reads watch's flags.
pub fn watch(args: &[&str]) -> (Options, Vec<Problem>) {
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
    let Raw { want, volumes, places, port, .. } = raw;
    (Options { want, volumes, places, way, port: port.unwrap_or(DEFAULT_PORT) }, problems)
}

fn flag(arg: &str, raw: &mut Raw) -> Result<(), Problem> {
    let (name, value) = split(arg)?;
    let bad = |remedy: &str| bad(name, value, remedy);
    match name {
        "--container" => raw.want.container = Some(non_empty(name, value)?),
        "--process" => raw.want.processes.push(non_empty(name, value)?),
        "--require-argument" => raw.want.arguments.push(non_empty(name, value)?),
        "--volume" | "--secret-volume" => {
            let valid = place::is_name(value) && !raw.volumes.iter().any(|volume| volume.name == value);
            let volume = Volume { name: value.into(), secret: name == "--secret-volume", ignored: Vec::new() };
            raw.volumes.push(valid.then_some(volume).ok_or_else(|| bad("a volume's name, each once"))?);
        }
        "--ignore" => {
            let (volume, path) = value.split_once('/').ok_or_else(|| bad("VOLUME/PATH"))?;
            raw.ignored.push((volume.into(), path.trim_end_matches('/').into()));
        }
        "--symlink" | "--copy" => raw.places.push(placed(name, value)?),
        "--reload" => raw.reload = Some(value.into()),
        "--signal" => raw.signal = Some(signals::number(value).ok_or_else(|| bad_signal(value))?),
        "--url" => raw.url = Some(http::request(value).ok_or_else(|| bad_url(value))?),
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
            Some("http") => self.url.take().map(Way::Http).ok_or_else(|| needs("--url", "http")),
            Some("none") => Ok(Way::None),
            Some(other) => Err(bad("--reload", other, "signal, http or none")),
            None => Err(Problem::new(Code::BadOption, "--reload is missing; use signal, http or none")),
        }
    }
}

/// Reads link's flags.
pub fn link(args: &[&str]) -> Result<Link, Vec<Problem>> {
    let mut link = Link::default();
    let read = |arg: &&str| {
        let (name, value) = split(arg)?;
        match name {
            "--parent" if place::is_absolute(value) => link.parents.push(value.trim_end_matches('/').into()),
            "--parent" => return Err(bad(name, value, "an absolute path without ..")),
            "--symlink" | "--copy" => link.places.push(placed(name, value)?),
            _ => return Err(unknown(name)),
        }
        Ok(())
    };
    let problems: Vec<Problem> = args.iter().map(read).filter_map(Result::err).collect();
    if problems.is_empty() { Ok(link) } else { Err(problems) }
}

fn split(arg: &str) -> Result<(&str, &str), Problem> {
    arg.split_once('=')
        .filter(|(name, _)| name.starts_with("--"))
        .ok_or_else(|| Problem::new(Code::BadOption, format!("argument {arg:?} is not of the form --name=value")))
}

fn placed(name: &str, value: &str) -> Result<Place, Problem> {
    let kind = if name == "--symlink" { Kind::Symlink } else { Kind::Copy };
    Place::parse(kind, value).ok_or_else(|| bad(name, value, "MOUNTPATH:VOLUME/PATH"))
}

fn non_empty(name: &str, value: &str) -> Result<String, Problem> {
    if value.is_empty() { Err(bad(name, value, "a name")) } else { Ok(value.into()) }
}

fn bad(name: &str, value: &str, remedy: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{name}: {value:?} can't be used; use {remedy}"))
}

fn bad_signal(value: &str) -> Problem {
    let message = format!("--signal: {value:?} is not a signal; use a name such as SIGHUP or a number from 1 to 31");
    Problem::new(Code::BadSignal, message)
}

fn bad_url(value: &str) -> Problem {
    Problem::new(Code::UrlNotLocal, format!("--url: {value:?} leaves the Pod; use http://127.0.0.1:PORT/PATH"))
}

fn unknown(name: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{name} is no option of this version; docs/agent.md lists them"))
}

fn unknown_volume(flag: &str, volume: &str) -> Problem {
    Problem::new(Code::BadOption, format!("{flag}: volume {volume:?} is not watched; add --volume={volume}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_webhook_writes() {
        let (options, problems) = watch(&[
            "--container=web",
            "--volume=conf",
            "--secret-volume=tls",
            "--ignore=tls/token",
            "--symlink=/etc/nginx/nginx.conf:conf/nginx.conf",
            "--reload=signal",
            "--signal=SIGHUP",
            "--process=nginx",
            "--require-argument=-W",
            "--port=9468",
        ]);
        assert_eq!(problems, []);
        assert_eq!((options.port, options.way), (9468, Way::Signal(1)));
        assert_eq!(options.want.container.as_deref(), Some("web"));
        assert_eq!(
            (&options.want.processes[..], &options.want.arguments[..]),
            (&["nginx".into()][..], &["-W".into()][..])
        );
        assert_eq!(options.volumes[1], Volume { name: "tls".into(), secret: true, ignored: ["token".into()].into() });
        assert_eq!(options.places.len(), 1);
    }

    #[test]
    fn every_mistake_is_named_and_the_port_kept() {
        let (options, problems) = watch(&[
            "--port=9470",
            "--signal=HUPP",
            "--url=http://reload.shop.svc/",
            "--volume=",
            "-v",
            "--hup=1",
            "--ignore=x/y",
            "--copy=/a:nope/b",
        ]);
        assert_eq!(options.port, 9470);
        let codes: Vec<&str> = problems.iter().map(|problem| problem.code.text()).collect();
        assert_eq!(
            codes,
            [
                "HR_BAD_SIGNAL",
                "HR_URL_NOT_LOCAL",
                "HR_BAD_OPTION",
                "HR_BAD_OPTION",
                "HR_BAD_OPTION",
                "HR_BAD_OPTION",
                "HR_BAD_OPTION",
                "HR_BAD_OPTION",
            ]
        );
        assert_eq!(
            problems[0].sentence(),
            r#"--signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]"#
        );
    }

    #[test]
    fn a_way_needs_its_flag() {
        for args in [&["--reload=signal"][..], &["--reload=http", "--signal=1"], &["--reload=magic"], &[]] {
            assert_eq!(watch(args).1.len(), 1, "{args:?}");
        }
        assert_eq!(watch(&["--reload=none"]).1, []);
    }

    #[test]
    fn reads_links() {
        let found = link(&["--parent=/etc/nginx/", "--symlink=/etc/nginx/a:conf/a", "--copy=/b:conf/b"]).unwrap();
        assert_eq!((found.parents, found.places.len()), (["/etc/nginx".into()].into(), 2));
        assert_eq!(link(&["--parent=etc", "--copy=x", "--volume=y"]).unwrap_err().len(), 3);
    }

    proptest! {
        #[test]
        fn any_arguments_are_read_or_named(args in proptest::collection::vec("(--(volume|copy|port|url|signal|ignore|reload)=)?[ -~é]{0,12}", 0..6)) {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let _ = (watch(&args), link(&args));
        }
    }
}
