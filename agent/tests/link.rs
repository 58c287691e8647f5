//! The commands `install` and `link`, and the subPath files that `watch` refreshes.

mod support;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, lchown, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use support::{Agent, BINARY, Root, Running, calm, eventually};

fn link(root: &Root, args: &[String]) -> Output {
    Command::new(BINARY).arg("link").args(args).env("HOTRELOAD_ROOT", &root.path).output().unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// A directory like those of images, with files of every kind.
fn image(root: &Root) -> String {
    let directory = root.join("image/etc/app");
    fs::create_dir_all(directory.join("conf.d")).unwrap();
    for (name, content, bits) in
        [("app.yaml", "from the image", 0o640), ("run", "#!/bin/sh", 0o4755), ("conf.d/x", "x", 0o400)]
    {
        fs::write(directory.join(name), content).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(bits)).unwrap();
    }
    symlink("conf.d/x", directory.join("link")).unwrap();
    symlink("/nowhere", directory.join("dangling")).unwrap();
    fs::set_permissions(directory.join("conf.d"), fs::Permissions::from_mode(0o1750)).unwrap();
    assert!(
        Command::new("touch")
            .args(["-d", "2020-01-02 03:04:05", "run", "conf.d", "."])
            .current_dir(&directory)
            .status()
            .unwrap()
            .success()
    );
    directory.to_str().unwrap().into()
}

#[test]
fn install_replaces_the_file_in_one_step() {
    let root = Root::new();
    let file = root.join("bin");
    fs::write(&file, "old").unwrap();
    let status = Command::new(BINARY).arg("install").arg(&file).status().unwrap();
    assert!(status.success() && mode(&file) == 0o755);
    assert_eq!(fs::read(&file).unwrap(), fs::read(BINARY).unwrap());
    let failed = Command::new(BINARY).args(["install", "/nowhere/bin"]).output().unwrap();
    assert_eq!(failed.status.code(), Some(1));
    let log = String::from_utf8(failed.stdout).unwrap();
    assert!(log.contains("no such file or directory") && log.contains("HR_INSTALL_FAILED"), "{log}");
}

#[test]
fn the_container_that_installs_idles_until_it_is_stopped() {
    let mut idle = Running(Command::new(BINARY).arg("idle").spawn().unwrap());
    eventually("it is ready for the signal", || {
        let status = fs::read_to_string(format!("/proc/{}/status", idle.pid())).unwrap();
        let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap();
        (u64::from_str_radix(blocked, 16).unwrap() & 1 << 14 != 0).then_some(())
    });
    assert!(!idle.has_ended());
    idle.signal("TERM");
    assert_eq!(idle.0.wait().unwrap().code(), Some(0));
}

#[test]
fn the_parent_is_like_the_images_and_the_file_follows_the_volume() {
    let root = Root::new();
    let volume = root.volume("conf", &[("app.yaml", "1"), ("sub/a", "s")]);
    let parent = image(&root);
    let args = [
        format!("--parent={parent}"),
        format!("--symlink={parent}/app.yaml:conf/app.yaml"),
        format!("--symlink={parent}/conf.d/sub:conf/sub"),
        format!("--symlink={parent}/new/deep.yaml:conf/app.yaml"),
    ];
    for run in ["first", "again"] {
        let output = link(&root, &args);
        assert!(output.status.success(), "{run}: {output:?}");
        let copy = root.join(&format!("dir{parent}"));
        assert_eq!(fs::read_to_string(copy.join("app.yaml")).unwrap(), "1");
        assert_eq!(fs::read_to_string(copy.join("conf.d/sub/a")).unwrap(), "s");
        assert_eq!(
            (mode(&copy.join("run")), mode(&copy.join("conf.d")), mode(&copy.join("conf.d/x"))),
            (0o4755, 0o1750, 0o400)
        );
        assert_eq!(fs::metadata(copy.join("run")).unwrap().mtime(), 1_577_934_245);
        assert_eq!(fs::read_link(copy.join("link")).unwrap(), Path::new("conf.d/x"));
        assert_eq!(fs::read_link(copy.join("dangling")).unwrap(), Path::new("/nowhere"));
    }
    volume.swap(&[("app.yaml", "2"), ("sub/a", "s")]);
    assert_eq!(fs::read_to_string(root.join(&format!("dir{parent}/app.yaml"))).unwrap(), "2");
}

/// As in a container that drops ALL and adds CHOWN: the agent gets no more.
#[test]
fn without_the_right_to_change_others_files_the_parent_is_like_the_images() {
    let root = Root::new();
    let parent = image(&root);
    for name in [".", "conf.d", "conf.d/x", "app.yaml"] {
        chown(Path::new(&parent).join(name), Some(101), Some(102)).unwrap();
    }
    lchown(Path::new(&parent).join("link"), Some(101), Some(102)).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--inh-caps=-fowner", "--bounding-set=-fowner", BINARY, "link", &format!("--parent={parent}")]);
    let output = command.env("HOTRELOAD_ROOT", &root.path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let attributes = |file: &Path| {
        let found = fs::symlink_metadata(file).unwrap();
        (found.uid(), found.gid(), found.mode(), found.mtime())
    };
    for name in [".", "conf.d", "conf.d/x", "app.yaml", "link", "run"] {
        let copy = root.join(&format!("dir{parent}")).join(name);
        assert_eq!(attributes(&copy), attributes(&Path::new(&parent).join(name)), "{name}");
    }
}

#[test]
fn a_parent_that_the_image_does_not_have_is_empty() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    assert!(link(&root, &["--parent=/no/such/dir".into(), "--symlink=/no/such/dir/a:conf/a".into()]).status.success());
    assert_eq!(mode(&root.join("dir/no/such/dir")), 0o755);
    assert_eq!(root.read("dir/no/such/dir/a"), "1");
}

#[test]
fn mount_points_below_the_parent_are_created_but_not_copied() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let parent = image(&root);
    fs::write(root.join("other"), "mounted").unwrap();
    // A mount namespace of its own, with a file and a directory mounted below the parent.
    let script = format!(
        "mount -t tmpfs none {parent}/conf.d && echo secret > {parent}/conf.d/in && mount --bind {other} {parent}/run && exec {BINARY} link --parent={parent}",
        other = root.join("other").display()
    );
    let output =
        Command::new("unshare").args(["-m", "sh", "-ec", &script]).env("HOTRELOAD_ROOT", &root.path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let copy = root.join(&format!("dir{parent}"));
    assert_eq!(fs::read_dir(copy.join("conf.d")).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(copy.join("run")).unwrap(), "");
    assert_eq!(fs::read_to_string(copy.join("app.yaml")).unwrap(), "from the image");
}

#[test]
fn copies_have_content_and_mode() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    fs::set_permissions(volume.path.join("a"), fs::Permissions::from_mode(0o440)).unwrap();
    assert!(link(&root, &["--copy=/app/a.yaml:conf/a".into(), "--copy=/app/b:conf/missing".into()]).status.success());
    assert_eq!((root.read("copy/app/a.yaml").as_str(), mode(&root.join("copy/app/a.yaml"))), ("1", 0o440));
    assert!(!root.join("copy/app/b").exists());
}

#[test]
fn a_copy_of_another_users_file_is_its_owners_alone() {
    let (user, group) = (65_533, 4321);
    let root = Root::new();
    let volume = root.volume("tls", &[("tls.key", "key"), ("public", "1"), ("own", "o")]);
    for (name, bits) in [("tls.key", 0o440), ("public", 0o644), ("own", 0o440)] {
        fs::set_permissions(volume.path.join(name), fs::Permissions::from_mode(bits)).unwrap();
        chown(volume.path.join(name), Some(0), Some(group)).unwrap();
    }
    chown(volume.path.join("own"), Some(user), Some(group)).unwrap();
    fs::create_dir_all(root.join("copy")).unwrap();
    chown(root.join("copy"), Some(user), Some(group)).unwrap();
    fs::set_permissions(&root.path, fs::Permissions::from_mode(0o755)).unwrap();
    let names = ["tls.key", "public", "own"];
    let output = Command::new(copied_binary(&root))
        .arg("link")
        .args(names.map(|name| format!("--copy=/etc/{name}:tls/{name}")))
        .env("HOTRELOAD_ROOT", &root.path)
        .uid(user)
        .gid(group)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(names.map(|name| mode(&root.join(&format!("copy/etc/{name}")))), [0o400, 0o600, 0o440]);
}

/// The agent's program at a path that every user can reach.
fn copied_binary(root: &Root) -> std::path::PathBuf {
    let path = root.join("hotreload-agent");
    fs::copy(BINARY, &path).unwrap();
    path
}

#[test]
fn errors_are_reported() {
    let root = Root::new();
    let output = link(&root, &["--parent=etc".into()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("HR_BAD_OPTION"));
    fs::write(root.join("file"), "").unwrap();
    let output = link(&root, &[format!("--parent={}", root.join("file").display())]);
    let log = String::from_utf8(output.stdout).unwrap();
    assert!(log.contains("not a directory") && log.contains("HR_LINK_FAILED"), "{log}");
}

const WATCH: [&str; 4] = ["--link=once", "--container=web", "--volume=conf", "--reload=none"];

/// The hook of the agent's container.
fn hook(root: &Root) -> Running {
    Running(Command::new(BINARY).args(["link", "--await=web"]).env("HOTRELOAD_ROOT", &root.path).spawn().unwrap())
}

#[test]
fn the_agent_links_once_and_its_hook_waits_for_that() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let parent = image(&root);
    let flags =
        [format!("--parent={parent}"), format!("--symlink={parent}/app.yaml:conf/a"), "--copy=/app/a:conf/a".into()];
    let args: Vec<&str> = WATCH.into_iter().chain(flags.iter().map(String::as_str)).collect();
    let mut early = hook(&root);
    calm();
    assert!(!early.has_ended(), "nothing is linked");
    let agent = Agent::watch(&root, &args);
    eventually("the hook ends", || early.has_ended().then_some(()));
    assert!(early.0.wait().unwrap().success());
    let copied = root.join(&format!("dir{parent}/run"));
    assert_eq!((root.read(&format!("dir{parent}/app.yaml")).as_str(), mode(&copied)), ("1", 0o4755));
    assert!(agent.status().contains("\"state\":\"refreshed\"") || agent.status().contains("\"state\":\"loaded\""));

    // By now the app runs. It has changed a file of the directory, and its mount of the copy is the file's inode.
    fs::write(&copied, "changed by the app").unwrap();
    let inode = fs::metadata(root.join("copy/app/a")).unwrap().ino();
    drop(agent);
    volume.swap(&[("a", "2")]);
    let _again = Agent::watch(&root, &args);
    assert!(hook(&root).0.wait().unwrap().success());
    eventually("the change is there", || (root.read("copy/app/a") == "2").then_some(()));
    assert_eq!(fs::metadata(root.join("copy/app/a")).unwrap().ino(), inode);
    assert_eq!(fs::read_to_string(&copied).unwrap(), "changed by the app");
}

#[test]
fn a_stop_that_comes_while_the_agent_links_is_heard() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let parent = root.join("image");
    fs::create_dir(&parent).unwrap();
    (0..3_000).for_each(|number| fs::write(parent.join(number.to_string()), "x").unwrap());
    // As in a container: the kernel drops a signal that PID 1 neither handles nor blocks.
    let mut command = Command::new("unshare");
    command.args(["--pid", "--fork", "--kill-child", BINARY, "watch"]).args(WATCH);
    command.arg(format!("--parent={}", parent.display())).env("HOTRELOAD_ROOT", &root.path);
    let mut agent = Running(command.spawn().unwrap());
    eventually("it links", || root.join(&format!("dir{}", parent.display())).exists().then_some(()));
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", agent.pid())).unwrap();
    assert!(Command::new("kill").arg("-TERM").args(children.split_whitespace()).status().unwrap().success());
    eventually("it ends", || agent.has_ended().then_some(()));
}

/// The copies of a Secret are in memory; the agent's state is on the node's disk.
#[test]
fn after_a_reboot_of_the_node_the_copies_are_there_again_before_the_app_starts() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let args = ["--link=once", "--container=web", "--reload=none", "--secret-volume=conf", "--copy=/app/a:conf/a"];
    let first = Agent::watch(&root, &args);
    assert!(hook(&root).0.wait().unwrap().success());
    drop(first);
    fs::remove_dir_all(root.join("copy")).unwrap();
    fs::create_dir(root.join("copy")).unwrap();
    let mut early = hook(&root);
    calm();
    assert!(!early.has_ended(), "nothing is linked");
    let _again = Agent::watch(&root, &args);
    assert!(early.0.wait().unwrap().success());
    assert_eq!(root.read("copy/app/a"), "1");
}

#[test]
fn an_agent_without_copies_links_once_too() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    fs::remove_dir(root.join("copy")).unwrap();
    let args = [&WATCH[..], &["--parent=/no/dir", "--symlink=/no/dir/a:conf/a"]].concat();
    for runs in ["first", "again"] {
        let agent = Agent::watch(&root, &args);
        assert!(hook(&root).0.wait().unwrap().success());
        assert_eq!(root.read("dir/no/dir/a"), "1");
        assert_eq!(agent.log().contains("\"msg\":\"linked\""), runs == "first");
    }
}

#[test]
fn an_agent_that_can_not_link_ends_and_the_next_one_links() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let mut waiting = hook(&root);
    fs::write(root.join("copy/app"), "in the way").unwrap();
    let watch = || {
        let mut command = Command::new(BINARY);
        command.arg("watch").args(WATCH).arg("--copy=/app/a:conf/a").env("HOTRELOAD_ROOT", &root.path);
        command.output().unwrap()
    };
    let ended = watch();
    let log = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{log}");
    assert!(log.contains("HR_LINK_FAILED") && log.contains("/app/a: not prepared: "), "{log}");
    calm();
    assert!(!waiting.has_ended());
    fs::remove_file(root.join("copy/app")).unwrap();
    let _agent = Agent::watch(&root, &[&WATCH[..], &["--copy=/app/a:conf/a"]].concat());
    assert!(waiting.0.wait().unwrap().success());
    assert_eq!(root.read("copy/app/a"), "1");
}

#[test]
fn an_agent_with_a_bad_option_does_not_let_the_app_start() {
    let root = Root::new();
    let args = ["watch", "--link=once", "--container=web", "--reload=none", "--oops=1"];
    let ended = Command::new(BINARY).args(args).env("HOTRELOAD_ROOT", &root.path).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8(ended.stdout).unwrap().contains("HR_BAD_OPTION"));
}

#[test]
fn the_agent_gives_up_the_rights_that_only_linking_needs() {
    let root = Root::new();
    root.volume("conf", &[("a", "1")]);
    let capabilities = |agent: &Agent| {
        let status = fs::read_to_string(format!("/proc/{}/status", agent.process.pid())).unwrap();
        let lines = status.lines().filter_map(|line| line.strip_prefix("Cap")?.split_once(":\t"));
        lines.map(|(set, mask)| (set.to_string(), u64::from_str_radix(mask, 16).unwrap())).collect::<Vec<_>>()
    };
    const KILL: u64 = 1 << 5;
    let before = capabilities(&Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]));
    let had = before.iter().find(|(set, _)| set == "Prm").unwrap().1;
    assert!(had & !KILL != 0, "the test needs more rights than KILL");
    let linked = capabilities(&Agent::watch(&root, &[&WATCH[..], &["--copy=/app/a:conf/a"]].concat()));
    let only_kill = |set: &str| if ["Prm", "Eff", "Bnd"].contains(&set) { KILL } else { 0 };
    assert_eq!(linked, before.into_iter().map(|(set, _)| (set.clone(), only_kill(&set))).collect::<Vec<_>>());
}

#[test]
fn watch_refreshes_copies_in_place_before_it_reloads() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "short")]);
    let copy = "--copy=/app/a:conf/a";
    assert!(link(&root, &[copy.into()]).status.success());
    let inode = fs::metadata(root.join("copy/app/a")).unwrap().ino();
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none", copy]);
    for content in ["much longer than before", "x", ""] {
        volume.swap(&[("a", content)]);
        eventually("the copy is refreshed", || (root.read("copy/app/a") == content).then_some(()));
    }
    assert_eq!(fs::metadata(root.join("copy/app/a")).unwrap().ino(), inode, "a bind mount would show the old file");
    volume.swap(&[]);
    assert!(agent.reaches("removed").contains("HR_KEY_REMOVED"));
    volume.swap(&[("a", "back")]);
    agent.reaches("refreshed");
    assert_eq!(root.read("copy/app/a"), "back");
}

#[test]
fn an_absent_key_of_an_optional_volume_is_a_warning_of_its_place() {
    let root = Root::new();
    let (main, late) = (root.volume("main", &[("a", "1")]), root.volume("late", &[]));
    let places = ["--copy=/app/a:main/a", "--symlink=/etc/app/b:late/b"];
    assert!(link(&root, &places.map(String::from)).status.success());
    let flags = ["--container=web", "--volume=main", "--volume=late", "--optional=late", "--reload=none"];
    let agent = Agent::watch(&root, &[&flags[..], &places].concat());
    assert!(agent.status().contains("\"state\":\"loaded\"") && agent.status().contains("HR_KEY_ABSENT"));
    main.swap(&[("a", "2")]);
    assert!(agent.reaches("refreshed").contains("/etc/app/b: its key is absent from the optional volume late"));
    assert_eq!(root.read("copy/app/a"), "2");
    late.swap(&[("b", "here")]);
    eventually("the warning is gone", || (!agent.status().contains("HR_KEY_ABSENT")).then_some(()));
    late.swap(&[]);
    eventually("the warning", || agent.status().contains("HR_KEY_ABSENT").then_some(()));
    agent.reaches("refreshed");
}

#[test]
fn a_copy_that_is_a_directory_needs_a_new_pod_and_holds_nothing_up() {
    let root = Root::new();
    let (main, late) = (root.volume("main", &[("a", "1")]), root.volume("late", &[]));
    let places = ["--copy=/app/b:late/b", "--copy=/app/a:main/a"];
    assert!(link(&root, &places.map(String::from)).status.success());
    fs::create_dir_all(root.join("copy/app/b")).unwrap(); // the kubelet's, at the mount
    let flags = ["--container=web", "--volume=main", "--volume=late", "--optional=late", "--reload=none"];
    let agent = Agent::watch(&root, &[&flags[..], &places].concat());
    late.swap(&[("b", "here")]);
    eventually("the warning", || agent.status().contains("HR_NEEDS_NEW_POD").then_some(()));
    main.swap(&[("a", "2")]);
    eventually("the other is refreshed", || (root.read("copy/app/a") == "2").then_some(()));
    let status = agent.reaches("refreshed");
    assert!(status.contains("\"error\":null") && status.contains("/app/b: was no file"), "{status}");
}

#[test]
fn watch_renews_symlinks_and_restores_lost_ones() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let flag = "--symlink=/etc/app/a:conf/a";
    assert!(link(&root, &[flag.into()]).status.success());
    let file = root.join("dir/etc/app/a");
    let before = fs::symlink_metadata(&file).unwrap().ino();
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none", flag]);
    volume.swap(&[("a", "2")]);
    eventually("a fresh symlink", || (fs::symlink_metadata(&file).unwrap().ino() != before).then_some(()));
    // The change is loaded, so the edit below is lost at the next one.
    eventually("it is loaded", || (agent.field("sent") == "1").then_some(()));
    fs::remove_file(&file).unwrap();
    fs::write(&file, "edited with sed -i").unwrap();
    volume.swap(&[("a", "3")]);
    eventually("the symlink is restored", || (fs::read_to_string(&file).unwrap() == "3").then_some(()));
    eventually("the loss is reported", || agent.status().contains("HR_LINK_LOST").then_some(()));
    assert_eq!(agent.field("linksLost"), "1");
}
