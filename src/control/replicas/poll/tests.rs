use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A replica that gives these answers one after the other, and then none. Returns its address and the
/// first lines of what it is asked.
async fn replica(answers: Vec<(&'static str, String)>) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for (status, body) in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            asked.send(head.lines().next().unwrap().to_owned()).unwrap();
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, receiver)
}

fn report(process: &str, cursor: u64) -> Report {
    let objects = [("u".into(), 1)].into();
    Report {
        process: process.into(),
        nodes: [].into(),
        cursor,
        version: 1,
        complete: true,
        objects,
        gone: Vec::new(),
    }
}

fn ok(report: &Report) -> (&'static str, String) {
    ("200 OK", serde_json::to_string(report).unwrap())
}

fn plan(name: &str, address: SocketAddr) -> Plan {
    Plan { replicas: [(name.into(), address)].into(), every: Duration::from_millis(1) }
}

#[tokio::test]
async fn each_question_goes_on_where_the_last_answer_ended() {
    let answers = [report("a", 3), report("a", 5), report("b", 2)];
    let mut all: Vec<_> = answers.iter().map(ok).collect();
    // What is no answer changes nothing.
    all.insert(1, ("503 Service Unavailable", "draining".to_owned()));
    all.insert(2, ("200 OK", "no JSON".to_owned()));
    let (address, mut asked) = replica(all).await;
    let mut link = start();
    link.plan.send_replace(plan("pod", address));
    for answer in answers {
        assert_eq!(link.answers.recv().await.unwrap(), ("pod".into(), answer));
    }
    let mut questions = Vec::new();
    for _ in 0..5 {
        questions.push(asked.recv().await.unwrap());
    }
    let again = "GET /served?process=a&since=3 HTTP/1.1";
    assert_eq!(
        questions,
        ["GET /served HTTP/1.1", again, again, again, "GET /served?process=a&since=5 HTTP/1.1"]
    );
}

#[tokio::test]
async fn one_replica_keeps_no_other_waiting_and_who_is_gone_is_not_asked() {
    // Accepts, and never answers.
    let deaf = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, _asked) = replica(vec![ok(&report("a", 1)), ok(&report("a", 2))]).await;
    let mut both = plan("hears", address);
    both.replicas.insert("deaf".into(), deaf.local_addr().unwrap());
    let mut link = start();
    link.plan.send_replace(both);
    for cursor in [1, 2] {
        assert_eq!(link.answers.recv().await.unwrap(), ("hears".into(), report("a", cursor)));
    }
    let (waiting, _) = deaf.accept().await.unwrap();
    link.plan.send_replace(Plan { replicas: BTreeMap::new(), every: Duration::from_secs(5) });
    // The question that was under way is dropped with the one who asked it.
    let mut text = Vec::new();
    let mut waiting = waiting;
    waiting.read_to_end(&mut text).await.unwrap();
    assert!(text.starts_with(b"GET /served HTTP/1.1\r\n"));
}
