use super::link::link;
use super::method::{ReloadMethod, Termination};
use super::probe::probe;
use super::watch::{Volume, supervise, watch};
use crate::gate::{Bake, GateMode};
use alloc::{string::String, vec::Vec};
use proptest::prelude::*;

#[test]
fn the_flags_of_the_webhook_are_read() {
    let (options, problems) = watch(&[
        "--container=web",
        "--volume=conf",
        "--secret-volume=tls",
        "--ignore=tls/token",
        "--symlink=/etc/nginx/nginx.conf:conf/nginx.conf",
        "--reload=signal",
        "--signal=SIGHUP",
        "--process=nginx",
        "--require-argument=-W",
        "--port=9468",
    ]);
    assert_eq!(problems, []);
    assert_eq!((options.port, options.method), (9468, ReloadMethod::Signal(1)));
    assert_eq!(options.target.container.as_deref(), Some("web"));
    assert_eq!(
        (&options.target.processes[..], &options.target.arguments[..]),
        (&["nginx".into()][..], &["-W".into()][..])
    );
    assert_eq!(
        options.volumes[1],
        Volume {
            name: "tls".into(),
            directory: None,
            secret: true,
            optional: false,
            ignored: ["token".into()].into(),
            env: false,
            gated: false
        }
    );
    assert_eq!(options.subpath_files.len(), 1);
}

#[test]
fn every_mistake_is_reported_and_the_port_is_kept() {
    let (options, problems) = watch(&[
        "--port=9470",
        "--signal=HUPP",
        "--url=http://reload.shop.svc/",
        "--volume=",
        "-v",
        "--hup=1",
        "--ignore=x/y",
        "--copy=/a:nope/b",
    ]);
    assert_eq!(options.port, 9470);
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code.text()).collect();
    assert_eq!(
        codes,
        [
            "HR_BAD_SIGNAL",
            "HR_URL_NOT_LOCAL",
            "HR_BAD_OPTION",
            "HR_BAD_OPTION",
            "HR_BAD_OPTION",
            "HR_BAD_OPTION",
            "HR_BAD_OPTION",
            "HR_BAD_OPTION",
        ]
    );
    assert_eq!(
        problems[0].sentence(),
        r#"--signal: "HUPP" is not a signal; use a name such as SIGHUP or a number from 1 to 31 [HR_BAD_SIGNAL]"#
    );
}

#[test]
fn a_method_needs_its_flag() {
    for args in [&["--reload=signal"][..], &["--reload=http", "--signal=1"], &["--reload=magic"], &[]] {
        assert_eq!(watch(args).1.len(), 1, "{args:?}");
    }
    assert_eq!(watch(&["--reload=none"]).1, []);
}

#[test]
fn the_method_supervise_belongs_to_the_command_supervise() {
    let (options, problems) = supervise(&["--reload=supervise", "--signal=SIGQUIT", "--grace=5s"]);
    assert_eq!(
        (options.method, problems),
        (ReloadMethod::Supervise(Termination { signal: 3, grace: 5_000 }), [].into())
    );
    assert_eq!(watch(&["--reload=supervise"]).1.len(), 1);
    assert_eq!(supervise(&["--reload=restart"]).1.len(), 1);
    assert_eq!(supervise(&["--reload=supervise", "--env-volume=e"]).1.len(), 1);
}

/// The defaults that docs/agent.md states.
#[test]
fn defaults_are_the_documented_ones() {
    let (options, problems) = watch(&["--reload=none"]);
    assert_eq!(problems, []);
    assert_eq!(options.env_restart, Termination { signal: 15, grace: 30_000 });
    assert_eq!((options.timeout, options.stagger, options.restart_stagger), (30_000, 0, 0));
    assert_eq!(options.port, 9467);
}

#[test]
fn restarts_are_staggered_like_reloads_unless_a_flag_differs() {
    for (args, wanted) in [
        (&["--reload=none"][..], (0, 0)),
        (&["--reload=none", "--stagger=9s"], (9_000, 9_000)),
        (&["--reload=none", "--restart-stagger=60s"], (0, 60_000)),
        (&["--reload=none", "--stagger=9s", "--restart-stagger=60s"], (9_000, 60_000)),
    ] {
        let (options, problems) = watch(args);
        assert_eq!((options.stagger, options.restart_stagger, problems), (wanted.0, wanted.1, [].into()), "{args:?}");
    }
}

#[test]
fn a_gate_needs_a_validator() {
    let gate = ["--reload=none", "--volume=conf", "--gated=conf", "--gate=strict"];
    assert_eq!(watch(&gate).1.len(), 1);
    let (options, problems) = watch(&[&gate[..], &["--validate=[\"true\"]", "--mount-point=/etc/a/b:conf/b"]].concat());
    assert_eq!((options.gate, options.volumes[0].gated, problems), (Some(GateMode::Strict), true, [].into()));
    assert_eq!(options.mount_points[0].path, "b");
    for bad in ["--gate=on", "--gated=other", "--mount-point=/a/b:other/b"] {
        assert_eq!(watch(&["--reload=none", bad]).1.len(), 1, "{bad}");
    }
}

#[test]
fn a_trial_is_held_as_a_probe_of_the_kubelet_asks() {
    let gate = ["--reload=none", "--volume=conf", "--gated=conf", "--gate=strict", "--validate=[\"true\"]"];
    let read = |flags: &[&str]| watch(&[&gate[..], flags].concat());
    let (options, problems) = read(&["--bake=60s", "--health=HEAD http://fd00::7:80/live", "--health-header=X-A: b"]);
    assert_eq!((options.bake, problems), (Some(Bake { time: 60_000, period: 10_000, failures: 3 }), [].into()));
    let health = options.health.unwrap();
    assert_eq!((health.request.describe().as_str(), options.health_timeout), ("HEAD http://[fd00::7]:80/live", 1_000));
    assert_eq!(health.request.headers, ["X-A: b"]);
    let other = ["--bake=5s", "--health-timeout=2s", "--health-period=1s", "--health-failures=1"];
    let options = read(&other).0;
    assert_eq!(options.bake, Some(Bake { time: 5_000, period: 1_000, failures: 1 }));
    assert_eq!((options.health_timeout, options.health), (2_000, None));
    assert_eq!(read(&["--bake=0s"]).0.bake, None);
    for bad in ["--health=http://web:80/", "--health-header=X", "--health-period=0s", "--health-failures=0", "--bake=1"]
    {
        assert_eq!(read(&[bad]).1.len(), 1, "{bad}");
    }
    assert_eq!(watch(&["--reload=none", "--bake=60s"]).1.len(), 1);
}

/// Everybody who reaches the Pod may read what is said of them.
#[test]
fn what_may_be_a_password_is_not_shown() {
    let health = "--health=http://127.0.0.1:80/live?key=abc";
    let options = watch(&["--reload=none", health, "--health-header=Authorization: abc"]).0;
    let reload = watch(&["--reload=http", "--url=http://127.0.0.1:80/r?key=abc"]).0.method;
    let ReloadMethod::Http(reload) = reload else { panic!("not http") };
    let health = options.health.unwrap().request;
    assert_eq!(
        (health.describe().as_str(), reload.url().as_str()),
        ("GET http://127.0.0.1:80/live", "http://127.0.0.1:80/r")
    );
    assert!(
        health.text().starts_with("GET /live?key=abc HTTP/1.1\r\n") && health.text().contains("Authorization: abc")
    );
    for bad in ["--health=http://web/live?key=abc", "--url=http://web/?key=abc", "--health-header=Authorization:abc"] {
        let problems = watch(&["--reload=none", bad]).1;
        assert!(problems.len() == 1 && !problems[0].message.contains("abc"), "{problems:?}");
    }
}

#[test]
fn the_flags_of_link_are_read() {
    let found = link(&["--parent=/etc/nginx/", "--symlink=/etc/nginx/a:conf/a", "--copy=/b:conf/b"]).unwrap();
    assert_eq!((found.parents, found.subpath_files.len()), (["/etc/nginx".into()].into(), 2));
    assert_eq!(link(&["--parent=etc", "--copy=x", "--volume=y"]).unwrap_err().len(), 3);
}

#[test]
fn watch_links_only_if_a_flag_says_so() {
    let read = |flags: &[&str]| watch(&[&["--reload=none", "--volume=conf"], flags].concat());
    let (options, problems) = read(&["--link=once", "--parent=/etc/nginx/", "--copy=/a:conf/a"]);
    assert!(options.links && problems.is_empty() && options.parents == ["/etc/nginx"]);
    assert!(!read(&["--copy=/a:conf/a"]).0.links);
    assert_eq!(read(&["--link=always", "--parent=etc"]).1.len(), 2);
    assert_eq!(link(&["--await=web"]).unwrap().awaited.as_deref(), Some("web"));
    assert!(link(&["--await="]).is_err());
}

#[test]
fn the_flags_of_probe_are_read() {
    let found = probe(&["--container=web", "--http-get=http://127.0.0.1:8080/live", "--timeout=5s"]).unwrap();
    let original = found.original.unwrap();
    assert_eq!((found.container.as_str(), found.timeout, original.connect_only), ("web", 5_000, false));
    assert_eq!(original.request.describe(), "GET http://127.0.0.1:8080/live");
    let found = probe(&["--tcp=5432"]).unwrap();
    assert_eq!(
        (found.timeout, found.original.map(|to| (to.connect_only, to.request.port))),
        (1_000, Some((true, 5432)))
    );
    assert_eq!(probe(&["--tcp=x", "--http-get=http://10.0.0.1/", "--port=1"]).unwrap_err().len(), 3);
}

proptest! {
    #[test]
    fn any_arguments_are_read_or_reported(args in proptest::collection::vec("(--(volume|copy|port|url|signal|ignore|reload|validate|grace|http-get|tcp|parent|bake|health|health-header|health-failures)=)?[ -~é]{0,12}", 0..6)) {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let _ = (watch(&args), supervise(&args), link(&args), probe(&args));
    }
}
