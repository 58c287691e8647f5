//! The agent's commands: argv in, exit code out. What they decide is in the library (pure), what they do in host/.
#![cfg_attr(not(feature = "std"), no_std, no_main)]

extern crate alloc;

mod host;
mod panics;
mod runtime;

use core::ffi::CStr;

#[cfg(feature = "std")]
fn main() {
    std::process::exit(runtime::start())
}

use host::layout::Layout;

fn run(args: &[&'static CStr]) -> i32 {
    let words: alloc::vec::Vec<&str> = args.iter().skip(1).map(|arg| arg.to_str().unwrap_or("\u{fffd}")).collect();
    let environment = runtime::environment();
    let layout = Layout::new(&environment);
    #[cfg(debug_assertions)]
    panics::on_request(&environment);
    match words.split_first() {
        Some((&"install", rest)) => host::install::install(rest),
        Some((&"link", rest)) => host::link::link(rest, &layout),
        Some((&"watch", rest)) => host::watch::watch(rest, layout, &environment),
        // Never exits as a sidecar: an unknown command idles and says so, as a bad option does.
        _ => host::watch::watch(&words, layout, &environment),
    }
}
