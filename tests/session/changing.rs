//! While somebody's change of the catalog is about to be committed, nothing is sent that it could give another meaning to.

use std::sync::Arc;

use pgseal::model::Peer;
use pgseal::session::Shared;

use crate::transcript::{encode, shown};
use crate::{Replay, shared};

fn frames(line: &str) -> Vec<u8> {
    line.split(" | ").flat_map(encode).collect()
}

fn session() -> (Replay, Arc<Shared>) {
    let shared = shared();
    (Replay::of(shared.clone()), shared)
}

#[track_caller]
fn sent(replay: &mut Replay, line: &str) {
    let got = std::mem::take(&mut replay.to_server);
    assert_eq!(got, frames(line), "got {}", shown(&got));
}

const STATEMENT: &str =
    r#"P "" "INSERT INTO log (note) VALUES ($1)" h0 | B "" "" h0 h1 v"x" h0 | E "" i0 | S"#;

#[test]
fn statements_wait_and_go_on_in_their_order() {
    for line in [r#"Q "SELECT 1""#, STATEMENT] {
        let (mut replay, shared) = session();
        shared.set_changing(true);
        replay.feed(Peer::Client, &frames(line));
        assert!(replay.to_server.is_empty() && replay.session.is_held(Peer::Client));
        shared.set_changing(false);
        replay.feed(Peer::Client, b"");
        sent(&mut replay, line);
    }
}

#[test]
fn what_ends_a_statement_that_was_sent_before_goes_on() {
    let (mut replay, shared) = session();
    let (before, end) = STATEMENT.rsplit_once(" | ").unwrap();
    replay.feed(Peer::Client, &frames(before));
    sent(&mut replay, before);
    shared.set_changing(true);
    replay.feed(Peer::Client, &frames(&format!("{end} | {STATEMENT}")));
    sent(&mut replay, end);
    // Answers come through meanwhile.
    let answers = frames(r#"1 | 2 | C "INSERT 0 1" | Z 'I'"#);
    replay.feed(Peer::Server, &answers);
    assert_eq!(replay.to_client, answers);
    shared.set_changing(false);
    replay.feed(Peer::Client, b"");
    sent(&mut replay, STATEMENT);
}

#[test]
fn data_of_a_copy_that_was_sent_before_goes_on() {
    let (mut replay, shared) = session();
    replay.feed(Peer::Client, &frames(r#"Q "COPY log FROM STDIN""#));
    replay.to_server.clear();
    replay.feed(Peer::Server, &frames(r#"G "" h0"#));
    shared.set_changing(true);
    replay.feed(Peer::Client, &frames("d | c"));
    sent(&mut replay, "d | c");
}

#[test]
fn what_is_planned_afterwards_is_planned_anew() {
    let (mut replay, shared) = session();
    shared.set_changing(true);
    let text = r#"Q "SELECT lower(secret) FROM vault""#;
    replay.feed(Peer::Client, &frames(text));
    assert!(replay.to_server.is_empty());
    // The rules are gone meanwhile.
    shared.planner.store(None);
    shared.set_changing(false);
    replay.feed(Peer::Client, b"");
    sent(&mut replay, text);
}
