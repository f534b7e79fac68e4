//! The language of the transcripts.
//!
//! ```text
//! # name of the scenario
//! C> Q "SELECT 1"        the client sends this frame
//! >S Q "SELECT 1"        the server must receive this one
//! S> Z 'I'               the server sends
//! >C Z 'I'               the client must receive
//! C= … and S= …          sent, and received by the other as it is
//! ```
//! Frames on one line are separated by `|` and are sent as one piece. Fields: `"text"` with its NUL, `'x'` one byte,
//! (or in backticks), `h1` int16, `i1` int32, `v"text"` a value with its length, `v-` NULL, `r"raw bytes"`, `sealed"plain"` a sealed value with
//! its length, `denied"plain"` the same under a key that nobody may use. `error 42601` is an ErrorResponse with that code,
//! whatever else it says. `any P` is a Parse
//! of whatever content.

use bytes::BufMut;

use crate::{LABEL, key};
use pgseal::model::{Format, Peer, Plain, ValueKind};
use pgseal::seal::{self, Nonces, Parsed};

/// The content of `any`.
const ANY: &str = "`<any>`";

pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) lines: Vec<Line>,
}

pub(crate) enum Line {
    Send(Peer, String, Vec<u8>),
    /// The peer must receive this frame.
    Expect(Peer, String, Vec<u8>),
}

pub(crate) fn parse(text: &str) -> Vec<Scenario> {
    let mut scenarios: Vec<Scenario> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(name) = line.strip_prefix("# ") {
            scenarios.push(Scenario {
                name: name.into(),
                lines: Vec::new(),
            });
            continue;
        }
        let scenario = scenarios.last_mut().expect("a name comes first");
        let (mark, frames) = line.split_at(2);
        let frames: Vec<(String, Vec<u8>)> = frames
            .split(" | ")
            .map(|frame| (line.to_owned(), encode(frame)))
            .collect();
        let all: Vec<u8> = frames.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let (sender, receiver) = match mark {
            "C>" => (Some(Peer::Client), None),
            "S>" => (Some(Peer::Server), None),
            ">C" => (None, Some(Peer::Client)),
            ">S" => (None, Some(Peer::Server)),
            "C=" => (Some(Peer::Client), Some(Peer::Server)),
            "S=" => (Some(Peer::Server), Some(Peer::Client)),
            _ => panic!("{line}"),
        };
        if let Some(peer) = sender {
            scenario.lines.push(Line::Send(peer, line.into(), all));
        }
        if let Some(peer) = receiver {
            let expected = frames
                .into_iter()
                .map(|(text, bytes)| Line::Expect(peer, text, bytes));
            scenario.lines.extend(expected);
        }
    }
    scenarios
}

/// One frame from its line.
pub(crate) fn encode(line: &str) -> Vec<u8> {
    let line = line.trim();
    let mut body = Vec::new();
    let (tag, mut rest) = match line.strip_prefix("error ") {
        Some(code) => {
            for (field, text) in [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', code), (b'M', "m")] {
                body.push(field);
                body.put_slice(text.as_bytes());
                body.push(0);
            }
            body.push(0);
            (b'E', "")
        }
        None if line.starts_with("any ") => (line.as_bytes()[4], ANY),
        None => (line.as_bytes()[0], line[1..].trim_start()),
    };
    while !rest.is_empty() {
        let quoted = rest.find(['"', '\'', '`', ' ']).unwrap_or(rest.len());
        let (kind, behind) = rest.split_at(quoted);
        let (text, behind) = match behind.chars().next() {
            Some(mark @ ('"' | '\'' | '`')) => {
                behind[1..].split_once(mark).expect("a closing quote")
            }
            _ => ("", behind),
        };
        field(&mut body, kind, text, rest.starts_with('\''));
        rest = behind.trim_start();
    }
    let mut frame = vec![tag];
    frame.put_u32(u32::try_from(body.len()).unwrap() + 4);
    frame.put_slice(&body);
    frame
}

fn field(body: &mut Vec<u8>, kind: &str, text: &str, byte: bool) {
    let value = |body: &mut Vec<u8>, bytes: &[u8]| {
        body.put_i32(i32::try_from(bytes.len()).unwrap());
        body.put_slice(bytes);
    };
    match kind {
        "" if byte => body.put_slice(text.as_bytes()),
        "" => {
            body.put_slice(text.as_bytes());
            body.push(0);
        }
        "r" => body.put_slice(text.as_bytes()),
        "v" => value(body, text.as_bytes()),
        "v-" => body.put_i32(-1),
        "sealed" | "denied" => value(body, &sealed(text, kind == "denied")),
        _ => match kind.split_at(1) {
            ("h", number) => body.put_i16(number.parse().unwrap()),
            ("i", number) => body.put_i32(number.parse().unwrap()),
            _ => panic!("{kind}"),
        },
    }
}

fn sealed(text: &str, denied: bool) -> Vec<u8> {
    let plain = Plain::new(text.as_bytes().to_vec());
    let mut nonces = Nonces::from_os().unwrap();
    let sealed = seal::seal(&key(denied), LABEL, &plain, &mut nonces).unwrap();
    sealed.to_wire(ValueKind::Text, Format::Text)
}

/// Takes the first frame out.
pub(crate) fn take_frame(bytes: &mut Vec<u8>) -> Vec<u8> {
    let len = match bytes.get(1..5) {
        Some(len) => u32::from_be_bytes(len.try_into().unwrap()) as usize + 1,
        None => return Vec::new(),
    };
    bytes.drain(..len.min(bytes.len())).collect()
}

/// Whether this is the frame that is expected.
pub(crate) fn same(got: &[u8], expected: &[u8]) -> bool {
    let any = encode("any x");
    if expected.get(1..) == any.get(1..) {
        return got.first() == expected.first();
    }
    shown(got) == shown(expected)
}

/// A frame for people and for comparison: sealed values are opened, errors are their codes.
pub(crate) fn shown(frame: &[u8]) -> String {
    let Some((tag, rest)) = frame.split_first() else {
        return String::new();
    };
    let body = rest.get(4..).unwrap_or_default();
    if *tag == b'E' && body.starts_with(b"S") {
        let code = body
            .split(|byte| *byte == 0)
            .find_map(|field| field.strip_prefix(b"C"))
            .unwrap_or_default();
        return format!("E {}", String::from_utf8_lossy(code));
    }
    let mut text = String::new();
    let mut rest = body;
    while let Some((&byte, behind)) = rest.split_first() {
        let end = rest
            .starts_with(b"~s1")
            .then(|| rest.iter().skip(1).position(|byte| *byte == b'~'))
            .flatten();
        if let Some(end) = end {
            let (token, behind) = rest.split_at(end + 2);
            text.push_str(&opened(token));
            rest = behind;
        } else {
            text.extend(byte.escape_ascii().map(char::from));
            rest = behind;
        }
    }
    format!("{} {text}", char::from(*tag))
}

fn opened(token: &[u8]) -> String {
    let Ok(Parsed::Sealed(value)) = seal::parse(ValueKind::Text, Format::Text, token) else {
        return "<no sealed value>".into();
    };
    let denied = value.kid() == key(true).kid;
    let plain = seal::open(&key(denied), LABEL, None, &value).unwrap();
    format!("<sealed {}>", String::from_utf8_lossy(plain.expose()))
}
