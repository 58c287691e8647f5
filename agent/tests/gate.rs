//! The gate: what `gate` publishes before the program starts, and `watch` after that.

mod support;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use support::{Agent, BINARY, Program, Root, Running, eventually, free_port};

/// The flags of both commands: contents with the word `bad` are refused.
fn flags(root: &Root, mode: &str, volumes: &[&str]) -> Vec<String> {
    let script = format!("! grep -q bad {}/gate/*/candidate/*", root.path.display());
    let own = volumes.iter().flat_map(|volume| [format!("--volume={volume}"), format!("--gated={volume}")]);
    own.chain([format!("--gate={mode}"), format!("--validate=[\"sh\",\"-c\",\"{script}\"]"), "--reload=none".into()])
        .collect()
}

fn gate(root: &Root, flags: &[String]) -> Command {
    let mut command = Command::new(BINARY);
    command.arg("gate").args(flags).arg(format!("--port={}", free_port())).env("HOTRELOAD_ROOT", &root.path);
    command
}

#[track_caller]
fn opened(root: &Root, flags: &[String]) -> String {
    let Output { status, stdout, .. } = gate(root, flags).output().unwrap();
    let log = String::from_utf8(stdout).unwrap();
    assert!(status.success(), "{log}");
    log
}

fn watch(root: &Root, flags: &[String]) -> Agent {
    Agent::watch(root, &flags.iter().map(String::as_str).collect::<Vec<&str>>())
}

/// Every path below a directory: `dir`, `-> target`, or mode and content.
fn listing(directory: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![directory.to_path_buf()];
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()) {
            let stat = fs::symlink_metadata(&entry).unwrap();
            let what = if stat.is_symlink() {
                format!("-> {}", fs::read_link(&entry).unwrap().display())
            } else if stat.is_dir() {
                left.push(entry.clone());
                format!("dir {:o}", stat.permissions().mode() & 0o777)
            } else {
                format!("{:o} {}", stat.permissions().mode() & 0o777, fs::read_to_string(&entry).unwrap())
            };
            found.insert(entry.strip_prefix(directory).unwrap().display().to_string(), what);
        }
    }
    found
}

/// The same with one name for the generation, whatever it is.
fn normal(directory: &Path) -> BTreeMap<String, String> {
    let name = fs::read_link(directory.join("..data")).unwrap().display().to_string();
    listing(directory)
        .into_iter()
        .map(|(path, what)| (path.replace(&name, "GEN"), what.replace(&name, "GEN")))
        .collect()
}

#[test]
fn what_is_published_looks_as_the_kubelets_volume() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1"), ("sub/b", "2")]);
    fs::set_permissions(volume.path.join("a"), fs::Permissions::from_mode(0o440)).unwrap();
    // As the kubelet makes an emptyDir in a Pod with an fsGroup.
    fs::create_dir_all(root.join("gate/conf")).unwrap();
    chown(root.join("gate/conf"), None, Some(1234)).unwrap();
    fs::set_permissions(root.join("gate/conf"), fs::Permissions::from_mode(0o2777)).unwrap();
    let flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let groups = ["a", "sub/b"].map(|file| fs::metadata(root.join("gate/conf/published").join(file)).unwrap().gid());
    assert_eq!(groups, [1234, 1234]);
    let [published, candidate] = ["published", "candidate"].map(|part| root.join("gate/conf").join(part));
    assert_eq!(normal(&published), normal(&volume.path));
    assert_eq!(listing(&published), listing(&candidate));
    // ext4 writes a longer one to the disk at each swap.
    assert!(fs::read_link(published.join("..data")).unwrap().as_os_str().len() < 60);

    // Keys come and go, mount points stay.
    fs::create_dir(published.join("mounted")).unwrap();
    let agent = watch(&root, &flags);
    volume.swap(&[("c", "3"), ("sub/b", "4")]);
    eventually("it is published", || (root.read("gate/conf/published/c") == "3").then_some(()));
    agent.reaches("refreshed");
    let found = normal(&published);
    assert_eq!(
        found.keys().map(String::as_str).collect::<Vec<_>>(),
        ["..data", "GEN", "GEN/c", "GEN/sub", "GEN/sub/b", "c", "mounted", "sub"]
    );
}

#[test]
fn keys_that_the_programs_user_reads_through_others_or_not_at_all_stop_nothing() {
    let user = 65_533;
    let root = Root::new();
    let binary = root.join("hotreload-agent");
    fs::copy(BINARY, &binary).unwrap();
    let keys = [("a", "1"), ("group", "2"), ("locked", "3"), ("others", "4")];
    let volume = root.gated("conf", &keys);
    for (key, bits) in [("group", 0o044), ("locked", 0o600), ("others", 0o004)] {
        fs::set_permissions(volume.path.join(key), fs::Permissions::from_mode(bits)).unwrap();
    }
    fs::create_dir_all(root.join("gate/conf")).unwrap();
    chown(root.join("gate/conf"), Some(user), Some(user)).unwrap();
    fs::set_permissions(&root.path, fs::Permissions::from_mode(0o755)).unwrap();
    let start = || {
        let mut command = Command::new(&binary);
        command.arg("gate").args(["--volume=conf", "--gated=conf", "--gate=strict", "--validate=[\"true\"]"]);
        command.args(["--reload=none", &format!("--port={}", free_port())]).env("HOTRELOAD_ROOT", &root.path);
        Running(command.uid(user).gid(user).stdout(Stdio::null()).spawn().unwrap())
    };
    let mut first = start();
    eventually("the program can start", || first.has_ended().then_some(()));
    let published = || {
        keys.map(|(key, _)| {
            let path = root.join("gate/conf/published").join(key);
            (fs::read_to_string(&path).unwrap(), fs::metadata(&path).unwrap().permissions().mode() & 0o777)
        })
    };
    let before = published();
    assert_eq!(before.each_ref().map(|(_, bits)| *bits), [0o644, 0o444, 0, 0o404]);
    assert_eq!(before.each_ref().map(|(text, _)| text.as_str()), ["1", "2", "\0", "4"]);
    // It is the same content at the next start.
    let generation = fs::read_link(root.join("gate/conf/published/..data")).unwrap();
    let mut second = start();
    eventually("the program can start", || second.has_ended().then_some(()));
    assert_eq!(fs::read_link(root.join("gate/conf/published/..data")).unwrap(), generation);
}

#[test]
fn a_pod_that_must_wait_ends_once_and_starts_with_content_that_passes() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "bad")]);
    let flags = flags(&root, "strict", &["conf"]);
    let first = gate(&root, &flags).output().unwrap();
    assert_eq!(first.status.code(), Some(1));
    assert!(String::from_utf8(first.stdout).unwrap().contains("nothing is published yet"));
    let port = free_port();
    let start = || {
        let mut command = Command::new(BINARY);
        command.arg("gate").args(&flags).arg(format!("--port={port}")).env("HOTRELOAD_ROOT", &root.path);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    let mut waiting = Running(start());
    let get = || support::exchange(port, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n");
    let status = eventually("it answers", get);
    assert!(status.contains(r#""state":"held""#) && status.contains("HR_VALIDATION_FAILED"), "{status}");
    assert!(!waiting.has_ended() && !root.join("gate/conf/published/..data").exists());
    waiting.signal("TERM");
    eventually("it ends", || waiting.has_ended().then_some(()));
    let mut waiting = Running(start());
    eventually("it answers", get);
    volume.swap(&[("a", "good")]);
    assert!(waiting.0.wait().unwrap().success());
    assert_eq!(root.read("gate/conf/published/a"), "good");
}

#[test]
fn refused_content_is_published_where_there_is_nothing_else_and_judged_until_it_passes() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "bad")]);
    let flags = flags(&root, "publish", &["conf"]);
    assert!(opened(&root, &flags).contains("published, though it was refused"));
    let agent = watch(&root, &flags);
    agent.reaches("unproved");
    drop(agent);
    // What is published stays, also where the Pod's sandbox starts again.
    opened(&root, &flags);
    assert_eq!(root.read("gate/conf/published/a"), "bad");
    let agent = watch(&root, &flags);
    volume.swap(&[("a", "good")]);
    agent.reaches("refreshed");
    assert_eq!((root.read("gate/conf/published/a"), root.join("gate/conf/unproved").exists()), ("good".into(), false));
}

#[test]
fn a_refused_edit_stays_out_whoever_dies() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    volume.swap(&[("a", "bad")]);
    let status = agent.reaches("held");
    assert!(status.contains(r#""refusals":1"#) && status.contains("keeps what is published"), "{status}");
    assert!(agent.get("/metrics").unwrap().contains("hotreload_agent_held_seconds "));
    let is_old = || {
        let files = ["candidate", "published"].map(|part| root.read(&format!("gate/conf/{part}/a")));
        assert_eq!(files, ["1", "1"]);
    };
    is_old();
    agent.process.signal("KILL");
    drop(agent);
    opened(&root, &flags);
    is_old();
    let agent = watch(&root, &flags);
    agent.reaches("held");
    volume.swap(&[("a", "2")]);
    eventually("it is published", || (root.read("gate/conf/published/a") == "2").then_some(()));
    agent.reaches("refreshed");
    volume.swap(&[("a", "bad")]);
    agent.reaches("held");
    volume.swap(&[("a", "2")]);
    agent.reaches("refreshed");
    assert_eq!(agent.field("validationsPassed"), "1", "content that is published is not judged again");
}

#[test]
fn an_approval_names_the_content_that_it_lets_in() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let approvals = root.volume_at("approve", &[("approve", "")]);
    let flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    volume.swap(&[("a", "bad")]);
    agent.reaches("held");
    let held = agent.status().split_once(r#""held":{"sha256":""#).unwrap().1[..64].to_string();
    approvals.swap(&[("approve", &format!("other@{held},conf@{held}"))]);
    eventually("it is published", || (root.read("gate/conf/published/a") == "bad").then_some(()));
    agent.reaches("refreshed");
    volume.swap(&[("a", "bad, too")]);
    agent.reaches("held");
    assert_eq!(root.read("gate/conf/published/a"), "bad");
}

#[test]
fn an_answer_that_changes_is_heard_without_an_edit() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let nudges = root.volume_at("approve", &[("approve", ""), ("nudge", "1")]);
    let secret = root.volume("tls", &[("key", "1")]);
    let name = root.join("name");
    fs::write(&name, "").unwrap();
    let flags = [
        "--volume=conf".into(),
        "--secret-volume=tls".into(),
        "--gated=conf".into(),
        "--gate=strict".into(),
        format!("--validate=[\"test\",\"-e\",\"{}\"]", name.display()),
        "--reload=none".into(),
    ];
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    fs::remove_file(&name).unwrap();
    volume.swap(&[("a", "2")]);
    agent.reaches("held");
    // More answers than the retries after 10 s, 30 s and 1 min could have asked for.
    let asked = || agent.log().matches(r#""msg":"refused""#).count();
    for number in ["2", "3", "4", "5"] {
        let nudge: &dyn Fn() = &|| nudges.swap(&[("approve", ""), ("nudge", number)]);
        for change in [nudge, &|| secret.swap(&[("key", number)])] {
            let before = asked();
            change();
            eventually("it is asked again", || (asked() > before).then_some(()));
        }
    }
    fs::write(&name, "").unwrap();
    nudges.swap(&[("approve", ""), ("nudge", "6")]);
    agent.reaches("refreshed");
    assert_eq!(root.read("gate/conf/published/a"), "2");
}

#[test]
fn content_that_comes_during_a_judgement_gets_its_own() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let (path, go) = (root.path.display(), root.join("go"));
    let script = format!(
        "echo >> {path}/asked; until [ -e {path}/go ]; do sleep 0.01; done; ! grep -q bad {path}/gate/conf/candidate/a"
    );
    let flags = ["--volume=conf", "--gated=conf", "--gate=strict", "--reload=none"];
    let validate = format!("--validate=[\"sh\",\"-c\",\"{script}\"]");
    let flags: Vec<String> = flags.map(String::from).into_iter().chain([validate]).collect();
    fs::write(&go, "").unwrap();
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    let edit_during_a_judgement = |first: &str, second: &str| {
        fs::remove_file(&go).unwrap();
        let before = root.read("asked");
        volume.swap(&[("a", first)]);
        eventually("the validator runs", || (root.read("asked") != before).then_some(()));
        volume.swap(&[("a", second)]);
        fs::write(&go, "").unwrap();
    };
    edit_during_a_judgement("2", "bad");
    agent.reaches("held");
    assert_eq!(root.read("gate/conf/published/a"), "2", "it has passed");
    edit_during_a_judgement("bad again", "3");
    agent.reaches("refreshed");
    assert_eq!(root.read("gate/conf/published/a"), "3");
    assert_eq!(agent.log().matches(r#""msg":"published""#).count(), 2);
}

#[test]
fn of_two_edited_volumes_the_good_one_is_published_and_a_secret_does_not_wait() {
    let root = Root::new();
    let [one, two] = ["one", "two"].map(|name| root.gated(name, &[("a", "1")]));
    let secret = root.volume("tls", &[("key", "1")]);
    let mut flags = flags(&root, "publish", &["one", "two"]);
    opened(&root, &flags);
    let name = root.name("gs");
    let program = Program::reloading(&root, &name);
    flags.pop();
    flags.extend([
        "--secret-volume=tls".into(),
        "--reload=signal".into(),
        "--signal=HUP".into(),
        format!("--process={name}"),
    ]);
    let agent = watch(&root, &flags);
    one.swap(&[("a", "bad")]);
    two.swap(&[("a", "2")]);
    eventually("the program reloads", || (program.signals() == 1).then_some(()));
    agent.reaches("held");
    assert_eq!(agent.field("reloadState"), "signalled", "the other volume's content");
    assert_eq!([root.read("gate/one/published/a"), root.read("gate/two/published/a")], ["1", "2"]);
    secret.swap(&[("key", "2")]);
    eventually("the program reloads", || (program.signals() == 2).then_some(()));
}

#[test]
fn an_edit_does_not_wait_for_a_proof_that_may_never_come() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "0")]);
    let mut flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let name = root.name("gp");
    let program = Program::reloading(&root, &name);
    flags.pop();
    flags.extend(["--reload=signal", "--signal=HUP", "--confirm=workers"].map(String::from));
    flags.push(format!("--process={name}"));
    let agent = watch(&root, &flags);
    let mut edits = 0;
    // On a machine that stands still for ten seconds in between, the time for the proof is over first.
    eventually("the program has the next edit at once", || {
        edits += 1;
        volume.swap(&[("a", &edits.to_string())]);
        eventually("the program reloads", || (program.signals() == edits).then_some(()));
        let log = agent.log();
        (0..9).any(|seconds| log.contains(&format!(" {seconds} s after SIGHUP"))).then_some(())
    });
}

#[test]
fn a_reload_command_finds_what_the_program_has() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let path = root.path.display();
    let script = format!("cat {path}/gate/conf/candidate/a >> {path}/seen");
    let mut flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    flags.pop();
    flags.extend([
        "--reload=exec".into(),
        format!("--command=[\"sh\",\"-c\",\"{script}\"]"),
        "--secret-volume=tls".into(),
    ]);
    let secret = root.volume("tls", &[("key", "1")]);
    let agent = watch(&root, &flags);
    volume.swap(&[("a", "2")]);
    agent.reaches("loaded");
    eventually("the command runs", || (root.read("seen") == "2").then_some(()));
    volume.swap(&[("a", "bad")]);
    agent.reaches("held");
    secret.swap(&[("key", "2")]);
    eventually("the command runs", || (root.read("seen") == "22").then_some(()));
}

#[test]
fn copies_show_what_is_published_and_the_validator_sees_its_own() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    // `link` sees the kubelet's volume at the path where programs see what is published.
    fs::create_dir_all(root.join("vol")).unwrap();
    symlink(root.join("live/conf"), root.join("vol/conf")).unwrap();
    let copy = "--copy=/etc/app/a:conf/a".to_string();
    let linked = Command::new(BINARY).args(["link", "--gated=conf", &copy]).env("HOTRELOAD_ROOT", &root.path).status();
    assert!(linked.unwrap().success());
    fs::remove_file(root.join("vol/conf")).unwrap();
    let script = format!("! grep -q bad {}/copy/.candidate/etc/app/a", root.path.display());
    let flags = [
        "--volume=conf".into(),
        "--gated=conf".into(),
        "--gate=strict".into(),
        format!("--validate=[\"sh\",\"-c\",\"{script}\"]"),
        "--reload=none".into(),
        copy,
    ];
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    volume.swap(&[("a", "bad")]);
    agent.reaches("held");
    let files = || [root.read("copy/.candidate/etc/app/a"), root.read("copy/etc/app/a")];
    assert_eq!(files(), ["1", "1"]);
    volume.swap(&[("a", "2")]);
    agent.reaches("refreshed");
    assert_eq!(files(), ["2", "2"]);
}

#[test]
fn on_a_full_disk_nothing_is_published_and_what_was_there_stays_whole() {
    let root = Root::new();
    let large = "x".repeat(200 << 10);
    let volume = root.gated("conf", &[("a", "1")]);
    fs::create_dir_all(root.join("gate/conf")).unwrap();
    let port = free_port();
    let flags = flags(&root, "strict", &["conf"]).iter().map(|flag| format!("'{flag}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "mount -t tmpfs -o size=128k none {root}/gate/conf && {BINARY} gate {flags} && exec {BINARY} watch {flags} --port={port}",
        root = root.path.display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", &script]).env("HOTRELOAD_ROOT", &root.path).stdout(Stdio::null());
    let agent = Running(command.spawn().unwrap());
    let get = || support::exchange(port, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("it answers", get);
    let content = format!("/proc/{}/root{}/gate/conf/published/a", agent.pid(), root.path.display());
    volume.swap(&[("a", &large)]);
    eventually("it says so", || {
        get().filter(|status| status.contains(r#""state":"retrying""#) && status.contains("HR_GATE_FULL"))
    });
    assert_eq!(fs::read_to_string(&content).unwrap(), "1");
    volume.swap(&[("a", "2")]);
    eventually("it is published", || (fs::read_to_string(&content).unwrap_or_default() == "2").then_some(()));
}

/// As the kubelet does it after an update that failed on a full disk; see tests/hostile.rs.
#[test]
fn a_gated_volume_that_the_kubelet_removed_is_reported_and_the_program_keeps_what_is_published() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let keeper = Running(Command::new("sleep").arg("60").current_dir(&volume.path).spawn().unwrap());
    fs::rename(root.join("live"), root.join("kubelet")).unwrap();
    fs::create_dir(root.join("live")).unwrap();
    symlink(format!("/proc/{}/cwd/.", keeper.pid()), root.join("live/conf")).unwrap();
    let flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    fs::remove_dir_all(root.join("kubelet/conf")).unwrap();
    assert!(agent.reaches("removed").contains("HR_VOLUME_REMOVED"));
    assert_eq!(root.read("gate/conf/published/a"), "1");
}

#[test]
fn refused_content_makes_room_for_what_the_program_has() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let directory = root.join("gate/conf");
    fs::create_dir_all(&directory).unwrap();
    // Another writer fills the disk during the judgement.
    let (port, conf) = (free_port(), directory.display());
    let validate = format!("! grep -q bad {conf}/candidate/a || {{ cat /dev/zero 2>/dev/null >{conf}/other; false; }}");
    let flags =
        format!(r#"--volume=conf --gated=conf --gate=strict --reload=none '--validate=["sh","-c","{validate}"]'"#);
    let script = format!(
        "mount -t tmpfs -o size=128k none {conf} && {BINARY} gate {flags} && exec {BINARY} watch {flags} --port={port}"
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", &script]).env("HOTRELOAD_ROOT", &root.path).stdout(Stdio::null());
    let agent = Running(command.spawn().unwrap());
    let get = || support::exchange(port, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n");
    eventually("it answers", get);
    volume.swap(&[("a", "bad")]);
    eventually("it is held", || get().filter(|status| status.contains(r#""state":"held""#)));
    let files = ["candidate", "published"]
        .map(|part| fs::read_to_string(format!("/proc/{}/root{conf}/{part}/a", agent.pid())).unwrap());
    assert_eq!(files, ["1", "1"]);
}

/// The kubelet starts the command again after it has ended.
#[test]
fn a_pod_without_room_for_its_first_content_ends_once_and_says_so_while_it_waits() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", &"x".repeat(200 << 10))]);
    fs::create_dir_all(root.join("gate/conf")).unwrap();
    let port = free_port();
    let flags = flags(&root, "publish", &["conf"]).iter().map(|flag| format!("'{flag}'")).collect::<Vec<_>>().join(" ");
    let gate = format!("{BINARY} gate {flags} --port={port}");
    let script = format!(
        "mount -t tmpfs -o size=128k none {root}/gate/conf; ! {gate} > {root}/first; exec {gate} > {root}/second",
        root = root.path.display()
    );
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-ec", &script]).env("HOTRELOAD_ROOT", &root.path);
    let mut waiting = Running(command.spawn().unwrap());
    let get = || support::exchange(port, b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n");
    let status = eventually("it answers in its second run", || get().filter(|_| root.join("second").exists()));
    assert!(status.contains(r#""state":"error""#) && status.contains("HR_GATE_FULL"), "{status}");
    for log in ["first", "second"].map(|run| root.read(run)) {
        assert!(log.contains("the app has to wait") && log.contains("HR_GATE_FULL"), "{log}");
    }
    assert!(!waiting.has_ended());
    volume.swap(&[("a", "1")]);
    assert!(waiting.0.wait().unwrap().success());
}

#[test]
fn a_pod_whose_volume_can_not_be_read_ends_once_and_says_so() {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    fs::remove_dir_all(&volume.path).unwrap();
    let mut command = gate(&root, &flags(&root, "publish", &["conf"]));
    let mut first = Running(command.stdout(fs::File::create(root.join("log")).unwrap()).spawn().unwrap());
    eventually("it ends", || first.has_ended().then_some(()));
    let log = root.read("log");
    assert!(log.contains("the app has to wait") && log.contains("HR_VOLUME_"), "{log}");
}

/// The kubelet removes what the gate reads, where two edits come one after the other.
#[test]
fn a_swap_while_the_gate_reads_is_no_problem() {
    let root = Root::new();
    let keys: Vec<String> = (0..120).map(|key| key.to_string()).collect();
    let volume = root.gated("conf", &keys.iter().map(|key| (key.as_str(), "0")).collect::<Vec<_>>());
    let flags = flags(&root, "strict", &["conf"]);
    opened(&root, &flags);
    let agent = watch(&root, &flags);
    let mut before = fs::read_link(volume.path.join("..data")).unwrap();
    for round in 1..=8 {
        let edits = ["first", "last"].map(|edit| {
            let directory = volume.path.join(format!("..{edit}.{round}"));
            fs::create_dir(&directory).unwrap();
            keys.iter().for_each(|key| fs::write(directory.join(key), format!("{edit} {round}")).unwrap());
            directory
        });
        let [first, last] = &edits;
        for directory in [first, last] {
            symlink(directory.file_name().unwrap(), volume.path.join("..data_tmp")).unwrap();
            fs::rename(volume.path.join("..data_tmp"), volume.path.join("..data")).unwrap();
            std::thread::sleep(std::time::Duration::from_micros(250 * round));
        }
        fs::remove_dir_all(first).unwrap();
        fs::remove_dir_all(volume.path.join(&before)).unwrap();
        before = last.clone();
        let last = format!("last {round}");
        eventually("it is published", || (root.read("gate/conf/published/0") == last).then_some(()));
    }
    assert!(!agent.log().contains("HR_VOLUME_UNREADABLE"), "{}", agent.log());
}
