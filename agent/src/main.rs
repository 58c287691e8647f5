//! The agent's commands: argv in, exit code out. What they decide is in the library (pure), what they do in host/.
#![cfg_attr(not(feature = "std"), no_std, no_main)]

extern crate alloc;

mod host;
mod panics;
mod runtime;

use alloc::{string::String, vec::Vec};
use core::ffi::CStr;

#[cfg(feature = "std")]
fn main() {
    panics::catch();
    std::process::exit(runtime::start())
}

use host::layout::Layout;

fn run(args: &[&'static CStr]) -> i32 {
    let words: Vec<&str> = args.iter().skip(1).map(|arg| arg.to_str().unwrap_or("\u{fffd}")).collect();
    runtime::ignore_sigpipe();
    let environment = runtime::environment();
    let layout = Layout::new(&environment);
    #[cfg(debug_assertions)]
    panics::on_request(&environment);
    match words.split_first() {
        Some((&"install", rest)) => host::install::install(rest),
        Some((&"link", rest)) => host::link::link(rest, &layout),
        Some((&"probe", rest)) => host::probe::probe(rest, &layout),
        Some((&"supervise", rest)) => host::supervise::supervise(rest, &args[2..], layout, &environment),
        Some((&"watch", rest)) => host::watch::watch(rest, layout, &environment),
        _ => {
            let entries: Vec<&str> = environment.iter().filter_map(|entry| entry.to_str().ok()).collect();
            match agent::dropin::flags(&words, &entries) {
                Some(flags) => {
                    host::watch::watch(&flags.iter().map(String::as_str).collect::<Vec<&str>>(), layout, &environment)
                }
                // Never exits as a sidecar: an unknown command idles and says so, as a bad option does.
                None => host::watch::watch(&words, layout, &environment),
            }
        }
    }
}
