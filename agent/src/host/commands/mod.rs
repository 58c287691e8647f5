//! The commands, one file each.

pub mod copy_tree;
pub mod gate;
pub mod install;
pub mod link;
pub mod probe;
pub mod supervise;
pub mod watch;
