//! Reload requests, which are retried until they succeed, and the agent's own pages.

mod support;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Agent, Root, calm, eventually, exchange};

/// A program that answers each request with the next of `answers`, and then always with the last one.
fn program(answers: &[&str]) -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, (send, requests)) = (listener.local_addr().unwrap().port(), channel());
    let answers = Arc::new(Mutex::new(answers.iter().map(|a| a.to_string()).collect::<Vec<String>>()));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).unwrap_or(0);
            let mut answers = answers.lock().unwrap();
            let answer = if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() };
            let _ = stream.write_all(
                format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nLocation: http://127.0.0.1:1/\r\n\r\n").as_bytes(),
            );
            let _ = send.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
        }
    });
    (port, requests)
}

fn watch(root: &Root, port: u16) -> Agent {
    Agent::watch(
        root,
        &["--container=web", "--volume=conf", "--reload=http", &format!("--url=http://127.0.0.1:{port}/-/reload")],
    )
}

#[test]
fn one_request_for_a_change() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let (port, requests) = program(&["200 OK"]);
    let agent = watch(&root, port);
    volume.swap(&[("a", "2")]);
    eventually("it is loaded", || (agent.field("reloaded") == "1").then_some(()));
    calm();
    let all: Vec<String> = requests.try_iter().collect();
    assert_eq!(all.len(), 1);
    assert!(all[0].starts_with("POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1:"), "{}", all[0]);
}

#[test]
fn a_failed_request_is_retried() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let (port, requests) = program(&["500 No", "503 Not yet", "204 Done"]);
    let agent = watch(&root, port);
    volume.swap(&[("a", "2")]);
    eventually("it is loaded", || (agent.field("reloaded") == "1").then_some(()));
    assert!(agent.log().contains("HR_HTTP_FAILED"));
    assert_eq!(
        (requests.try_iter().count(), agent.field("failed"), agent.field("state")),
        (3, "2".into(), "loaded".into())
    );
}

#[test]
fn after_a_failure_the_content_of_before_is_loaded_again() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let (port, requests) = program(&["500 Half of it", "500 Half of it", "200 OK"]);
    let agent = watch(&root, port);
    volume.swap(&[("a", "2")]);
    agent.reaches("retrying");
    volume.swap(&[("a", "1")]);
    eventually("it is loaded", || (agent.field("reloaded") == "1").then_some(()));
    assert_eq!((requests.try_iter().count(), agent.field("state")), (3, "loaded".into()));
}

#[test]
fn redirects_are_not_followed_and_client_errors_not_retried() {
    for answer in ["302 Found", "403 Lifecycle APIs are not enabled"] {
        let root = Root::new();
        let volume = root.volume("conf", &[("a", "1")]);
        let (port, requests) = program(&[answer]);
        let agent = watch(&root, port);
        volume.swap(&[("a", "2")]);
        assert!(agent.reaches("refused").contains("HR_HTTP_REFUSED"));
        calm();
        assert_eq!(requests.try_iter().count(), 1, "no second request");
        volume.swap(&[("a", "3")]);
        requests.recv_timeout(Duration::from_secs(30)).expect("one for each content");
        calm();
        assert_eq!(requests.try_iter().count(), 0);
    }
}

#[test]
fn the_agent_waits_for_a_program_that_does_not_listen_yet() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let port = support::free_port();
    let agent = Agent::watch(
        &root,
        &["--container=web", "--volume=conf", "--reload=http", &format!("--url=http://localhost:{port}/r")],
    );
    volume.swap(&[("a", "2")]);
    assert!(agent.reaches("waiting").contains("connection refused"));
    let listener = TcpListener::bind(("::1", port)).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let _ = stream.read(&mut [0; 512]);
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    drop(stream);
    agent.reaches("loaded");
}

#[test]
fn malformed_and_endless_responses_do_not_hang_the_agent() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let agent = watch(&root, listener.local_addr().unwrap().port());
    volume.swap(&[("a", "2")]);
    let (mut stream, _) = listener.accept().unwrap();
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
    drop(stream);
    eventually("the error is logged", || agent.log().contains("HR_HTTP_FAILED").then_some(()));
    let (mut endless, _) = listener.accept().unwrap();
    let _ = endless.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    std::thread::spawn(move || while endless.write_all(&[b'x'; 4096]).is_ok() {});
    agent.reaches("loaded");
}

#[test]
fn the_method_none_only_reports() {
    let root = Root::new();
    let volume = root.volume("conf", &[("a", "1")]);
    let agent = Agent::watch(&root, &["--container=web", "--volume=conf", "--reload=none"]);
    volume.swap(&[("a", "2")]);
    eventually("the change is noticed", || (agent.field("changes") == "1").then_some(()));
    assert_eq!((agent.field("signals"), agent.field("state")), ("0".into(), "refreshed".into()));
}

#[test]
fn with_bad_options_the_agent_idles_and_reports_them() {
    let root = Root::new();
    let mut agent = Agent::watch(&root, &["--reload=signal", "--signal=HUPP", "--magic=1"]);
    let status = agent.status();
    assert!(
        status.contains("\"state\":\"error\"")
            && status.contains("HR_BAD_SIGNAL")
            && status.contains("--magic is not an option"),
        "{status}"
    );
    let metrics = agent.get("/metrics").unwrap();
    let mut series: Vec<&str> = metrics.lines().filter(|line| !line.starts_with('#')).collect();
    let all = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), all, "each sample once: {metrics}");
    assert!(!agent.process.has_ended());
    agent.process.signal("TERM");
    eventually("it ends", || agent.process.has_ended().then_some(()));
}

#[test]
fn connections_are_limited_in_number_and_time() {
    let root = Root::new();
    let agent = Agent::watch(&root, &["--reload=none"]);
    let answer = |request: &str| exchange(agent.port, request.as_bytes()).unwrap();
    assert!(answer("GET /nothing HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404 "));
    assert!(answer("POST /status HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert!(answer("\u{16}\u{3}\u{1}\n").starts_with("HTTP/1.1 400 "));
    assert!(answer(&format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(5000))).starts_with("HTTP/1.1 431 "));
    let head = answer("HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"));
    // Silent connections do not block others, and they are closed.
    let silent: Vec<_> = (0..7).map(|_| std::net::TcpStream::connect(("127.0.0.1", agent.port)).unwrap()).collect();
    eventually("another connection gets a response", || agent.get("/healthz"));
    let crowd: Vec<_> = (0..20).map(|_| std::net::TcpStream::connect(("127.0.0.1", agent.port)).unwrap()).collect();
    eventually("after five seconds the silent connections are closed", || agent.get("/healthz"));
    drop((silent, crowd));
}

#[test]
fn a_taken_port_is_reported_and_reloads_still_work() {
    let root = Root::new();
    let first = Agent::watch(&root, &["--reload=none"]);
    let log = root.join("second.log");
    let mut command = std::process::Command::new(support::BINARY);
    command
        .args(["watch", "--reload=none", &format!("--port={}", first.port)])
        .stdout(std::fs::File::create(&log).unwrap());
    let mut second = support::Running(command.spawn().unwrap());
    eventually("the error is logged", || root.read("second.log").contains("HR_LISTEN_FAILED").then_some(()));
    calm();
    assert!(!second.has_ended());
    let port = first.port;
    drop(first);
    eventually("the second one answers at the free port", || exchange(port, b"GET /healthz HTTP/1.1\r\n\r\n"));
}

#[test]
fn a_panic_starts_the_agent_again() {
    let root = Root::new();
    let agent = Agent::watch_with(&root, &["--reload=none"], &[("HOTRELOAD_TEST_PANIC", "1")]);
    assert_eq!(agent.field("panics"), "1");
    assert!(agent.log().contains("panicked, starting again"));
}
