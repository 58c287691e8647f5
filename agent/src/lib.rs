//! What the agent decides, as values in and values out: parsers, whom to tell, what is a change, what to do next.
//! No kernel, clock or file here (that is src/host/, in the binary), so all of it runs in ordinary tests.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod change;
mod compat;
pub mod counters;
pub mod digest;
pub mod dropin;
pub mod engine;
pub mod errors;
mod exposition;
mod flags;
pub mod http;
pub mod json;
pub mod memory;
mod metrics;
pub mod mountinfo;
pub mod once;
pub mod options;
mod pages;
pub mod place;
pub mod proc;
pub mod report;
pub mod signals;
mod status;
pub mod supervise;
pub mod target;
pub mod time;
