//! A prober, its observer, and targets on loopback whose behaviour can be switched.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::*;
use crate::health::{HttpSpec, ProbeKind, ProbeSpec, State};

/// Long enough that only a mistake reaches it.
const NEVER: Duration = Duration::from_secs(60);

/// Between probes where a test waits for several.
const OFTEN: Duration = Duration::from_millis(40);

#[derive(Debug, PartialEq)]
enum Told {
    Changed(SocketAddr, State, State),
    Brake(bool),
}

/// Writes down what it is told.
struct Recorder {
    told: UnboundedSender<Told>,
    probed: AtomicUsize,
    failed: AtomicUsize,
    /// Asked back on each change, when set.
    prober: OnceLock<Prober>,
}

impl Observer for Recorder {
    fn probed(&self, _: &Target, _: Duration, failure: Option<&str>) {
        self.probed.fetch_add(1, SeqCst);
        self.failed.fetch_add(usize::from(failure.is_some()), SeqCst);
    }

    fn changed(&self, target: &Arc<Target>, before: &TargetHealth, now: &TargetHealth) {
        if let Some(prober) = self.prober.get() {
            assert_eq!(prober.health(&[Arc::clone(target)])[0].state, now.state);
        }
        let _ = self.told.send(Told::Changed(target.address, before.state, now.state));
    }

    fn brake(&self, on: bool, reason: &str) {
        assert!(!reason.is_empty());
        let _ = self.told.send(Told::Brake(on));
    }
}

fn recorder() -> (Arc<Recorder>, UnboundedReceiver<Told>) {
    let (told, hear) = unbounded_channel();
    let (probed, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    (Arc::new(Recorder { told, probed, failed, prober: OnceLock::new() }), hear)
}

async fn next(hear: &mut UnboundedReceiver<Told>) -> Told {
    tokio::time::timeout(NEVER, hear.recv()).await.expect("told in time").expect("recorder lives")
}

/// A web server that is well, or answers 503, or does not answer.
#[derive(Clone)]
struct Site {
    address: SocketAddr,
    well: Arc<AtomicBool>,
    hangs: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    connected: Arc<AtomicUsize>,
    most_connected: Arc<AtomicUsize>,
}

impl Site {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let site = Self {
            address: listener.local_addr().unwrap(),
            well: Arc::new(AtomicBool::new(true)),
            hangs: Arc::default(),
            asked: Arc::default(),
            connected: Arc::default(),
            most_connected: Arc::default(),
        };
        let served = site.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(served.clone().serve(stream));
            }
        });
        site
    }

    async fn serve(self, mut stream: TcpStream) {
        let connected = self.connected.fetch_add(1, SeqCst) + 1;
        self.most_connected.fetch_max(connected, SeqCst);
        let mut request = [0; 1_024];
        let _ = stream.read(&mut request).await;
        self.asked.fetch_add(1, SeqCst);
        if self.hangs.load(SeqCst) {
            tokio::select! {
                // The prober has given up.
                _ = stream.read(&mut request) => {
                    self.connected.fetch_sub(1, SeqCst);
                    return;
                }
                () = until(|| !self.hangs.load(SeqCst)) => {}
            }
        }
        let status = if self.well.load(SeqCst) { "200 OK" } else { "503 Unavailable" };
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        // Before the reply, so that the prober cannot come again earlier.
        self.connected.fetch_sub(1, SeqCst);
        let _ = stream.write_all(reply.as_bytes()).await;
    }

    /// The `n`th target on this site, apart from the others by its path.
    fn target(&self, n: usize, every: Duration, timeout: Duration) -> Arc<Target> {
        let http = HttpSpec {
            path: format!("/{n}").into(),
            host: None,
            status: Box::new([(200, 299)]),
            body: None,
        };
        let kind = ProbeKind::Http(http);
        let probe = Arc::new(ProbeSpec { kind, every, timeout, fall: 2, rise: 1 });
        Arc::new(Target { probe, address: self.address })
    }

    fn targets(&self, count: usize, every: Duration, timeout: Duration) -> Vec<Arc<Target>> {
        (0..count).map(|n| self.target(n, every, timeout)).collect()
    }
}

fn states(prober: &Prober, targets: &[Arc<Target>]) -> Vec<State> {
    prober.health(targets).into_iter().map(|health| health.state).collect()
}

/// Waits for something that has no event of its own.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(NEVER, wait).await.expect("comes true in time");
}

#[tokio::test]
async fn the_first_round_decides_every_target_once() {
    let (well, ill) = (Site::open().await, Site::open().await);
    ill.well.store(false, SeqCst);
    let (observer, mut hear) = recorder();
    let prober = Prober::start(Arc::clone(&observer) as Arc<dyn Observer>);
    let targets = vec![
        well.target(0, NEVER, NEVER),
        ill.target(0, NEVER, NEVER),
        // The same as the first: probed once.
        well.target(0, NEVER, NEVER),
    ];
    prober.prepare(targets.clone(), Vec::new(), NEVER).await;
    let health = prober.health(&targets);
    let found: Vec<_> = health.iter().map(|h| (h.state, h.reason.as_deref())).collect();
    let (up, down) = ((State::Up, None), (State::Down, Some("status 503")));
    assert_eq!(found, [up, down, up]);
    let mut told = [next(&mut hear).await, next(&mut hear).await];
    told.sort_by_key(|t| *t == Told::Changed(ill.address, State::Unknown, State::Down));
    assert_eq!(told[0], Told::Changed(well.address, State::Unknown, State::Up));
    assert_eq!(told[1], Told::Changed(ill.address, State::Unknown, State::Down));
    let (probed, failed) = (observer.probed.load(SeqCst), observer.failed.load(SeqCst));
    assert_eq!((probed, failed, well.asked.load(SeqCst)), (2, 1, 1));
    assert_eq!(prober.brake(), None);
    prober.stop().await;
}

#[tokio::test]
async fn patience_ends_and_the_rest_stays_unknown() {
    let (well, hanging) = (Site::open().await, Site::open().await);
    hanging.hangs.store(true, SeqCst);
    let (observer, _hear) = recorder();
    let prober = Prober::start(observer);
    let targets = vec![well.target(0, NEVER, NEVER), hanging.target(0, NEVER, NEVER)];
    let patience = Duration::from_millis(100);
    let first = prober.prepare(targets[..1].to_vec(), Vec::new(), NEVER);
    first.await;
    let began = Instant::now();
    prober.prepare(targets.clone(), Vec::new(), patience).await;
    assert!(began.elapsed() >= patience);
    assert_eq!(states(&prober, &targets), [State::Up, State::Unknown]);
    prober.stop().await;
}

#[tokio::test]
async fn known_and_carried_health_is_not_waited_for() {
    let site = Site::open().await;
    let (observer, _hear) = recorder();
    let prober = Prober::start(observer);
    let targets = site.targets(2, NEVER, NEVER);
    prober.prepare(targets[..1].to_vec(), Vec::new(), NEVER).await;
    site.hangs.store(true, SeqCst);
    let health =
        TargetHealth { state: State::Down, results_to_change: 1, ..TargetHealth::default() };
    let carried =
        |target: &Arc<Target>| Carried { target: Target::clone(target), health: health.clone() };
    // The first is known better than what was carried of it.
    let both = targets.iter().map(carried).collect();
    tokio::time::timeout(NEVER / 2, prober.prepare(targets.clone(), both, NEVER))
        .await
        .expect("there is nothing to wait for");
    assert_eq!(states(&prober, &targets), [State::Up, State::Down]);
    prober.stop().await;
}

#[tokio::test]
async fn a_target_that_fails_goes_down_and_comes_back() {
    let site = Site::open().await;
    let (observer, mut hear) = recorder();
    let prober = Prober::start(Arc::clone(&observer) as Arc<dyn Observer>);
    // The observer asks back while it is told.
    observer.prober.set(prober.clone()).unwrap();
    prober.prepare(site.targets(1, OFTEN, OFTEN * 50), Vec::new(), NEVER).await;
    let changed = |from, to| Told::Changed(site.address, from, to);
    assert_eq!(next(&mut hear).await, changed(State::Unknown, State::Up));
    site.well.store(false, SeqCst);
    assert_eq!(next(&mut hear).await, changed(State::Up, State::Degraded));
    assert_eq!(next(&mut hear).await, changed(State::Degraded, State::Down));
    site.well.store(true, SeqCst);
    assert_eq!(next(&mut hear).await, changed(State::Down, State::Up));
    prober.stop().await;
}

#[tokio::test]
async fn what_is_not_retained_is_probed_no_more() {
    let (kept, dropped) = (Site::open().await, Site::open().await);
    let (observer, _hear) = recorder();
    let prober = Prober::start(observer);
    let targets = vec![kept.target(0, OFTEN, NEVER), dropped.target(0, OFTEN, NEVER)];
    prober.prepare(targets.clone(), Vec::new(), NEVER).await;
    // A reload that wants only the first still probes both until it is retained.
    prober.prepare(targets[..1].to_vec(), Vec::new(), NEVER).await;
    let asked = dropped.asked.load(SeqCst);
    until(|| dropped.asked.load(SeqCst) > asked + 2).await;
    prober.retain(&targets[..1]);
    assert_eq!(states(&prober, &targets), [State::Up, State::Unknown]);
    // One may be under way; the probes of the one kept tell the time.
    let asked = (kept.asked.load(SeqCst), dropped.asked.load(SeqCst));
    until(|| kept.asked.load(SeqCst) > asked.0 + 5).await;
    assert!(dropped.asked.load(SeqCst) <= asked.1 + 1);
    prober.stop().await;
}

#[tokio::test]
async fn a_wait_for_targets_that_are_dropped_ends() {
    let site = Site::open().await;
    site.hangs.store(true, SeqCst);
    let (observer, _hear) = recorder();
    let prober = Prober::start(observer);
    let waiting = prober.clone();
    let targets = site.targets(1, NEVER, NEVER);
    let wait = tokio::spawn(async move { waiting.prepare(targets, Vec::new(), NEVER).await });
    until(|| site.asked.load(SeqCst) == 1).await;
    prober.retain(&[]);
    tokio::time::timeout(NEVER / 2, wait).await.expect("the wait ends").unwrap();
    prober.stop().await;
}

#[tokio::test]
async fn no_more_than_the_bound_are_under_way_and_all_get_their_turn() {
    let site = Site::open().await;
    site.hangs.store(true, SeqCst);
    let (observer, _hear) = recorder();
    let prober = Prober::start_bounded(observer, 3);
    let targets = site.targets(10, NEVER, NEVER);
    let (waiting, wanted) = (prober.clone(), targets.clone());
    let wait = tokio::spawn(async move { waiting.prepare(wanted, Vec::new(), NEVER).await });
    until(|| site.asked.load(SeqCst) == 3).await;
    assert_eq!(prober.shared.work().under_way, 3);
    assert_eq!(states(&prober, &targets), [State::Unknown; 10]);
    site.hangs.store(false, SeqCst);
    wait.await.unwrap();
    assert_eq!(states(&prober, &targets), [State::Up; 10]);
    assert_eq!((site.asked.load(SeqCst), site.most_connected.load(SeqCst)), (10, 3));
    prober.stop().await;
}

#[tokio::test]
async fn the_brake_holds_when_most_targets_fall_at_once() {
    let site = Site::open().await;
    let (observer, mut hear) = recorder();
    let prober = Prober::start(observer);
    // An interval wide enough that a busy machine does not stretch the falls beyond it.
    let every = Duration::from_secs(1);
    let targets = site.targets(20, every, NEVER);
    prober.prepare(targets.clone(), Vec::new(), NEVER).await;
    site.well.store(false, SeqCst);
    while next(&mut hear).await != Told::Brake(true) {}
    assert!(prober.brake().is_some());
    let frozen = states(&prober, &targets);
    assert!(frozen.iter().filter(|state| state.serves()).count() >= 10, "{frozen:?}");
    // More failures of all change nothing.
    let asked = site.asked.load(SeqCst);
    until(|| site.asked.load(SeqCst) > asked + 40).await;
    assert_eq!(states(&prober, &targets), frozen);
    assert!(hear.is_empty());
    site.well.store(true, SeqCst);
    assert_eq!(next(&mut hear).await, Told::Brake(false));
    until(|| states(&prober, &targets) == [State::Up; 20]).await;
    assert_eq!(prober.brake(), None);
    prober.stop().await;
}

#[tokio::test]
async fn stop_ends_probes_under_way() {
    let site = Site::open().await;
    site.hangs.store(true, SeqCst);
    let (observer, _hear) = recorder();
    let prober = Prober::start(observer);
    let first = prober.prepare(site.targets(3, NEVER, NEVER), Vec::new(), Duration::ZERO);
    first.await;
    until(|| site.connected.load(SeqCst) == 3).await;
    prober.stop().await;
    prober.stop().await;
    until(|| site.connected.load(SeqCst) == 0).await;
    assert_eq!(site.asked.load(SeqCst), 3);
}

#[test]
fn descriptors_are_read_from_the_systems_table() {
    let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
                  Max processes             95734                95734                processes \n\
                  Max open files            1024                 524288               files     \n";
    assert_eq!(descriptors(limits), Some(1_024));
    assert_eq!(descriptors("Max open files            unlimited            unlimited"), None);
    assert_eq!(descriptors(""), None);
    assert!(at_once() >= 1);
}
