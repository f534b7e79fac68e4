//! Binds that are larger than what is held whole: only their beginning is sent here.

use pgseal::model::Peer;
use pgseal::session::MESSAGE_LIMIT;

use crate::Replay;
use crate::transcript::{encode, shown, take_frame};

const PROTECTED: &str = r#"P "" "INSERT INTO vault (id, org, secret) VALUES ($1, $2, $3)" h0"#;
const OTHER: &str = r#"P "" "INSERT INTO log (note) VALUES ($1)" h0"#;

fn frames(line: &str) -> Vec<u8> {
    line.split(" | ").flat_map(encode).collect()
}

/// The beginning of a Bind of the unnamed statement that claims to be longer than a frame may be.
fn beginning() -> Vec<u8> {
    let mut frame = encode(r#"B "portal" "" h0 h1"#);
    let len = u32::try_from(MESSAGE_LIMIT).unwrap() + 1;
    frame[1..5].copy_from_slice(&len.to_be_bytes());
    frame.extend_from_slice(b"plaintext");
    frame
}

/// A session whose unnamed statement is protected, and is about to be replaced.
fn replacing(then: &str) -> Replay {
    let mut replay = Replay::new();
    replay.feed(Peer::Client, &frames(&format!("{PROTECTED} | S")));
    replay.feed(Peer::Server, &frames("1 | Z 'I'"));
    replay.to_server.clear();
    replay.to_client.clear();
    replay.feed(Peer::Client, &frames(then));
    assert_eq!(replay.to_server, frames(then));
    replay.to_server.clear();
    replay
}

#[test]
fn a_large_value_streams_to_the_statement_that_replaces_a_protected_one_in_its_group() {
    let mut replay = replacing(OTHER);
    replay.feed(Peer::Client, &beginning());
    assert_eq!(replay.to_server, beginning());
    assert!(replay.to_client.is_empty());
}

#[test]
fn a_large_value_waits_until_the_server_has_said_what_its_statement_is() {
    let mut replay = replacing(&format!("{OTHER} | S"));
    replay.feed(Peer::Client, &beginning());
    assert_eq!(replay.to_server, encode("H"));
    assert!(replay.session.is_held(Peer::Client));
    replay.to_server.clear();
    replay.feed(Peer::Server, &frames("1 | Z 'I'"));
    assert_eq!(replay.to_server, beginning());
    assert_eq!(replay.to_client, frames("1 | Z 'I'"));
}

#[test]
fn a_large_value_is_refused_where_the_protected_statement_may_be_there_still() {
    let mut replay = replacing(&format!("{OTHER} | S"));
    replay.feed(Peer::Client, &beginning());
    replay.feed(Peer::Server, &frames("error 22021 | Z 'I'"));
    let to_server = String::from_utf8_lossy(&replay.to_server);
    assert!(!to_server.contains("plaintext") && to_server.contains("pgseal refused this"));
    replay.to_client.clear();
    replay.feed(Peer::Server, &frames("error 42703"));
    assert_eq!(shown(&take_frame(&mut replay.to_client)), "E 54000");
}

#[test]
fn a_large_value_for_a_protected_statement_is_refused_with_its_names() {
    let mut replay = replacing(PROTECTED);
    replay.feed(Peer::Client, &beginning());
    let to_server = String::from_utf8_lossy(&replay.to_server);
    assert!(!to_server.contains("plaintext") && to_server.contains("pgseal refused this"));
}

#[test]
fn a_large_bind_waits_for_its_names() {
    for split in 5..encode(r#"B "portal" """#).len() {
        let mut replay = replacing(OTHER);
        let bind = beginning();
        let (head, rest) = bind.split_at(split);
        replay.feed(Peer::Client, head);
        assert!(replay.to_server.is_empty() && !replay.session.is_held(Peer::Client));
        replay.feed(Peer::Client, rest);
        assert_eq!(replay.to_server, bind, "split at {split}");
    }
}

#[test]
fn a_whole_bind_without_its_names_is_an_error() {
    let mut replay = replacing(OTHER);
    replay.feed(Peer::Client, &encode(r#"B r"portal""#));
    assert!(replay.fatal.is_some());
}
