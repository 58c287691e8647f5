//! Random input for the parts that others can reach: any bytes to the status port, any tree in a volume. The parsers'
//! property tests are beside them. `PROPTEST_CASES` says how many (Makefile).

extern crate alloc;

mod support;

/// The agent's own reader of volumes, which is part of the binary.
#[allow(dead_code, missing_docs)]
#[path = "../src/host"]
mod host {
    pub mod clock;
    pub mod files;
    pub mod random;
    pub mod volume {
        pub mod read;
        pub mod tree;
    }
}

#[allow(dead_code, missing_docs)]
#[path = "../src/runtime.rs"]
mod runtime;

use host::volume::read::read;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::{Agent, Root};

#[test]
fn any_bytes_to_the_port_get_an_answer_or_the_end() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]);
    let word = prop_oneof![
        Just("GET ".to_string()),
        Just("HEAD ".to_string()),
        Just("/status".to_string()),
        Just(" HTTP/1.1".to_string()),
        Just("\r\n".to_string()),
        Just("\r\n\r\n".to_string()),
        Just("\n".to_string()),
        "[a-zA-Z: /?%0-9]{0,40}",
    ];
    let words = proptest::collection::vec(word, 0..12).prop_map(|words| words.concat().into_bytes());
    let bytes = prop_oneof![4 => words, 1 => proptest::collection::vec(any::<u8>(), 0..5_000)];
    TestRunner::default()
        .run(&bytes, |bytes| {
            let mut stream = TcpStream::connect(("127.0.0.1", agent.port)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let _ = stream.write_all(&bytes);
            stream.shutdown(std::net::Shutdown::Write).unwrap_or_default();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            prop_assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 "), "{answer:?}");
            Ok(())
        })
        .unwrap();
    agent.reaches("loaded");
}

/// One step that makes a tree.
#[derive(Clone, Debug)]
enum Step {
    File(String, u8),
    Directory(String),
    Link(String, String),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = "[ab]{1,2}(/[ab]{1,2}){0,2}";
    let target = prop_oneof!["(\\.\\./|\\./|[ab]{1,2}/){0,4}[ab.]{1,2}", Just("/".into()), Just("/etc".into())];
    let step = prop_oneof![
        (path, 0u8..4).prop_map(|(path, content)| Step::File(path, content)),
        path.prop_map(Step::Directory),
        (path, target).prop_map(|(path, target)| Step::Link(path, target)),
    ];
    proptest::collection::vec(step, 0..10)
}

/// Makes the tree; a step that can't be made is left out, and so is one that would write through a symlink.
fn make(volume: &Path, steps: &[Step]) {
    for step in steps {
        let (Step::File(path, _) | Step::Directory(path) | Step::Link(path, _)) = step;
        let path = volume.join(path);
        let parent = path.parent().unwrap();
        let _ = fs::create_dir_all(parent);
        let is_real = parent.canonicalize().is_ok_and(|real| real == parent);
        if !is_real || fs::symlink_metadata(&path).is_ok() {
            continue;
        }
        let _ = match step {
            Step::File(_, content) => fs::write(&path, [*content]),
            Step::Directory(_) => fs::create_dir(&path),
            Step::Link(_, target) => symlink(target, &path),
        };
    }
}

/// A real file below a directory.
fn some_file(directory: &Path) -> Option<PathBuf> {
    fs::read_dir(directory).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() { some_file(&path) } else { kind.is_file().then_some(path) }
    })
}

#[test]
fn any_tree_is_read_without_leaving_the_volume() {
    // In memory: a disk would take minutes. The volume is deep enough that `../../..` stays in the test's own directory,
    // which has files of the same names.
    let base = Path::new("/dev/shm").join(format!("hotreload-fuzz-{}", std::process::id()));
    let (volume, key) = (base.join("a/b/a/b/volume"), [1, 2]);
    let digest =
        || read(volume.to_str().unwrap(), &[], key).map(|reading| reading.digest).map_err(|problem| problem.message);
    let outside = |content: &str| {
        for above in volume.ancestors().skip(1).take(4) {
            fs::create_dir_all(above).unwrap();
            ["aa", "ab", "ba", "bb"].iter().for_each(|name| fs::write(above.join(name), content).unwrap());
        }
    };
    TestRunner::default()
        .run(&steps(), |steps| {
            let _ = fs::remove_dir_all(&volume);
            fs::create_dir_all(&volume).unwrap();
            make(&volume, &steps);
            outside("1");
            let first = digest();
            prop_assert!(first.is_ok(), "{first:?}");
            outside("2");
            prop_assert_eq!(&digest(), &first, "something outside was read");
            if let Some(path) = some_file(&volume) {
                fs::write(&path, "changed").unwrap();
                prop_assert_ne!(&digest(), &first, "a change of {:?} was missed", path);
            }
            Ok(())
        })
        .unwrap();
    fs::remove_dir_all(base).unwrap();
}
