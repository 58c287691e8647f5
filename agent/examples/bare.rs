//! The least that could do the job: inotify on one directory, and SIGHUP to one process at each rename of `..data`. No
//! check of anything. bench/agent measures it beside the agent.

use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::process::{Pid, Signal, kill_process};
use std::mem::MaybeUninit;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, directory, pid] = &args[..] else { panic!("use: bare DIRECTORY PID") };
    let pid = pid.parse().ok().and_then(Pid::from_raw).expect("a process id");
    let inotify = init(CreateFlags::CLOEXEC).expect("an inotify instance");
    add_watch(&inotify, directory.as_str(), WatchFlags::MOVED_TO).expect("a directory");
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut reader = Reader::new(&inotify, &mut buffer);
    while let Ok(event) = reader.next() {
        if event.file_name() == Some(c"..data") {
            kill_process(pid, Signal::HUP).expect("a process to signal");
        }
    }
}
