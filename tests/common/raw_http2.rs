//! An HTTP/2 client that sends any header field it is told to, right or wrong.

use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const MAX_FRAME: usize = 16 << 10;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection that uses stream after stream.
pub struct Http2Client {
    stream: BufReader<TcpStream>,
    next: u32,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Status(u16),
    /// The stream was reset, with that error code.
    Reset(u32),
    /// The connection was ended, with that error code.
    GoAway(u32),
    /// The connection was closed without a word.
    Closed,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Http2Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut client = Self { stream: BufReader::new(stream), next: 1 };
        client.write(PREFACE);
        client.frame(SETTINGS, 0, 0, &[]);
        client
    }

    /// Opens a stream with those fields in that order, and sends that body with it.
    pub fn request(&mut self, fields: &[(&str, &str)], body: Option<&[u8]>) -> u32 {
        let stream = self.next;
        self.next += 2;
        let end = if body.is_none() { END_STREAM } else { 0 };
        let block = block(fields);
        let pieces: Vec<&[u8]> = block.chunks(MAX_FRAME).collect();
        for (number, piece) in pieces.iter().enumerate() {
            let last = if number + 1 == pieces.len() { END_HEADERS } else { 0 };
            match number {
                0 => self.frame(HEADERS, last | end, stream, piece),
                _ => self.frame(CONTINUATION, last, stream, piece),
            }
        }
        if let Some(body) = body {
            self.frame(DATA, END_STREAM, stream, body);
        }
        stream
    }

    /// Reads until that stream has a status or has failed.
    #[track_caller]
    pub fn outcome(&mut self, stream: u32) -> Outcome {
        while let Some(frame) = self.read_frame() {
            match frame.kind {
                SETTINGS if frame.flags == 0 => self.frame(SETTINGS, 1, 0, &[]),
                HEADERS if frame.stream == stream => return Outcome::Status(status(&frame.payload)),
                RST_STREAM if frame.stream == stream => return Outcome::Reset(number(&frame.payload)),
                GOAWAY if number(&frame.payload[4..]) != 0 => {
                    return Outcome::GoAway(number(&frame.payload[4..]));
                }
                _ => {}
            }
        }
        Outcome::Closed
    }

    fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.get_mut().write_all(bytes);
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = (payload.len() as u32).to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.write(&[&head, payload].concat());
    }

    /// `None` when the connection has ended. Panics if nothing comes.
    #[track_caller]
    fn read_frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => panic!("the server says nothing"),
            Err(_) => return None,
        }
        let mut payload = vec![0; number(&[0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).ok()?;
        Some(Frame { kind: head[3], flags: head[4], stream: number(&head[5..]), payload })
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// RFC 7541 §6.2.2: literals without indexing, in plain text.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            let mut rest = text.len();
            if rest < 127 {
                block.push(rest as u8);
            } else {
                block.push(127);
                rest -= 127;
                while rest >= 128 {
                    block.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                block.push(rest as u8);
            }
            block.extend(text.bytes());
        }
    }
    block
}

/// The status, which is the first field of an answer.
#[track_caller]
fn status(block: &[u8]) -> u16 {
    // Updates of the table's size come before it (RFC 7541 §6.3).
    let start = block.iter().position(|byte| byte & 0xE0 != 0x20).unwrap();
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block[start] {
        indexed @ 0x88..=0x8E => INDEXED[usize::from(indexed - 0x88)],
        // A literal value with the name `:status`, with or without indexing.
        0x48 | 0x08 | 0x18 => {
            let length = usize::from(block[start + 1] & 0x7F);
            let text = &block[start + 2..start + 2 + length];
            let digits = if block[start + 1] & 0x80 == 0 { text.to_vec() } else { huffman_digits(text) };
            String::from_utf8(digits).unwrap().parse().unwrap()
        }
        other => panic!("an answer that begins with {other:#x}"),
    }
}

/// RFC 7541 appendix B, as far as three digits need it.
fn huffman_digits(bytes: &[u8]) -> Vec<u8> {
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let mut digits = Vec::new();
    let mut at = 0;
    while digits.len() < 3 {
        let take = |count: usize| bits[at..at + count].iter().fold(0_u8, |sum, bit| sum << 1 | bit);
        // 0 to 2 are 00000 to 00010, 3 to 9 are 011001 to 011111.
        let (digit, count) = if take(5) < 3 { (take(5), 5) } else { (take(6) - 0b01_1001 + 3, 6) };
        digits.push(b'0' + digit);
        at += count;
    }
    digits
}
