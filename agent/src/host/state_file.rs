//! The file with the agent's saved state. It is in an emptyDir, so it outlives the container but not the Pod.

use super::random::random;
use super::{files, log};
use agent::saved_state::SavedState;
use alloc::string::String;
use rustix::fs::Mode;
use rustix::io::Errno;

/// A few volumes with a line each.
const STATE_MAX_BYTES: usize = 64 << 10;

/// The state, and its file.
pub struct StateFile {
    path: String,
    written: Option<String>,
    /// The state; `save` writes it.
    pub state: SavedState,
}

impl StateFile {
    /// Opens the file; whether it had a state. Without one, the state is new.
    pub fn open(path: String) -> (StateFile, bool) {
        let written = files::read_own(&path, STATE_MAX_BYTES).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let saved = written.as_deref().and_then(SavedState::parse);
        let had_state = saved.is_some();
        let state = saved.unwrap_or_else(|| SavedState { key: random(), ..SavedState::default() });
        (StateFile { path, written, state }, had_state)
    }

    /// Writes the state if it changed. The agent works without the file: its next start then takes the content that it
    /// finds as loaded.
    pub fn save(&mut self) {
        let text = self.state.text();
        if self.written.as_deref() == Some(&text) {
            return;
        }
        match files::replace(&self.path, text.as_bytes(), Mode::from_raw_mode(0o600)) {
            Ok(()) => self.written = Some(text),
            // An agent in place of another sidecar has no directory for it.
            Err(Errno::NOENT) => {}
            Err(error) => {
                log::warn("could not save state")
                    .string("file", &self.path)
                    .string("error", &files::describe(error))
                    .write();
            }
        }
    }
}
