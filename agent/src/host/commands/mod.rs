//! The commands, one file each.

mod copy_tree;
pub mod install;
pub mod link;
pub mod probe;
pub mod supervise;
pub mod watch;
