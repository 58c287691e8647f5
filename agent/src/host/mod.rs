//! Everything that touches the kernel: thin readers and doers around the library's decisions.

pub mod agent;
pub mod call;
pub mod child;
pub mod clock;
pub mod copy_tree;
pub mod events;
pub mod files;
pub mod inotify;
pub mod install;
pub mod layout;
pub mod link;
pub mod log;
pub mod places;
pub mod probe;
pub mod procfs;
pub mod reload;
pub mod report;
pub mod restart;
pub mod server;
pub mod signal;
pub mod store;
pub mod supervise;
pub mod volume;
pub mod volumes;
pub mod watch;
