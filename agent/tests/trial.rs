//! Trials: what the program can't live with is reverted, once, whoever dies.

mod support;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use support::{Agent, BINARY, Program, Root, Volume, calm, eventually, free_port};

/// A program with a health page. It reads its file at each POST, and answers 500 to that with `refused`. It is not healthy
/// with `sick`, never answers with `slow`, and closes its port with `closed`.
struct App {
    address: String,
    loads: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    is_ill: Arc<AtomicBool>,
}

impl App {
    /// It listens on this address only.
    fn start(root: &Root, host: &str) -> App {
        let address = format!("{host}:{}", free_port());
        let listener = TcpListener::bind(&address).unwrap();
        let [loads, asked] = [0, 0].map(|count| Arc::new(AtomicUsize::new(count)));
        let is_ill = Arc::new(AtomicBool::new(false));
        let app = App { address, loads: loads.clone(), asked: asked.clone(), is_ill: is_ill.clone() };
        let file = root.join("gate/conf/published/a");
        let content = Mutex::new(fs::read_to_string(&file).unwrap());
        std::thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = head(&mut stream) else { continue };
                let mut content = content.lock().unwrap();
                if request.starts_with("POST ") {
                    *content = fs::read_to_string(&file).unwrap();
                    loads.fetch_add(1, SeqCst);
                } else {
                    asked.fetch_add(1, SeqCst);
                    if *content == "slow" {
                        held.push(stream);
                        continue;
                    }
                }
                let is_probe =
                    request.starts_with("GET /live HTTP/1.1\r\n") && request.contains("\r\nX-Probe: a b\r\n");
                let is_healthy = !content.contains("sick") && !is_ill.load(SeqCst) && is_probe;
                let is_reload = request.starts_with("POST ");
                let is_ok = if is_reload { !content.contains("refused") } else { is_healthy };
                let code = if is_ok { "200 OK" } else { "500 No" };
                let _ = write!(stream, "HTTP/1.1 {code}\r\nContent-Length: 0\r\n\r\n");
                if content.contains("closed") {
                    return;
                }
            }
        });
        app
    }
}

fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut request, mut buffer) = (String::new(), [0; 1024]);
    while !request.ends_with("\r\n\r\n") {
        match stream.read(&mut buffer).ok()? {
            0 => return None, // an accepted connection was all that was asked for
            count => request.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    Some(request)
}

const GATE: [&str; 4] = ["--volume=conf", "--gated=conf", "--gate=strict", "--validate=[\"true\"]"];

/// A Pod whose program is about to start with the content `1`.
fn pod() -> (Root, Volume) {
    let root = Root::new();
    let volume = root.gated("conf", &[("a", "1")]);
    let mut gate = Command::new(BINARY);
    gate.arg("gate").args(GATE).args(["--bake=1s", "--reload=none"]).arg(format!("--port={}", free_port()));
    assert!(gate.env("HOTRELOAD_ROOT", &root.path).output().unwrap().status.success());
    (root, volume)
}

fn watch(root: &Root, bake: &str, flags: &[&str]) -> Agent {
    let bake = format!("--bake={bake}");
    let trial = [bake.as_str(), "--health-period=50ms", "--health-timeout=20s"];
    Agent::watch(root, &[&GATE[..], &trial, flags].concat())
}

/// The flags of a Pod with an `App`.
fn http(app: &App) -> [String; 4] {
    let address = &app.address;
    let [health, url] = [format!("--health=http://{address}/live"), format!("--url=http://{address}/-/reload")];
    [health, "--health-header=X-Probe: a b".into(), "--reload=http".into(), url]
}

/// The flags of a Pod whose program restarts.
fn restart(name: &str) -> [String; 3] {
    ["--reload=restart".into(), "--grace=100ms".into(), format!("--process={name}")]
}

fn words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

/// Runs an agent until the first content is good.
#[track_caller]
fn keep_first(root: &Root, flags: &[String]) {
    let _agent = watch(root, "300ms", &words(flags));
    becomes(root, "kept", "1");
}

/// A Pod with an `App` whose first content is good, and an agent whose trials do not end by themselves.
fn good_pod() -> (Root, Volume, App, Agent) {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let flags = http(&app);
    keep_first(&root, &flags);
    let agent = watch(&root, "1h", &words(&flags));
    (root, volume, app, agent)
}

#[track_caller]
fn becomes(root: &Root, part: &str, content: &str) {
    eventually(&format!("{part} is {content}"), || {
        (root.read(&format!("gate/conf/{part}/a")) == content).then_some(())
    });
}

#[test]
fn a_program_that_answers_500_gets_its_good_content_again_once() {
    let (root, volume) = pod();
    let approvals = root.volume_at("approve", &[("approve", "")]);
    let app = App::start(&root, "127.0.0.2");
    let flags = http(&app);
    let agent = watch(&root, "300ms", &words(&flags));
    becomes(&root, "kept", "1");
    volume.swap(&[("a", "sick")]);
    eventually("it is tried", || (app.loads.load(SeqCst) > 0).then_some(()));
    let status = agent.reaches("reverted");
    let reason = format!(r#""reason":"GET http://{}/live: answered 500""#, app.address);
    assert!(status.contains(&reason) && status.contains("HR_REVERTED"), "{status}");
    assert!(agent.get("/metrics").unwrap().contains("\nhotreload_agent_reverts_total 1\n"));
    assert_eq!((root.read("gate/conf/published/a"), root.read("gate/conf/candidate/a")), ("1".into(), "1".into()));
    assert_eq!(app.loads.load(SeqCst), 2, "one reload more");
    agent.process.signal("KILL");
    drop(agent);
    let agent = watch(&root, "300ms", &words(&flags));
    let status = agent.reaches("reverted");
    calm();
    assert_eq!((root.read("gate/conf/published/a"), app.loads.load(SeqCst)), ("1".into(), 2));
    let hash = status.split_once(r#""reverted":{"sha256":""#).unwrap().1[..64].to_string();
    approvals.swap(&[("approve", &format!("conf@{hash}"))]);
    agent.reaches("unhealthy");
    assert_eq!(root.read("gate/conf/published/a"), "sick", "what the user approves stays");
    volume.swap(&[("a", "2")]);
    becomes(&root, "kept", "2");
    agent.reaches("loaded");
}

#[test]
fn content_that_the_program_refuses_at_its_reload_is_taken_back() {
    let (root, volume, app, agent) = good_pod();
    volume.swap(&[("a", "refused")]);
    let status = agent.reaches("reverted");
    let reason = format!(r#""reason":"POST http://{}/-/reload: answered 500""#, app.address);
    assert!(status.contains(&reason), "{status}");
    assert_eq!(root.read("gate/conf/published/a"), "1");
}

#[test]
fn a_program_that_was_not_healthy_before_keeps_the_new_content() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let flags = http(&app);
    let agent = watch(&root, "300ms", &words(&flags));
    becomes(&root, "kept", "1");
    app.is_ill.store(true, SeqCst);
    volume.swap(&[("a", "2")]);
    let status = agent.reaches("unhealthy");
    assert!(status.contains(r#""unhealthy":{"since":""#) && status.contains(r#""trial":null"#), "{status}");
    assert_eq!((root.read("gate/conf/published/a"), agent.field("reverts")), ("2".into(), "0".into()));
    app.is_ill.store(false, SeqCst);
    becomes(&root, "kept", "2");
    agent.reaches("loaded");
}

#[test]
fn a_program_that_closes_its_port_is_not_healthy() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let flags = http(&app);
    let health = format!("--health=tcp://{}", app.address);
    let agent = watch(&root, "300ms", &[&health, &flags[2], &flags[3]]);
    becomes(&root, "kept", "1");
    volume.swap(&[("a", "closed")]);
    eventually("it is reverted", || agent.log().contains("\"msg\":\"reverted\"").then_some(()));
    let reason = format!(r#""reason":"tcp://{}: connection refused""#, app.address);
    assert!(agent.status().contains(&reason), "{}", agent.status());
    assert_eq!(root.read("gate/conf/published/a"), "1");
}

#[test]
fn a_newer_edit_is_tried_at_once_and_goes_back_to_the_last_good_one() {
    let (root, volume, _app, agent) = good_pod();
    volume.swap(&[("a", "2")]);
    agent.reaches("baking");
    assert_eq!(root.read("gate/conf/published/a"), "2");
    volume.swap(&[("a", "sick")]);
    agent.reaches("reverted");
    assert_eq!((root.read("gate/conf/published/a"), root.read("gate/conf/kept/a")), ("1".into(), "1".into()));
}

#[test]
fn the_end_of_the_program_counts_and_an_agent_that_dies_changes_nothing() {
    let (root, volume) = pod();
    let name = root.name("tr");
    let trap = "trap 'grep -q sick gate/conf/published/a && exit 1; echo HUP >> \"$LOG\"' HUP";
    let mut program = Program::script(&root, &name, trap);
    let process = format!("--process={name}");
    let flags = ["--reload=signal", "--signal=HUP", &process];
    let agent = watch(&root, "300ms", &flags);
    becomes(&root, "kept", "1");
    volume.swap(&[("a", "2")]);
    becomes(&root, "published", "2");
    agent.process.signal("KILL");
    drop(agent);
    let agent = watch(&root, "300ms", &flags);
    becomes(&root, "kept", "2");
    drop(agent);
    // No question before the next hour: the end itself is seen.
    let flags = [&flags[..], &["--health-period=1h"]].concat();
    let agent = watch(&root, "1h", &flags);
    volume.swap(&[("a", "sick")]);
    eventually("it is reverted", || agent.log().contains("\"msg\":\"reverted\"").then_some(()));
    assert!(agent.status().contains(r#""reason":"the program has ended""#), "{}", agent.status());
    assert_eq!(root.read("gate/conf/published/a"), "2");
    program.restart(&root);
    agent.reaches("reverted");
    let signals = program.signals();
    volume.swap(&[("a", "3")]);
    eventually("the next edit is signalled", || (program.signals() > signals).then_some(()));
}

#[test]
fn an_agent_that_dies_during_a_trial_reverts_all_the_same() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let flags = http(&app);
    keep_first(&root, &flags);
    let agent = watch(&root, "1h", &[&words(&flags)[..], &["--health-period=1h"]].concat());
    volume.swap(&[("a", "sick")]);
    agent.reaches("baking");
    agent.process.signal("KILL");
    drop(agent);
    let agent = watch(&root, "300ms", &words(&flags));
    agent.reaches("reverted");
    becomes(&root, "published", "1");
    becomes(&root, "kept", "1");
}

#[test]
fn a_program_that_starts_slowly_is_not_unhealthy() {
    let (root, _volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    app.is_ill.store(true, SeqCst);
    let agent = watch(&root, "1h", &words(&http(&app)));
    eventually("it is asked", || (app.asked.load(SeqCst) > 5).then_some(()));
    assert!(agent.status().contains(r#""state":"baking""#), "{}", agent.status());
}

#[test]
fn an_answer_about_the_content_of_before_does_not_count() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let flags = http(&app);
    let _agent = watch(&root, "300ms", &[&words(&flags)[..], &["--health-failures=1"]].concat());
    becomes(&root, "kept", "1");
    volume.swap(&[("a", "slow")]);
    eventually("it is loaded", || (app.loads.load(SeqCst) > 0).then_some(()));
    let before = app.asked.load(SeqCst);
    eventually("it is asked", || (app.asked.load(SeqCst) > before).then_some(()));
    volume.swap(&[("a", "2")]);
    becomes(&root, "kept", "2");
}

/// What lies in the way makes the copy fail once.
#[test]
fn a_revert_that_fails_is_no_revert_and_is_tried_again() {
    let (root, volume, app, agent) = good_pod();
    volume.swap(&[("a", "2")]);
    agent.reaches("baking");
    let good = fs::read_link(root.join("gate/conf/kept/..data")).unwrap();
    fs::create_dir(root.join("gate/conf/published").join(good)).unwrap();
    app.is_ill.store(true, SeqCst);
    let status = agent.reaches("retrying");
    assert!(status.contains("HR_VOLUME_UNREADABLE"), "{status}");
    assert_eq!((root.read("gate/conf/published/a"), agent.field("reverts")), ("2".into(), "0".into()));
    agent.reaches("reverted");
    assert_eq!((root.read("gate/conf/published/a"), agent.field("reverts")), ("1".into(), "1".into()));
}

/// What commands see can't be written any more.
#[test]
fn a_revert_reaches_a_program_whose_reload_needs_no_command() {
    let (root, volume, app, agent) = good_pod();
    volume.swap(&[("a", "2")]);
    agent.reaches("baking");
    let candidate = root.join("gate/conf/candidate");
    fs::rename(&candidate, root.join("away")).unwrap();
    fs::write(&candidate, "").unwrap();
    app.is_ill.store(true, SeqCst);
    eventually("it is reloaded", || (app.loads.load(SeqCst) == 2).then_some(()));
    assert_eq!(root.read("gate/conf/published/a"), "1");
    assert!(agent.reaches("reverted").contains("HR_VOLUME_UNREADABLE"));
}

#[test]
fn content_of_which_no_copy_can_be_kept_stays_on_trial() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let agent = watch(&root, "300ms", &words(&http(&app)));
    becomes(&root, "kept", "1");
    let first = fs::read_link(root.join("gate/conf/kept/..data")).unwrap();
    volume.swap(&[("a", "2")]);
    becomes(&root, "kept", "2");
    // The agent removes it last.
    eventually("the old copy is gone", || fs::create_dir(root.join("gate/conf/kept").join(&first)).ok());
    volume.swap(&[("a", "1")]);
    eventually("it says so", || agent.status().contains("HR_VOLUME_UNREADABLE").then_some(()));
    assert!(agent.status().contains(r#""state":"baking""#), "{}", agent.status());
    becomes(&root, "kept", "1");
    assert!(agent.reaches("loaded").contains(r#""error":null"#));
}

/// At most one restart in ten minutes would leave it with what it can't live with.
#[test]
fn a_revert_restarts_the_program_though_it_was_just_restarted() {
    let (root, volume) = pod();
    let app = App::start(&root, "127.0.0.1");
    let name = root.name("rr");
    let mut program = Program::reloading(&root, &name);
    let (health, restart) = (http(&app), restart(&name));
    let flags = [words(&health[..2]), words(&restart)].concat();
    let agent = watch(&root, "300ms", &flags);
    becomes(&root, "kept", "1");
    drop(agent);
    let agent = watch(&root, "1h", &flags);
    volume.swap(&[("a", "2")]);
    eventually("it is restarted", || program.process.has_ended().then_some(()));
    program.restart(&root);
    agent.reaches("baking");
    let before = app.asked.load(SeqCst);
    eventually("it was healthy", || (app.asked.load(SeqCst) > before + 2).then_some(()));
    app.is_ill.store(true, SeqCst);
    eventually("it is restarted again", || program.process.has_ended().then_some(()));
    assert_eq!(root.read("gate/conf/published/a"), "1");
}

/// At most one restart in ten minutes: until the next, the program goes on with what it has.
#[test]
fn content_that_waits_for_its_restart_is_not_to_blame_for_the_end_of_the_program() {
    let (root, volume) = pod();
    let name = root.name("rw");
    let mut program = Program::reloading(&root, &name);
    let flags = restart(&name);
    keep_first(&root, &flags);
    let agent = watch(&root, "1h", &words(&flags));
    volume.swap(&[("a", "2")]);
    eventually("it is restarted", || program.process.has_ended().then_some(()));
    program.restart(&root);
    agent.reaches("baking");
    volume.swap(&[("a", "3")]);
    agent.reaches("postponed");
    program.restart(&root);
    volume.swap(&[("a", "4")]);
    becomes(&root, "published", "4");
    assert!(!agent.log().contains("\"msg\":\"reverted\""), "{}", agent.log());
}

/// One that ends at once each time that the kubelet starts it is hardly ever seen.
#[test]
fn a_program_that_does_not_start_again_gets_its_good_content_back() {
    let (root, volume) = pod();
    let name = root.name("rn");
    let mut program = Program::reloading(&root, &name);
    let agent = watch(&root, "300ms", &words(&restart(&name)));
    becomes(&root, "kept", "1");
    volume.swap(&[("a", "2")]);
    becomes(&root, "published", "2");
    becomes(&root, "published", "1");
    program.restart(&root);
    let status = agent.reaches("reverted");
    assert!(status.contains("has not started again\""), "{status}");
}
