//! The agent in place of config-reloader-sidecar and configmap-reload, with their configuration.

mod support;
use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;
use support::{Agent, BINARY, Program, Root, Running, eventually};

fn start(root: &Root, port: u16, args: &[String], environment: &[(&str, String)]) -> Agent {
    let log = root.join("agent.log");
    let mut command = Command::new(BINARY);
    command.args(args).envs(environment.iter().map(|(name, value)| (*name, value))).stdout(File::create(&log).unwrap());
    let agent = Agent { process: Running(command.spawn().unwrap()), port, log };
    eventually("the agent answers", || agent.get("/healthz"));
    agent
}

#[test]
fn the_environment_of_config_reloader_sidecar_works() {
    let root = Root::new();
    let volume = root.volume("pgbouncer", &[("pgbouncer.ini", "1")]);
    let program = Program::reloading(&root, &root.name("q"));
    // It has no flag for the port, and another agent on this machine may use the default one.
    let log = root.join("agent.log");
    let mut command = Command::new(BINARY);
    command.env("CONFIG_DIR", format!("{}/", volume.path.display())).env("PROCESS_NAME", root.name("q"));
    let _agent = Running(command.stdout(File::create(&log).unwrap()).spawn().unwrap());
    eventually("it watches", || root.read("agent.log").contains("\"watching\"").then_some(()));
    volume.swap(&[("pgbouncer.ini", "2")]);
    eventually("the signal", || (program.signals() == 1).then_some(()));
    assert!(!root.read("agent.log").contains("could not save state"));
}

#[test]
fn the_flags_and_metrics_of_configmap_reload_work() {
    let root = Root::new();
    let volume = root.volume("config", &[("prometheus.yml", "1")]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/-/reload", listener.local_addr().unwrap());
    let port = support::free_port();
    let args = [
        format!("--volume-dir={}", volume.path.display()),
        format!("--webhook-url={url}"),
        "-webhook-method".into(),
        "PUT".into(),
        format!("--web.listen-address=:{port}"),
    ];
    let agent = start(&root, port, &args, &[]);
    volume.swap(&[("prometheus.yml", "2")]);
    listener.set_nonblocking(true).unwrap();
    let (mut stream, _) = eventually("the request", || listener.accept().ok());
    stream.set_nonblocking(false).unwrap();
    let mut buffer = [0; 512];
    let count = stream.read(&mut buffer).unwrap();
    assert!(buffer[..count].starts_with(b"PUT /-/reload HTTP/1.1\r\n"));
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
    drop(stream);
    let metrics = eventually("the request is counted", || {
        agent
            .get("/metrics")
            .filter(|text| text.contains(&format!("configmap_reload_success_reloads_total{{webhook=\"{url}\"}} 1")))
    });
    assert!(metrics.contains(&format!("configmap_reload_last_reload_error{{webhook=\"{url}\"}} 0")));
    assert!(metrics.contains(&format!("configmap_reload_requests_total{{webhook=\"{url}\",status_code=\"200\"}} 1")));
}
