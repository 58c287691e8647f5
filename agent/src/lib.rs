//! The agent's decisions as values in and values out: parsers, the choice of the process, what counts as a change, the
//! next action. The kernel, clocks and files are in src/host/ (part of the binary), so ordinary tests run all of this.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod change;
pub mod child_lifecycle;
pub mod digest;
pub mod engine;
pub mod errors;
pub mod gate;
pub mod http;
pub mod json;
pub mod mountinfo;
pub mod options;
pub mod page_request;
pub mod proc;
pub mod proof;
pub mod report;
pub mod saved_state;
pub mod signals;
pub mod subpath_file;
pub mod target;
pub mod time;
pub mod verdict;
mod wrappers;
