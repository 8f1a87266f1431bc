//! The simulated regions: two HTTP servers each, on loopback addresses of their own, all on one
//! port (a probe has one port). They can be made to fail.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::http::StatusCode;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::Complaint;

/// The port of the members when it is free: that of `zones/demo.yaml`.
pub(super) const USUAL_PORT: u16 = 8101;
/// How many other ports are tried.
const TRIES: usize = 16;

/// Each region's pool in the zone, and its members.
pub(super) const REGIONS: [(&str, [Ipv4Addr; 2]); 3] = [
    ("virginia", [Ipv4Addr::new(127, 1, 1, 1), Ipv4Addr::new(127, 1, 1, 2)]),
    ("dublin", [Ipv4Addr::new(127, 1, 2, 1), Ipv4Addr::new(127, 1, 2, 2)]),
    ("tokyo", [Ipv4Addr::new(127, 1, 3, 1), Ipv4Addr::new(127, 1, 3, 2)]),
];

/// Every member with its region's name.
pub(super) fn members() -> impl Iterator<Item = (&'static str, Ipv4Addr)> {
    REGIONS.into_iter().flat_map(|(name, members)| members.map(|member| (name, member)))
}

/// How a member treats who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// 200.
    Well,
    /// 503.
    Failing,
    /// Accepts and says nothing.
    Hanging,
}

impl Mood {
    /// What a member in this mood does.
    pub(super) fn says(self) -> &'static str {
        match self {
            Self::Well => "answers 200 from now on",
            Self::Failing => "answers 503 from now on",
            Self::Hanging => "accepts and says nothing from now on",
        }
    }
}

/// What an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    All,
    Region(&'static str),
    Member(Ipv4Addr),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("everything"),
            Self::Region(name) => f.write_str(name),
            Self::Member(address) => write!(f, "{address}"),
        }
    }
}

/// The running members; dropped, they close.
pub(super) struct Regions {
    port: u16,
    moods: Vec<(&'static str, Ipv4Addr, watch::Sender<Mood>)>,
    _servers: JoinSet<()>,
}

impl Regions {
    /// Opens every member, on the usual port or another that is free on all addresses.
    pub(super) async fn open() -> Result<Self, Complaint> {
        let mut refusal = None;
        for port in std::iter::once(USUAL_PORT).chain(std::iter::repeat_n(0, TRIES)) {
            match bind(port).await {
                Ok((port, listeners)) => return Ok(Self::serve(port, listeners)),
                Err(error) => refusal = Some(error),
            }
        }
        let reason = refusal.map(|error| error.to_string()).unwrap_or_default();
        Err(Complaint::new(format!("the simulated regions cannot listen: {reason}"))
            .help("they need the loopback addresses 127.1.1.1 to 127.1.3.2, as Linux has them"))
    }

    fn serve(port: u16, listeners: Vec<TcpListener>) -> Self {
        let mut servers = JoinSet::new();
        let mut moods = Vec::new();
        for ((region, address), listener) in members().zip(listeners) {
            let (tell, mood) = watch::channel(Mood::Well);
            let router = Router::new().fallback(move || answer(region, address, mood.clone()));
            servers.spawn(async move {
                // It ends when the task is dropped, and not before.
                let _ = axum::serve(listener, router).await;
            });
            moods.push((region, address, tell));
        }
        Self { port, moods, _servers: servers }
    }

    /// The port of all members.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Changes how members behave from now on.
    pub(super) fn set(&self, what: What, mood: Mood) {
        for (region, address, tell) in &self.moods {
            let meant = match what {
                What::All => true,
                What::Region(name) => name == *region,
                What::Member(member) => member == *address,
            };
            if meant {
                tell.send_replace(mood);
            }
        }
    }
}

/// Binds every member to one port; 0 takes one that is free on the first address.
async fn bind(mut port: u16) -> std::io::Result<(u16, Vec<TcpListener>)> {
    let mut listeners = Vec::new();
    for (_, address) in members() {
        let listener = TcpListener::bind(SocketAddr::from((address, port))).await?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok((port, listeners))
}

/// Answers any path: the probe wants `ok` in the body, people want to know who answered.
async fn answer(
    region: &'static str,
    address: Ipv4Addr,
    mut mood: watch::Receiver<Mood>,
) -> (StatusCode, String) {
    // A closed channel means that the demo ends; whatever is answered then is right.
    let now = mood.wait_for(|mood| *mood != Mood::Hanging).await.map_or(Mood::Failing, |m| *m);
    match now {
        Mood::Well => (StatusCode::OK, format!("ok: {region} {address}\n")),
        Mood::Failing | Mood::Hanging => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("failing: {region} {address}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn status(regions: &Regions, address: Ipv4Addr) -> String {
        let mut stream = TcpStream::connect((address, regions.port())).await.expect("connected");
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("an answer");
        text.split(' ').nth(1).expect("a status").to_owned()
    }

    #[tokio::test]
    async fn a_region_fails_and_heals_and_the_others_do_not_notice() {
        let (port, listeners) = bind(0).await.expect("a free port");
        let regions = Regions::serve(port, listeners);
        regions.set(What::Region("dublin"), Mood::Failing);
        for (region, address) in members() {
            let expected = if region == "dublin" { "503" } else { "200" };
            assert_eq!(status(&regions, address).await, expected, "{region} {address}");
        }
        regions.set(What::Member(Ipv4Addr::new(127, 1, 2, 2)), Mood::Well);
        assert_eq!(status(&regions, Ipv4Addr::new(127, 1, 2, 1)).await, "503");
        assert_eq!(status(&regions, Ipv4Addr::new(127, 1, 2, 2)).await, "200");
        regions.set(What::All, Mood::Well);
        assert_eq!(status(&regions, Ipv4Addr::new(127, 1, 2, 1)).await, "200");
    }

    #[tokio::test]
    async fn a_hanging_member_says_nothing_until_it_is_healed() {
        let (port, listeners) = bind(0).await.expect("a free port");
        let regions = Regions::serve(port, listeners);
        let tokyo = Ipv4Addr::new(127, 1, 3, 1);
        regions.set(What::Region("tokyo"), Mood::Hanging);
        let mut asking = Box::pin(status(&regions, tokyo));
        tokio::select! {
            biased;
            answer = &mut asking => panic!("it answered {answer}"),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
        }
        regions.set(What::Region("tokyo"), Mood::Well);
        assert_eq!(asking.await, "200");
    }

    #[tokio::test]
    async fn another_port_is_taken_when_one_is_in_use() {
        let (port, _kept) = bind(0).await.expect("a free port");
        assert!(bind(port).await.is_err());
        assert!(Regions::open().await.is_ok());
        let first = Regions::open().await.expect("a port");
        let second = Regions::open().await.expect("another port");
        assert_ne!(first.port(), second.port());
    }
}
