//! COPY as bytes between a client and a server: nothing unsealed goes on, whatever comes in whatever order.

use std::io::IoSlice;
use std::sync::Arc;

use crate::keys::{Ages, DataKey, KeyAnswers, KeyCache, KeyWants, Purpose};
use crate::model::{Peer, Secret, TenantId};
use crate::session::{Progress, Session, Shared, TlsOffer};
use crate::wire::{Inbox, OutQueue, Outbox};

const A: &str = "00000000-0000-0000-0000-0000000000a0";
const B: &str = "00000000-0000-0000-0000-0000000000b0";
const COPY: &str = "COPY prompts (id, organisation_id, template) FROM STDIN";

/// One message.
fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 4).unwrap();
    [&[tag], &len.to_be_bytes()[..], body].concat()
}

fn query(sql: &str) -> Vec<u8> {
    frame(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

fn data(text: &str) -> Vec<u8> {
    frame(b'd', text.as_bytes())
}

fn done() -> Vec<u8> {
    frame(b'c', b"")
}

/// CopyInResponse or CopyOutResponse in text format.
fn opens(tag: u8, columns: u8) -> Vec<u8> {
    let formats = vec![0; 2 * usize::from(columns)];
    frame(tag, &[&[0, 0, columns][..], &formats].concat())
}

fn error(state: &str) -> Vec<u8> {
    frame(
        b'E',
        format!("SERROR\0VERROR\0C{state}\0Mserver's own\0\0").as_bytes(),
    )
}

fn complete(tag: &str) -> Vec<u8> {
    frame(b'C', &[tag.as_bytes(), b"\0"].concat())
}

fn ready(status: u8) -> Vec<u8> {
    frame(b'Z', &[status])
}

struct Wire {
    session: Session,
    from_client: Inbox,
    from_server: Inbox,
    wants: KeyWants,
}

fn key(tenant: &str) -> Arc<DataKey> {
    Arc::new(DataKey::new(
        TenantId::new(tenant).unwrap(),
        Purpose::Dek,
        &Secret::new(&[7; 32]),
    ))
}

fn taken(queue: &mut OutQueue) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !queue.is_empty() {
        let mut slices = [IoSlice::new(&[]); 8];
        let filled = queue.io_slices(&mut slices);
        let part = slices[..filled]
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect::<Vec<u8>>();
        queue.advance(part.len());
        bytes.extend(part);
    }
    bytes
}

impl Wire {
    /// A session that is logged in, with the key of tenant A.
    fn live() -> Self {
        let keys = Arc::new(KeyCache::new(Ages::default()));
        keys.insert(key(A), true);
        let planner = Arc::new(crate::plan::tests::planner());
        let shared = Arc::new(Shared::new(Some(planner), keys, Some("app".into())));
        let mut wire = Self {
            session: Session::new(shared, TlsOffer::Disabled, false),
            from_client: Inbox::new(),
            from_server: Inbox::new(),
            wants: KeyWants::default(),
        };
        let startup = b"\0\x03\0\0user\0u\0database\0app\0\0";
        let len = u32::try_from(startup.len() + 4).unwrap();
        wire.client(&[&len.to_be_bytes()[..], startup].concat());
        let status = |name: &str, value: &str| frame(b'S', format!("{name}\0{value}\0").as_bytes());
        let login = [
            frame(b'R', &[0; 4]),
            status("server_version", "15.8 (Debian)"),
            status("client_encoding", "UTF8"),
            status("standard_conforming_strings", "on"),
            ready(b'I'),
        ];
        wire.server(&login.concat());
        wire
    }

    /// What went to the client and to the server.
    fn says(&mut self, peer: Peer, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        match peer {
            Peer::Client => self.from_client.writable().extend_from_slice(bytes),
            Peer::Server => self.from_server.writable().extend_from_slice(bytes),
        }
        let mut out = Outbox::default();
        for peer in [Peer::Server, Peer::Client, Peer::Server] {
            let inbox = match peer {
                Peer::Client => &mut self.from_client,
                Peer::Server => &mut self.from_server,
            };
            if let Progress::NeedKeys(wants) = self.session.advance(peer, inbox, &mut out).unwrap()
            {
                self.wants = *wants;
            }
        }
        let both = (taken(&mut out.client), taken(&mut out.server));
        assert!(!has(&both.1, "secret"), "plaintext went to the server");
        both
    }

    /// What a message of the client sends to the server.
    fn client(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.says(Peer::Client, bytes).1
    }

    fn server(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        self.says(Peer::Server, bytes)
    }
}

fn has(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

fn row(tenant: &str) -> String {
    format!("1\t{tenant}\tsecret\n")
}

#[test]
fn data_that_comes_before_the_server_is_ready_waits() {
    let mut wire = Wire::live();
    let sent = wire.client(&[query(COPY), data(&row(A)), done()].concat());
    assert_eq!(sent, query(COPY));
    let (client, server) = wire.server(&opens(b'G', 3));
    assert_eq!(client, opens(b'G', 3));
    assert!(server.starts_with(b"d") && has(&server, "~s1") && server.ends_with(&done()));
    let (client, _) = wire.server(&[complete("COPY 1"), ready(b'I')].concat());
    assert_eq!(client, [complete("COPY 1"), ready(b'I')].concat());
    assert_eq!(wire.client(&query("SELECT 1")), query("SELECT 1"));
}

#[test]
fn data_that_the_server_will_not_read_is_not_sent() {
    // It refuses the statement,
    let mut wire = Wire::live();
    wire.client(&[query(COPY), data(&row(A)), done()].concat());
    let (_, server) = wire.server(&[error("42703"), ready(b'I')].concat());
    assert!(server.is_empty());
    // or ends the COPY by an error of its own,
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    assert!(has(&wire.client(&data(&row(A))), "~s1"));
    let (client, _) = wire.server(&[error("23505"), ready(b'I')].concat());
    assert_eq!(client, [error("23505"), ready(b'I')].concat());
    assert!(
        wire.client(&[data(&row(A)), data("half a secret")].concat())
            .is_empty()
    );
    assert!(wire.client(&done()).is_empty());
    // and what comes then is another matter.
    let plain = "COPY audit FROM STDIN";
    let early = [query(plain), data("free"), done()].concat();
    assert_eq!(wire.client(&early), early);
    wire.server(&[opens(b'G', 3), complete("COPY 1"), ready(b'I')].concat());
}

#[test]
fn a_row_that_cannot_be_sealed_fails_the_copy_in_its_turn() {
    let mut wire = Wire::live();
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    let sent = wire.client(&data("1\tsecret\n"));
    assert!(sent.starts_with(b"f"));
    assert!(wire.client(&[data(&row(A)), done()].concat()).is_empty());
    let (client, _) = wire.server(&[error("57014"), ready(b'E')].concat());
    assert!(
        has(&client, "C22P04")
            && has(&client, "missing data for column \"template\"")
            && client.ends_with(&ready(b'E'))
    );
    // An error that the server had before it read CopyFail is the one that counts.
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    wire.client(&[data("1\tsecret\n"), done()].concat());
    let (client, _) = wire.server(&[error("23505"), ready(b'E')].concat());
    assert_eq!(client, [error("23505"), ready(b'E')].concat());
}

#[test]
fn two_copies_of_one_message_are_sealed_though_their_data_comes_at_once() {
    let mut wire = Wire::live();
    let sql = format!("{COPY}; {COPY}");
    let all = [query(&sql), data(&row(A)), done(), data(&row(A)), done()].concat();
    assert_eq!(wire.client(&all), query(&sql));
    let (_, first) = wire.server(&opens(b'G', 3));
    assert!(has(&first, "~s1") && first.ends_with(&done()));
    let (_, none) = wire.server(&complete("COPY 1"));
    assert!(none.is_empty());
    let (_, second) = wire.server(&opens(b'G', 3));
    assert!(has(&second, "~s1") && second.ends_with(&done()));
    // Where the second one does not come about, its data is dropped.
    wire.server(&[complete("COPY 1"), ready(b'I')].concat());
    wire.client(&all);
    wire.server(&opens(b'G', 3));
    wire.server(&[complete("COPY 1"), error("42501"), ready(b'I')].concat());
    assert_eq!(wire.client(&query("SELECT 1")), query("SELECT 1"));
    wire.server(&[complete("SELECT 1"), ready(b'I')].concat());
    // Nor where the first one fails.
    wire.client(&all);
    wire.server(&[error("42501"), ready(b'I')].concat());
    assert_eq!(wire.client(&query("SELECT 1")), query("SELECT 1"));
}

#[test]
fn keys_of_all_rows_that_are_here_are_asked_for_at_once() {
    let mut wire = Wire::live();
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    let sent = wire.client(
        &[
            data(&(row(A) + &row("c") + &row(B) + "1\t")),
            data(&format!("{B}\tsecret\n")),
            done(),
        ]
        .concat(),
    );
    // The tenant column is a uuid: "c" has no key and never will, but is not asked for before its turn.
    assert!(has(&sent, "~s1") || sent.starts_with(b"f"));

    let mut wire = Wire::live();
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    let other = B.replace('b', "c");
    let sent = wire.client(&[data(&(row(A) + &row(B) + &row(&other))), done()].concat());
    assert_eq!(sent.iter().filter(|byte| **byte == b'~').count(), 2);
    let wanted: Vec<&str> = wire.wants.seal.iter().map(TenantId::as_str).collect();
    assert_eq!(wanted, [B, other.as_str()]);
    assert!(wire.client(&[]).is_empty());
    let mut answers = KeyAnswers::default();
    for tenant in wire.wants.seal.clone() {
        answers
            .active
            .insert(tenant.clone(), Ok(key(tenant.as_str())));
    }
    wire.session.provide(answers);
    let sent = wire.client(&[]);
    assert_eq!(sent.iter().filter(|byte| **byte == b'~').count(), 4);
    assert!(sent.ends_with(&done()));
}

#[test]
fn sealed_rows_are_the_same_however_the_client_cuts_its_frames() {
    let mut wire = Wire::live();
    let rows = row(A) + "2\t" + A + "\t\\N\n3\t" + A + "\tsec\\\nret";
    let whole = [data(&rows), done()].concat();
    for step in [1, 2, 5, 11, 1000] {
        wire.client(&query(COPY));
        wire.server(&opens(b'G', 3));
        let mut sent = Vec::new();
        for piece in whole.chunks(step) {
            sent.extend(wire.client(piece));
        }
        assert!(sent.ends_with(&done()));
        let text = String::from_utf8_lossy(&sent);
        assert_eq!(
            (text.matches("~s1").count(), text.matches("\t\\N\n").count()),
            (2, 1),
            "{step}"
        );
        wire.server(&[complete("COPY 3"), ready(b'I')].concat());
    }
}

#[test]
fn a_copy_behind_a_result_that_failed_gets_no_data_and_does_not_hang() {
    let mut wire = Wire::live();
    wire.client(&query(&format!("SELECT template FROM prompts; {COPY}")));
    let described =
        [b"\0\x01template\0\0\0\0\x0b\0\x04\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0".as_slice()]
            .concat();
    let planted = frame(b'D', b"\0\x01\0\0\0\x07planted");
    let (client, _) =
        wire.server(&[frame(b'T', &described), planted, complete("SELECT 1")].concat());
    assert!(has(&client, "SV002") && !has(&client, "planted"));
    let (client, server) = wire.server(&opens(b'G', 3));
    assert!(client.is_empty() && server.starts_with(b"f"));
    let (client, _) = wire.server(&[error("57014"), ready(b'I')].concat());
    assert_eq!(client, ready(b'I'));
}

#[test]
fn rows_that_go_out_are_opened_frame_by_frame() {
    let mut wire = Wire::live();
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    let sealed = wire.client(&[data(&row(A)), done()].concat());
    let row_end = sealed.len() - done().len();
    let sealed = sealed[5..row_end].to_vec();
    wire.server(&[complete("COPY 1"), ready(b'I')].concat());

    wire.client(&query(
        "COPY prompts (id, organisation_id, template) TO STDOUT",
    ));
    let (head, tail) = sealed.split_at(50);
    let (client, _) =
        wire.server(&[opens(b'H', 3), frame(b'd', &sealed), frame(b'd', head)].concat());
    assert_eq!(client, [opens(b'H', 3), data(&row(A))].concat());
    let rest = [tail, &sealed].concat();
    let (client, _) =
        wire.server(&[frame(b'd', &rest), done(), complete("COPY 3"), ready(b'I')].concat());
    assert_eq!(
        client,
        [
            data(&(row(A) + &row(A))),
            done(),
            complete("COPY 3"),
            ready(b'I')
        ]
        .concat()
    );

    // A value of another column does not open; what follows is not told.
    let moved = String::from_utf8(sealed.clone())
        .unwrap()
        .replace("~s1", "~s1A");
    wire.client(&query(
        "COPY prompts (id, organisation_id, template) TO STDOUT",
    ));
    let (client, _) = wire.server(
        &[
            opens(b'H', 3),
            frame(b'd', moved.as_bytes()),
            frame(b'd', &sealed),
            done(),
            complete("COPY 2"),
            ready(b'I'),
        ]
        .concat(),
    );
    assert!(has(&client, "SV001") && !has(&client, "secret") && client.ends_with(&ready(b'I')));
}

/// A connection reads no more while much is buffered of a client that is held: what came is to be taken at once then.
#[test]
fn what_came_while_a_key_was_waited_for_is_taken_when_it_is_there() {
    let mut wire = Wire::live();
    wire.client(&query(COPY));
    wire.server(&opens(b'G', 3));
    let sent = data(&[row(B), row(A).repeat(1000)].concat());
    let (first, rest) = sent.split_at(5 + row(B).len());
    let (rest, last) = rest.split_at(rest.len() - 3);
    wire.client(first);
    wire.client(rest);
    assert!(wire.session.is_held(Peer::Client) && wire.from_client.len_bytes() == rest.len());
    let mut answers = KeyAnswers::default();
    answers.active.insert(TenantId::new(B).unwrap(), Ok(key(B)));
    wire.session.provide(answers);
    let sealed = wire.client(b"");
    assert!(has(&sealed, "~s1") && wire.from_client.is_empty());
    assert!(!wire.session.is_held(Peer::Client));
    let sent = wire.client(&[last, &done()].concat());
    assert!(has(&sent, "~s1") && sent.ends_with(&done()));
}
