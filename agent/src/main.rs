//! The agent's commands: argv in, exit code out. The library (pure) decides, host/ acts.
#![cfg_attr(not(feature = "std"), no_std, no_main)]

extern crate alloc;

mod host;
mod panics;
mod runtime;

use agent::options::compat;
use alloc::{string::String, vec::Vec};
use core::ffi::CStr;
use host::commands::{gate, install, link, probe, supervise, watch};
use host::layout::Layout;

#[cfg(feature = "std")]
fn main() {
    panics::catch();
    std::process::exit(runtime::start())
}

const HELP: &str = "\
Reloads a program when its ConfigMaps and Secrets change.

hotreload-agent watch FLAGS                    watches beside the program
hotreload-agent supervise FLAGS -- COMMAND …   starts the program, and watches
hotreload-agent probe FLAGS                    is the program's liveness probe
hotreload-agent link FLAGS                     prepares files before the program starts
hotreload-agent gate FLAGS                     publishes gated files before the program starts
hotreload-agent install FILE                   copies itself to FILE
hotreload-agent idle                           waits for SIGTERM
hotreload-agent --version

docs/agent.md explains the flags.
";

fn run(args: &[&'static CStr]) -> i32 {
    let words: Vec<&str> = args.iter().skip(1).map(|arg| arg.to_str().unwrap_or("\u{fffd}")).collect();
    runtime::ignore_sigpipe();
    let environment = runtime::environment();
    let layout = Layout::new(&environment);
    #[cfg(debug_assertions)]
    panics::on_request(&environment);
    match words.split_first() {
        Some((&"gate", rest)) => gate::gate(rest, &layout),
        Some((&"install", rest)) => install::install(rest),
        Some((&"idle", [])) => install::idle(),
        Some((&"link", rest)) => link::link(rest, &layout),
        Some((&"probe", rest)) => probe::probe(rest, &layout),
        Some((&"supervise", rest)) => supervise::supervise(rest, &args[2..], layout, &environment),
        Some((&"watch", rest)) => watch::watch(rest, layout, &environment),
        Some((&"--version", [])) => print(concat!("hotreload-agent ", env!("CARGO_PKG_VERSION"), "\n")),
        Some((&"--help", [])) => print(HELP),
        _ => {
            let entries: Vec<&str> = environment.iter().filter_map(|entry| entry.to_str().ok()).collect();
            let translated = compat::flags(&words, &entries);
            // A sidecar must not exit: `watch` treats an unknown command as a bad option, which it reports while it idles.
            let flags = translated.as_ref().map(|flags| flags.iter().map(String::as_str).collect());
            watch::watch(&flags.unwrap_or(words), layout, &environment)
        }
    }
}

/// Prints a text; the exit code.
fn print(text: &str) -> i32 {
    host::files::write_all(runtime::stdout(), text.as_bytes()).is_err().into()
}
