//! docs/agent.md and docs/errors.md name what the agent says.

use agent::errors::Code;

const ERRORS: &str = include_str!("../../docs/errors.md");
const DOCUMENT: &str = include_str!("../../docs/agent.md");

#[test]
fn every_code_is_explained() {
    for code in Code::ALL {
        assert!(ERRORS.contains(&format!("| `{}` | ", code.text())), "{}", code.text());
    }
}

#[test]
fn every_flag_of_watch_is_listed() {
    let source = include_str!("../src/options.rs");
    for flag in source.split('"').filter(|text| text.starts_with("--") && text.len() > 2 && !text.ends_with('-')) {
        let name = flag.split([' ', '=']).next().unwrap();
        assert!(DOCUMENT.contains(&format!("`{name}")), "{name}");
    }
}

#[test]
fn every_log_message_is_listed() {
    for source in [
        include_str!("../src/host/agent.rs"),
        include_str!("../src/host/reload.rs"),
        include_str!("../src/host/link.rs"),
        include_str!("../src/host/supervise.rs"),
    ] {
        for call in ["log::info(\"", "log::warn(\"", "log::error(\""] {
            for message in source.split(call).skip(1).map(|rest| rest.split('"').next().unwrap()) {
                assert!(DOCUMENT.contains(&format!("`{message}`")), "{message}");
            }
        }
    }
}
