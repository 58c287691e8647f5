//! Log lines: one JSON object a line on standard output: time, level, msg (constant) and fields.
//! Never the content of a ConfigMap or Secret.

use agent::{json::Object, time::rfc3339};

/// A line being written.
pub struct Line(Object);

/// Something happened as it should.
pub fn info(msg: &str) -> Line {
    line("info", msg)
}

/// Something to look at; the agent goes on as asked.
pub fn warn(msg: &str) -> Line {
    line("warn", msg)
}

/// Something asked for could not be done.
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

    /// Writes the line; one that can't be written is lost, the agent is not.
    pub fn write(self) {
        let mut text = self.0.finish();
        text.push('\n');
        super::files::write_all(crate::runtime::stdout(), text.as_bytes()).ok();
    }
}
