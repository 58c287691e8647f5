//! The command lines and environments of two programs that this one can replace, translated into the flags of `watch`.
//! config-reloader-sidecar (github.com/Pluies/config-reloader-sidecar): CONFIG_DIR, PROCESS_NAME, RELOAD_SIGNAL.
//! configmap-reload (github.com/jimmidyson/configmap-reload): --volume-dir, --webhook-url and the like.

use alloc::{format, string::String, vec::Vec};

/// configmap-reload's port, which scrape configurations name.
const CONFIGMAP_RELOAD_PORT: &str = "9533";

/// The flags of `watch` that do the same; None for neither of the two. `environment` holds `NAME=value`.
pub fn flags(args: &[&str], environment: &[&str]) -> Option<Vec<String>> {
    if args.is_empty() { sidecar(environment) } else { configmap_reload(args) }
}

fn sidecar(environment: &[&str]) -> Option<Vec<String>> {
    let value = |name: &str| {
        let set = environment.iter().find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
        set.filter(|value| !value.is_empty())
    };
    let directories = value("CONFIG_DIR")?.split(',').map(|one| format!("--directory={}", one.trim()));
    // `watch` reports a name that is empty.
    let process = value("PROCESS_NAME").unwrap_or_default();
    // config-reloader-sidecar has a default for the signal; `watch` has none.
    let signal = value("RELOAD_SIGNAL").unwrap_or("SIGHUP");
    let flags = ["--reload=signal".into(), format!("--process={process}"), format!("--signal={signal}")];
    Some(flags.into_iter().chain(directories).collect())
}

fn configmap_reload(args: &[&str]) -> Option<Vec<String>> {
    let (mut flags, mut method, mut url) = (Vec::new(), "POST", None);
    flags.push(String::from("--reload=http"));
    flags.push("--compat=configmap-reload".into());
    let mut port = CONFIGMAP_RELOAD_PORT;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        // Go's flags take one dash or two, and their value after = or as the next word.
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
        let (name, value) = name.split_once('=').or_else(|| Some((name, *words.next()?)))?;
        match name {
            "volume-dir" => flags.push(format!("--directory={value}")),
            "webhook-method" => method = value,
            // `watch` reports a second URL as an unknown option.
            "webhook-url" if url.is_some() => flags.push(format!("--second-webhook-url={value}")),
            "webhook-url" => url = Some(value),
            "webhook-status-code" => flags.push(format!("--status-code={value}")),
            // The agent retries until it succeeds or newer content comes, whatever the number.
            "webhook-retries" => {}
            "web.listen-address" => port = value.rsplit(':').next().unwrap_or(value),
            "web.telemetry-path" if value == "/metrics" => {}
            _ => return None,
        }
    }
    flags.push(format!("--url={method} {}", url?));
    flags.push(format!("--port={port}"));
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::method::ReloadMethod;
    use crate::options::watch::{Options, watch};
    use proptest::prelude::*;

    fn read(flags: &[String]) -> (Options, Vec<crate::errors::Problem>) {
        watch(&flags.iter().map(String::as_str).collect::<Vec<&str>>())
    }

    #[test]
    fn config_reloader_sidecars_environment_is_translated() {
        let found = flags(&[], &["PATH=/bin", "CONFIG_DIR=/etc/pgbouncer/", "PROCESS_NAME=pgbouncer"]).unwrap();
        let (options, problems) = read(&found);
        assert_eq!(problems, []);
        assert_eq!(
            (options.method, &options.target.processes[..]),
            (ReloadMethod::Signal(1), &["pgbouncer".into()][..])
        );
        assert_eq!(options.volumes[0].directory.as_deref(), Some("/etc/pgbouncer"));
        assert!(options.volumes[0].secret, "it may hold Secrets");
        let (options, _) = read(&flags(&[], &["CONFIG_DIR=/etc/a,/etc/b", "PROCESS_NAME=x"]).unwrap());
        assert_eq!(options.volumes.len(), 2, "a list, with commas");
        let (options, problems) = read(&flags(&[], &["CONFIG_DIR=/etc/a,/etc/a/", "PROCESS_NAME=x"]).unwrap());
        assert_eq!((options.volumes.len(), problems.len()), (1, 0), "each once");
        let (options, _) = read(&flags(&[], &["CONFIG_DIR=/c", "PROCESS_NAME=x", "RELOAD_SIGNAL=SIGUSR2"]).unwrap());
        assert_eq!(options.method, ReloadMethod::Signal(12));
        assert_eq!(read(&flags(&[], &["CONFIG_DIR=/c"]).unwrap()).1.len(), 1);
        assert_eq!(flags(&[], &["PATH=/bin"]), None);
    }

    #[test]
    fn configmap_reloads_flags_are_translated() {
        let args =
            ["-volume-dir", "/etc/config", "--volume-dir=/etc/rules", "--webhook-url=http://localhost:9090/-/reload"];
        let (options, problems) = read(&flags(&args, &[]).unwrap());
        assert_eq!(problems, []);
        assert_eq!((options.volumes.len(), options.port), (2, 9533));
        let more = [
            "--webhook-method=PUT",
            "--webhook-status-code=204",
            "--webhook-retries=3",
            "--web.listen-address=0.0.0.0:8080",
        ];
        let (options, problems) = read(&flags(&[&args[..], &more].concat(), &[]).unwrap());
        assert_eq!((problems.len(), options.port), (0, 8080));
        let ReloadMethod::Http(request) = options.method else { panic!("not http") };
        assert_eq!((request.method.as_str(), request.expected), ("PUT", Some(204)));
        let two = [&args[..], &["--webhook-url=http://localhost:1/"]].concat();
        assert_eq!(read(&flags(&two, &[]).unwrap()).1.len(), 1);
        for bad in [&["--volume-dir=/x"][..], &["serve"], &["--webhook-url"], &["--other=1"]] {
            assert_eq!(flags(bad, &[]), None, "{bad:?}");
        }
    }
    proptest! {
        #[test]
        fn any_words_and_environment_are_translated_or_refused(
            words in proptest::collection::vec("--?(volume-dir|webhook-url|web.listen-address|x)?=?[ -~é]{0,8}", 0..5),
            environment in proptest::collection::vec("(CONFIG_DIR|PROCESS_NAME|RELOAD_SIGNAL)?=?[ -~é]{0,8}", 0..4),
        ) {
            let [words, environment] =
                [&words, &environment].map(|list| list.iter().map(String::as_str).collect::<Vec<&str>>());
            let _ = flags(&words, &environment).map(|found| read(&found));
        }
    }
}
