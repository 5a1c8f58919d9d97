//! A client that sends exactly the bytes it is told to, and tells what came back.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No answer takes longer in these tests, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Names in lower case, with their values.
pub type Fields = Vec<(String, String)>;

/// The start line and the fields of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub start: String,
    pub headers: Fields,
}

impl Head {
    /// The only value of that field; `None` if it is not there.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|header| header.0 == name);
        let value = values.next().map(|header| &*header.1);
        assert!(values.next().is_none(), "{name} came twice: {self:?}");
        value
    }

    /// The status code of an answer.
    #[track_caller]
    pub fn status(&self) -> u16 {
        let code =
            self.start.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..)).and_then(|rest| rest.get(..3));
        code.and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status line: {:?}", self.start))
    }
}

/// Reads up to the empty line, byte by byte so that nothing behind it is taken. `None` at the end
/// of the stream.
pub fn read_head(stream: &mut impl Read) -> Option<Head> {
    let mut text = Vec::new();
    let mut byte = [0];
    while !text.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => text.push(byte[0]),
            _ => return None,
        }
    }
    let text = String::from_utf8_lossy(&text);
    let mut lines = text.lines();
    let start = lines.next()?.to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Head { start, headers })
}

/// Reads one piece of a chunked body; empty at its end, before the trailers.
pub fn read_chunk(stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let size = line.trim_end().split(';').next().unwrap_or_default();
    let size =
        usize::from_str_radix(size, 16).map_err(|_| io::Error::other(format!("no chunk: {line:?}")))?;
    let mut data = vec![0; size];
    stream.read_exact(&mut data)?;
    if size > 0 {
        let mut end = [0; 2];
        stream.read_exact(&mut end)?;
        assert_eq!(&end, b"\r\n");
    }
    Ok(data)
}

/// Reads a whole chunked body with its trailers.
pub fn read_chunked(stream: &mut impl BufRead) -> io::Result<(Vec<u8>, Fields)> {
    let mut body = Vec::new();
    loop {
        let data = read_chunk(stream)?;
        if data.is_empty() {
            break;
        }
        body.extend(data);
    }
    let mut trailers = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) => trailers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => return Ok((body, trailers)),
        }
    }
}

/// An answer with its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub head: Head,
    pub body: Vec<u8>,
    /// Of a chunked body.
    pub trailers: Fields,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(500)]);
        write!(f, "{:?}, {} bytes {body:?}, trailers {:?}", self.head, self.body.len(), self.trailers)
    }
}

impl Answer {
    #[track_caller]
    pub fn status(&self) -> u16 {
        self.head.status()
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// What a backend says about the request, of a test's own backends.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    #[track_caller]
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap_or_else(|error| panic!("{address}: {error}"))
    }

    /// Connects, or tells why nobody takes the connection.
    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends those bytes. That the peer has closed is no failure here: its answer tells why.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
        self
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> &mut Self {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap();
        self
    }

    /// Reads one head, also of an interim answer.
    #[track_caller]
    pub fn head(&mut self) -> Head {
        read_head(&mut self.stream).expect("the connection ended before an answer")
    }

    /// Reads a whole answer to a request of any method but HEAD.
    #[track_caller]
    pub fn answer(&mut self) -> Answer {
        self.try_answer().unwrap_or_else(|error| panic!("no whole answer: {error}"))
    }

    /// Reads an answer, or tells how it was broken off.
    #[track_caller]
    pub fn try_answer(&mut self) -> io::Result<Answer> {
        let head = read_head(&mut self.stream)
            .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no head"))?;
        let mut body = Vec::new();
        let mut trailers = Vec::new();
        match (head.header("transfer-encoding"), head.header("content-length")) {
            (Some(coding), None) => {
                assert_eq!(coding, "chunked");
                (body, trailers) = read_chunked(&mut self.stream)?;
            }
            (None, Some(length)) => {
                body.resize(length.parse().unwrap(), 0);
                self.stream.read_exact(&mut body)?;
            }
            (None, None) if matches!(head.status(), 101 | 204 | 304) => {}
            (None, None) => drop(self.stream.read_to_end(&mut body)?),
            (Some(_), Some(_)) => panic!("both lengths: {head:?}"),
        }
        Ok(Answer { head, body, trailers })
    }

    /// Reads one piece of a chunked body; empty at its end.
    pub fn chunk(&mut self) -> io::Result<Vec<u8>> {
        read_chunk(&mut self.stream)
    }

    /// Reads exactly that many bytes.
    #[track_caller]
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Whether the peer closes without a word more. Panics if it neither closes nor speaks.
    #[track_caller]
    pub fn is_closed(&mut self) -> bool {
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => true,
            Ok(_) => false,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => true,
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
}

/// Sends one request on a connection of its own and reads the answer.
#[track_caller]
pub fn ask(address: SocketAddr, request: impl AsRef<[u8]>) -> Answer {
    Client::connect(address).send(request).answer()
}
