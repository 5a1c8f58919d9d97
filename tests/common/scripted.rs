//! A backend that sends exactly the bytes it is told to, right or wrong.

use super::raw::{Head, read_chunked, read_head};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What is done for one request, one after the other.
pub enum Step {
    Send(Vec<u8>),
    /// Ends the connection in order.
    Close,
    /// Ends it with a reset.
    Reset,
    /// Does nothing until the peer ends it.
    Hold,
    /// Sends back what comes until the peer ends it.
    Echo,
}

/// Runs until the test ends; each connection has a thread.
pub struct Scripted {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    closes: Arc<AtomicUsize>,
    requests: Arc<Mutex<Vec<Head>>>,
}

impl Scripted {
    /// Asks the script what to do for each request, whose body is read before.
    pub fn start(script: impl Fn(&Head) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(script);
        let connections = Arc::new(AtomicUsize::new(0));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let closes = Arc::new(AtomicUsize::new(0));
        let scripted = Self {
            address,
            connections: connections.clone(),
            closes: closes.clone(),
            requests: requests.clone(),
        };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (script, requests, closes) = (script.clone(), requests.clone(), closes.clone());
                std::thread::spawn(move || {
                    serve(stream.unwrap(), &*script, &requests);
                    closes.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        scripted
    }

    /// Answers every request with those bytes.
    pub fn always(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_| vec![Step::Send(answer.clone())])
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns once that many connections have ended on this side.
    pub fn wait_for_closes(&self, count: usize) {
        let limit = Instant::now() + Duration::from_secs(10);
        while self.closes.load(Ordering::SeqCst) < count {
            assert!(Instant::now() < limit, "the connections stay open");
            std::thread::yield_now();
        }
    }

    pub fn requests(&self) -> Vec<Head> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, script: &dyn Fn(&Head) -> Vec<Step>, requests: &Mutex<Vec<Head>>) {
    stream.set_nodelay(true).unwrap();
    let mut stream = BufReader::new(stream);
    while let Some(head) = read_head(&mut stream) {
        if read_body(&head, &mut stream).is_err() {
            return;
        }
        requests.lock().unwrap().push(head.clone());
        for step in script(&head) {
            match step {
                Step::Send(bytes) => {
                    if stream.get_mut().write_all(&bytes).is_err() {
                        return;
                    }
                }
                Step::Close => return drop(stream.get_ref().shutdown(Shutdown::Both)),
                Step::Reset => {
                    let _ = socket2::SockRef::from(stream.get_ref()).set_linger(Some(Duration::ZERO));
                    return;
                }
                Step::Hold => return drop(io::copy(&mut stream, &mut io::sink())),
                Step::Echo => {
                    let mut back = stream.get_ref().try_clone().unwrap();
                    return drop(io::copy(&mut stream, &mut back));
                }
            }
        }
    }
}

fn read_body(head: &Head, stream: &mut impl BufRead) -> io::Result<()> {
    if head.header("transfer-encoding").is_some() {
        return read_chunked(stream).map(drop);
    }
    let length = head.header("content-length").map_or(0, |length| length.parse().unwrap());
    io::copy(&mut stream.by_ref().take(length), &mut io::sink()).map(drop)
}
