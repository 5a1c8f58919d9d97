use super::*;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// The last octets of addresses and a TTL, or a failure.
type Scripted = Result<(Vec<u8>, u64), ()>;

/// Answers by script; each name's last entry counts for ever.
struct Script {
    answers: Mutex<HashMap<String, Vec<Scripted>>>,
    asked: mpsc::UnboundedSender<(String, Duration)>,
    start: Instant,
}

impl Lookup for Script {
    async fn lookup(&self, host: &str) -> Result<Answer, LookupError> {
        self.asked.send((host.to_owned(), self.start.elapsed())).unwrap();
        let mut answers = self.answers.lock().unwrap();
        let of_host = answers.get_mut(host).unwrap();
        let next = if of_host.len() > 1 { of_host.remove(0) } else { of_host[0].clone() };
        let (last_octets, ttl) = next.map_err(|()| LookupError("no answer".to_owned()))?;
        let addresses = last_octets.into_iter().map(|octet| IpAddr::from([192, 0, 2, octet])).collect();
        Ok(Answer { addresses, ttl: Duration::from_secs(ttl) })
    }
}

type Resolved = (Arc<str>, u16, Vec<SocketAddr>);

struct Sink(mpsc::UnboundedSender<Resolved>);

impl EndpointSink for Sink {
    fn resolved(&self, host: &Arc<str>, port: u16, addresses: Vec<SocketAddr>) {
        self.0.send((host.clone(), port, addresses)).unwrap();
    }
}

struct Rig {
    discovery: Discovery<Script>,
    asked: mpsc::UnboundedReceiver<(String, Duration)>,
    resolved: mpsc::UnboundedReceiver<Resolved>,
}

fn rig<const N: usize>(answers: [(&str, Vec<Scripted>); N]) -> Rig {
    let (asking, asked) = mpsc::unbounded_channel();
    let (resolving, resolved) = mpsc::unbounded_channel();
    let answers = answers.into_iter().map(|(host, answers)| (host.to_owned(), answers)).collect();
    let script = Script { answers: Mutex::new(answers), asked: asking, start: Instant::now() };
    Rig { discovery: Discovery::new(script, Arc::new(Sink(resolving))), asked, resolved }
}

fn names<const N: usize>(names: [(&str, u16); N]) -> HashSet<(Arc<str>, u16)> {
    names.into_iter().map(|(host, port)| (host.into(), port)).collect()
}

fn addresses(port: u16, last_octets: &[u8]) -> Vec<SocketAddr> {
    last_octets.iter().map(|octet| SocketAddr::from(([192, 0, 2, *octet], port))).collect()
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_for_when_its_answer_is_out_of_date() {
    let mut rig = rig([("a", vec![Ok((vec![2, 1, 2], 10)), Ok((vec![1, 2], 0)), Ok((vec![3], 86_400))])]);
    rig.discovery.watch(&names([("a", 80)]));
    assert_eq!(rig.resolved.recv().await.unwrap(), ("a".into(), 80, addresses(80, &[1, 2])));
    assert_eq!(
        rig.resolved.recv().await.unwrap(),
        ("a".into(), 80, addresses(80, &[3])),
        "the same is not told twice"
    );
    let mut times = Vec::new();
    while times.len() < 4 {
        times.push(rig.asked.recv().await.unwrap().1.as_secs());
    }
    assert_eq!(times, [0, 10, 11, 311]);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_addresses_are_kept_when_a_lookup_fails() {
    let mut rig = rig([("a", vec![Ok((vec![1], 1)), Err(()), Err(()), Ok((vec![1], 1)), Ok((vec![2], 1))])]);
    rig.discovery.watch(&names([("a", 80)]));
    assert_eq!(rig.resolved.recv().await.unwrap().2, addresses(80, &[1]));
    assert_eq!(rig.resolved.recv().await.unwrap().2, addresses(80, &[2]));
    let mut times = Vec::new();
    while let Ok((_, time)) = rig.asked.try_recv() {
        times.push(time.as_secs_f64());
    }
    let pauses: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses.len(), 4);
    assert!((0.5..=1.01).contains(&pauses[1]) && (1.0..=2.01).contains(&pauses[2]), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn names_come_and_go_while_others_go_on() {
    let mut rig = rig([("a", vec![Ok((vec![1], 60))]), ("b", vec![Ok((vec![2], 60))])]);
    rig.discovery.watch(&names([("a", 80)]));
    assert_eq!(rig.resolved.recv().await.unwrap(), ("a".into(), 80, addresses(80, &[1])));

    rig.discovery.watch(&names([("a", 80), ("a", 443), ("b", 80)]));
    let mut new = [rig.resolved.recv().await.unwrap(), rig.resolved.recv().await.unwrap()];
    new.sort();
    assert_eq!(new, [("a".into(), 443, addresses(443, &[1])), ("b".into(), 80, addresses(80, &[2]))]);

    rig.discovery.watch(&names([("b", 80)]));
    while rig.asked.try_recv().is_ok() {}
    for _ in 0..3 {
        assert_eq!(rig.asked.recv().await.unwrap().0, "b");
    }
    drop(rig.discovery);
    assert_eq!(rig.asked.recv().await, None, "all tasks have ended");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_comes_again_is_told_again() {
    let mut rig = rig([("a", vec![Ok((vec![1], 60))])]);
    for _ in 0..2 {
        rig.discovery.watch(&names([("a", 80)]));
        assert_eq!(rig.resolved.recv().await.unwrap().2, addresses(80, &[1]));
        rig.discovery.watch(&names([]));
    }
}
