//! Writes log lines to standard output. Each is one JSON object: time, level, msg (constant) and fields. A log line never
//! contains the content of a ConfigMap or Secret.

use agent::{json::Object, time::rfc3339};

/// A line that is being written.
pub struct Line(Object);

/// An expected event.
pub fn info(msg: &str) -> Line {
    line("info", msg)
}

/// A problem that a person should see; the agent continues.
pub fn warn(msg: &str) -> Line {
    line("warn", msg)
}

/// The agent could not follow its flags or its command.
pub fn error(msg: &str) -> Line {
    line("error", msg)
}

fn line(level: &str, msg: &str) -> Line {
    let time = rfc3339(super::clock::wall());
    Line(Object::new().string("time", &time).string("level", level).string("msg", msg))
}

impl Line {
    /// Adds a text.
    pub fn string(self, key: &str, value: &str) -> Line {
        Line(self.0.string(key, value))
    }

    /// Adds a number.
    pub fn number(self, key: &str, value: u64) -> Line {
        Line(self.0.number(key, value))
    }

    /// Writes the line. An error is ignored: the agent has no other place to report it.
    pub fn write(self) {
        let mut text = self.0.finish();
        text.push('\n');
        super::files::write_all(crate::runtime::stdout(), text.as_bytes()).ok();
    }
}
