//! docs/errors.md explains every code, docs/agent.md every flag and every log message.

use agent::errors::Code;
use std::fs;
use std::path::Path;

const ERRORS: &str = include_str!("../../docs/errors.md");
const DOCUMENT: &str = include_str!("../../docs/agent.md");

fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match fs::read_to_string(&path) {
            Ok(source) => text.push_str(&source),
            Err(_) => sources(&path, text),
        }
    }
}

#[test]
fn every_code_is_explained() {
    for code in Code::ALL {
        assert!(ERRORS.contains(&format!("| `{}` | ", code.text())), "{}", code.text());
    }
}

#[test]
fn every_flag_of_watch_is_listed() {
    let source = include_str!("../src/options/watch.rs");
    let is_flag = |text: &&str| text.starts_with("--") && !text.ends_with('-') && !text.contains([' ', '=']);
    let flags: Vec<&str> = source.split('"').filter(is_flag).collect();
    assert!(flags.len() > 20);
    for flag in flags {
        assert!(DOCUMENT.contains(&format!("`{flag}=")), "{flag}");
    }
}

#[test]
fn every_log_message_is_listed() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    for call in ["log::info(\"", "log::warn(\"", "log::error(\""] {
        for message in text.split(call).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(DOCUMENT.contains(&format!("`{message}`")), "{message}");
        }
    }
}
