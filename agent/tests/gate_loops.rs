//! What a gate shows stays whole while it changes without pause, and while its agent dies at any instruction. GATE_PUBLISHES is
//! how often it changes (`make test-gate`).

mod support;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::Duration;
use support::{Agent, BINARY, Root, Running, Volume, eventually, free_port};

fn publishes() -> usize {
    std::env::var("GATE_PUBLISHES").ok().map_or(50, |text| text.parse().unwrap())
}

/// Each content has its number and the validator's verdict in each line. It is long enough for several writes.
fn content(verdict: &str, number: usize) -> String {
    format!("{verdict} {number}\n").repeat(600 + number % 600)
}

fn is_whole(content: &str) -> bool {
    let number = content.lines().next().and_then(|line| line.strip_prefix("good ")).and_then(|text| text.parse().ok());
    number.is_some_and(|number| content == self::content("good", number))
}

/// xorshift64: any seed but 0.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Ends the other threads, also after a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Gate {
    root: Root,
    volume: Volume,
    published: PathBuf,
    flags: Vec<String>,
}

impl Gate {
    /// One whose validator passes what begins with `good`.
    fn new() -> Gate {
        let root = Root::new();
        let first = content("good", 0);
        let volume = root.gated("conf", &[("a", &first), ("b", &first)]);
        let candidate = root.join("gate/conf/candidate/a");
        let flags = ["--volume=conf", "--gated=conf", "--gate=strict", "--reload=none"].map(String::from);
        let validate = format!(r#"--validate=["grep","-q","^good","{}"]"#, candidate.display());
        let flags = flags.into_iter().chain([validate]).collect();
        let gate = Gate { published: root.join("gate/conf/published"), root, volume, flags };
        assert!(gate.command("gate").stdout(Stdio::null()).status().unwrap().success());
        gate
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(name).args(&self.flags).arg(format!("--port={}", free_port()));
        command.env("HOTRELOAD_ROOT", &self.root.path);
        command
    }

    fn watch(&self) -> Agent {
        Agent::watch(&self.root, &self.flags.iter().map(String::as_str).collect::<Vec<&str>>())
    }

    fn swap(&self, content: &str) {
        self.volume.swap(&[("a", content), ("b", content)]);
    }

    /// Panics unless the two files of the present generation are whole and the same. Nothing is read where it is removed meanwhile,
    /// as the kubelet removes one.
    fn check(&self) -> bool {
        let link = fs::read_link(self.published.join("..data")).expect("..data is always there");
        let Some([a, b]) = both(&self.published.join(link)) else { return false };
        assert!(a == b, "torn");
        assert!(is_whole(&a), "{:?} and {} bytes", a.lines().next(), a.len());
        true
    }

    /// Reads until it is over; how often.
    fn hammer(&self, pause: Duration, is_over: &AtomicBool, reads: &AtomicUsize) {
        while !is_over.load(Ordering::SeqCst) {
            sleep(pause);
            reads.fetch_add(usize::from(self.check()), Ordering::SeqCst);
            // As most programs do, by its path.
            let by_path = fs::read_to_string(self.published.join("b"));
            assert!(by_path.map_or(true, |content| is_whole(&content)), "torn");
        }
    }

    /// What is left when nothing changes any more.
    fn comes_to_rest(&self, last: &str) {
        eventually("the last content is published", || {
            (both(&self.published).is_some_and(|files| files == [last, last])).then_some(())
        });
        let names = || fs::read_dir(&self.published).unwrap().count();
        eventually("one generation is left", || (names() == 4).then_some(()));
    }
}

fn both(directory: &Path) -> Option<[String; 2]> {
    let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
    Some([read("a")?, read("b")?])
}

#[test]
fn readers_see_whole_generations() {
    let gate = Gate::new();
    let agent = gate.watch();
    let (is_over, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _end = End(&is_over);
        (0..2).for_each(|_| drop(scope.spawn(|| gate.hammer(Duration::ZERO, &is_over, &reads))));
        for number in 1..=publishes() {
            let content = content("good", number);
            gate.swap(&content);
            let is_published = || fs::read_to_string(gate.published.join("a")).is_ok_and(|found| found == content);
            eventually("it is published", || is_published().then_some(()));
        }
    });
    gate.comes_to_rest(&content("good", publishes()));
    assert_eq!(agent.field("validationsPassed"), publishes().to_string());
    println!("{} publishes, {} reads", publishes(), reads.into_inner());
}

/// Half of the contents are refused ones. Now and then the whole Pod starts again, so that the first publish is what dies.
#[test]
fn what_is_published_is_whole_and_has_passed_whenever_the_agent_dies() {
    let gate = Gate::new();
    let log = gate.root.join("log");
    let (is_over, reads) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (mut published, mut kills, mut last) = (0, 0, 0);
    let mut random = Random(u64::from(std::process::id()) | 1);
    // Microseconds of an agent's life at most. They suit the machine, so that it dies in the midst of its work, and edits
    // come meanwhile.
    let most = AtomicU64::new(60_000);
    std::thread::scope(|scope| {
        let end = End(&is_over);
        let writer = scope.spawn(|| {
            let mut random = Random(1);
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                number += 1;
                gate.swap(&content(if random.below(2) == 0 { "bad" } else { "good" }, number));
                sleep(Duration::from_micros(random.below(most.load(Ordering::SeqCst) / 8)));
            }
            number
        });
        // It leaves the processor to what dies.
        scope.spawn(|| gate.hammer(Duration::from_millis(1), &is_over, &reads));
        while published < publishes() {
            let mut command = gate.command(if random.below(8) == 0 { "gate" } else { "watch" });
            command.stdout(fs::File::create(&log).unwrap());
            let agent = Running(command.spawn().unwrap());
            let life = most.load(Ordering::SeqCst);
            sleep(Duration::from_micros(random.below(life)));
            drop(agent);
            kills += 1;
            let new = fs::read_to_string(&log).unwrap().matches(r#""msg":"published""#).count();
            let next = match new {
                0 => (life * 4 / 3).min(500_000),
                1..=3 => life,
                _ => life * 2 / 3,
            };
            most.store(next, Ordering::SeqCst);
            published += new;
            assert!(gate.check(), "nobody removes it now");
        }
        drop(end);
        last = writer.join().unwrap();
    });
    assert!(reads.load(Ordering::SeqCst) > 0);
    let last = content("good", last + 1);
    gate.swap(&last);
    let _agent = gate.watch();
    gate.comes_to_rest(&last);
    println!("{published} publishes, {kills} kills, {} reads", reads.into_inner());
}
