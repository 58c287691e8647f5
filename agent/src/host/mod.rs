//! Everything that touches the kernel: thin readers and writers around the library's decisions.

mod agent;
mod child;
pub mod clock;
pub mod commands;
mod events;
pub mod files;
mod gate;
mod health_call;
mod http_call;
pub mod layout;
pub mod log;
mod main_loop;
pub mod methods;
pub mod procfs;
mod random;
mod rights;
mod server;
mod state_file;
mod volume;
