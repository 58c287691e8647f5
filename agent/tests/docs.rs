//! docs/errors.md explains every code, docs/agent.md every flag, log message, metric, counter and state.

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

#[test]
fn the_metrics_are_those_of_the_table() {
    let words: Vec<&str> = include_str!("../src/report/metrics.rs").split('"').collect();
    let mut metrics: Vec<(&str, &str)> = words
        .windows(3)
        .filter(|words| words[1].trim() == "," && ["counter", "gauge"].contains(&words[2]))
        .map(|words| (words[0], words[2]))
        .collect();
    let mut documented: Vec<(&str, &str)> = DOCUMENT
        .lines()
        .filter_map(|line| line.strip_prefix("| `hotreload_agent_"))
        .map(|row| (row.split(['`', '{']).next().unwrap(), row.split(" | ").nth(1).unwrap()))
        .collect();
    assert!(metrics.len() > 10);
    metrics.sort_unstable();
    documented.sort_unstable();
    assert_eq!(metrics, documented);
}

#[test]
fn every_field_of_status_is_listed() {
    let source = include_str!("../src/report/status.rs");
    for call in [".string(\"", ".number(\"", ".boolean(\"", ".optional(\"", ".raw(\""] {
        for field in source.split(call).skip(1).map(|rest| rest.split('"').next().unwrap()) {
            assert!(DOCUMENT.contains(&format!("`{field}`")) || DOCUMENT.contains(&format!("`{field}[]`")), "{field}");
        }
    }
}

#[test]
fn every_state_is_listed() {
    let source = include_str!("../src/report/mod.rs");
    let states: Vec<&str> = source.split("=> \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(states.len() > 10);
    for state in states {
        assert!(
            DOCUMENT.lines().any(|line| line.starts_with("| `") && line.contains(&format!("`{state}`"))),
            "{state}"
        );
    }
}
