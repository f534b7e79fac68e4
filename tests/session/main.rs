//! Golden transcripts: what each peer sends and what the other must receive, as plain data in `*.txt`. Each is replayed
//! whole, byte by byte and at random splits.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation
)]

mod changing;
mod oversized;
mod transcript;

use std::sync::{Arc, LazyLock};

use bytes::BufMut;
use proptest::prelude::*;

use pgseal::catalog::{Catalog, Column, Relation, RelationKind};
use pgseal::keys::{Ages, DataKey, KeyAnswers, KeyCache, Purpose};
use pgseal::model::{Oid, Peer, Refusal, Secret, TenantId};
use pgseal::plan::Planner;
use pgseal::rules;
use pgseal::session::{Fatal, Progress, Session, Shared, TlsOffer};
use pgseal::wire::{Inbox, OutQueue, Outbox};
use transcript::{Line, Scenario};

const RULES: &str = "
[[seal]]
table = \"public.vault\"
tenant = \"org\"
columns = [\"secret\"]

[[seal]]
table = \"public.papers\"
tenant = \"org\"
columns = [\"doc\", \"code\"]
";

/// The tenant of all sealed values here.
pub(crate) const TENANT: &str = "acme";
/// The column's label.
pub(crate) const LABEL: &str = "public.vault.secret";

/// The key that is in memory, and one that KMS refuses.
pub(crate) fn key(denied: bool) -> Arc<DataKey> {
    let secret = Secret::new(&[if denied { 9 } else { 7 }; 32]);
    let tenant = TenantId::new(TENANT).unwrap();
    Arc::new(DataKey::new(tenant, Purpose::Dek, &secret))
}

static SHARED: LazyLock<Arc<Shared>> = LazyLock::new(shared);

/// `vault (id int4, org text, secret text)`, table 16500, and `papers (id int4, org text, doc jsonb, code varchar(90))`, table
/// 16501; their columns behind `org` are sealed.
fn shared() -> Arc<Shared> {
    let column = |attnum, name: &str, type_name: &str, oid| Column {
        attnum,
        name: name.into(),
        type_oid: Oid(oid),
        type_name: type_name.into(),
        written_type: format!("\"{type_name}\""),
        deterministic: true,
        max_chars: None,
        not_null: false,
        generated: false,
    };
    let table = |oid, name: &str, columns| Relation {
        oid: Oid(oid),
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::Table,
        columns,
        parents: Vec::new(),
        reads: Vec::new(),
        calls: Vec::new(),
        rules_version: 0,
        view_definition: None,
        unique_keys: Vec::new(),
        quiet: true,
    };
    let with = |sealed: Vec<Column>| {
        let first = [column(1, "id", "int4", 23), column(2, "org", "text", 25)];
        first.into_iter().chain(sealed).collect()
    };
    let vault = table(16500, "vault", with(vec![column(3, "secret", "text", 25)]));
    let code = Column {
        max_chars: Some(90),
        ..column(4, "code", "varchar", 1043)
    };
    let papers = table(
        16501,
        "papers",
        with(vec![column(3, "doc", "jsonb", 3802), code]),
    );
    let catalog = Arc::new(Catalog::new(1, vec![vault, papers], Vec::new()));
    let rules = rules::parse("rules.toml", RULES).unwrap();
    let protection = Arc::new(rules::resolve(&rules, &catalog).unwrap());
    let keys = KeyCache::new(Ages::default());
    keys.insert(key(false), true);
    let planner = Arc::new(Planner::new(catalog, protection));
    Arc::new(Shared::new(Some(planner), Arc::new(keys), None))
}

/// A session with its buffers, and what came out of it.
struct Replay {
    session: Session,
    from_client: Inbox,
    from_server: Inbox,
    out: Outbox,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    fatal: Option<Fatal>,
}

impl Replay {
    /// Logged in and idle.
    fn new() -> Self {
        Self::of(SHARED.clone())
    }

    /// The same, of a database of its own.
    fn of(shared: Arc<Shared>) -> Self {
        let mut replay = Self {
            session: Session::new(shared, TlsOffer::Disabled, false),
            from_client: Inbox::new(),
            from_server: Inbox::new(),
            out: Outbox::default(),
            to_client: Vec::new(),
            to_server: Vec::new(),
            fatal: None,
        };
        let startup = b"\0\x03\0\0user\0app\0\0";
        let mut packet = Vec::new();
        packet.put_u32(u32::try_from(startup.len()).unwrap() + 4);
        packet.put_slice(startup);
        replay.feed(Peer::Client, &packet);
        let mut login = Vec::new();
        for line in [
            "R i0",
            "S \"client_encoding\" \"UTF8\"",
            "S \"standard_conforming_strings\" \"on\"",
            "K i1 i2",
            "Z 'I'",
        ] {
            login.extend(transcript::encode(line));
        }
        replay.feed(Peer::Server, &login);
        assert!(replay.session.is_live());
        replay.to_client.clear();
        replay.to_server.clear();
        replay
    }

    fn feed(&mut self, peer: Peer, bytes: &[u8]) {
        let inbox = match peer {
            Peer::Client => &mut self.from_client,
            Peer::Server => &mut self.from_server,
        };
        inbox.writable().put_slice(bytes);
        // As the connection does it: what one peer said may unblock a frame of the other.
        for _ in 0..2 {
            for peer in [Peer::Server, Peer::Client] {
                self.advance(peer);
            }
        }
        drain(&mut self.out.client, &mut self.to_client);
        drain(&mut self.out.server, &mut self.to_server);
    }

    fn advance(&mut self, peer: Peer) {
        let inbox = match peer {
            Peer::Client => &mut self.from_client,
            Peer::Server => &mut self.from_server,
        };
        loop {
            match self.session.advance(peer, inbox, &mut self.out) {
                Ok(Progress::NeedKeys(wants)) => {
                    let denied = || Err(Refusal::new("SV004", "the key cannot be had", "a hint"));
                    let mut answers = KeyAnswers::default();
                    answers
                        .active
                        .extend(wants.seal.into_iter().map(|tenant| (tenant, denied())));
                    answers
                        .by_kid
                        .extend(wants.open.into_iter().map(|kid| (kid, denied())));
                    self.session.provide(answers);
                }
                Ok(_) => break,
                Err(fatal) => {
                    self.fatal = Some(fatal);
                    break;
                }
            }
        }
        self.session.catalog_stale();
    }

    /// Plays a scenario; `split` gives the pieces of what a line sends. Says where it goes wrong.
    fn play(
        scenario: &Scenario,
        mut split: impl FnMut(&[u8]) -> Vec<Vec<u8>>,
    ) -> Result<(), String> {
        let mut replay = Self::new();
        let wrong =
            |place: &str, what: String| Err(format!("{}\n  {place}\n  {what}", scenario.name));
        for line in &scenario.lines {
            match line {
                Line::Send(peer, text, bytes) => {
                    for piece in split(bytes) {
                        replay.feed(*peer, &piece);
                    }
                    if let Some(fatal) = &replay.fatal {
                        return wrong(text, fatal.to_string());
                    }
                }
                Line::Expect(peer, text, expected) => {
                    let got = match peer {
                        Peer::Client => &mut replay.to_client,
                        Peer::Server => &mut replay.to_server,
                    };
                    let got = transcript::take_frame(got);
                    if !transcript::same(&got, expected) {
                        let (got, expected) =
                            (transcript::shown(&got), transcript::shown(expected));
                        return wrong(text, format!("got      {got}\n  expected {expected}"));
                    }
                }
            }
        }
        for (peer, rest) in [("client", replay.to_client), ("server", replay.to_server)] {
            if !rest.is_empty() {
                return wrong(
                    "end",
                    format!("too much to the {peer}: {}", transcript::shown(&rest)),
                );
            }
        }
        if !replay.session.is_idle() {
            return wrong("end", "not idle".into());
        }
        Ok(())
    }
}

/// Plays all scenarios.
fn play_all(mut split: impl FnMut(&[u8]) -> Vec<Vec<u8>>) -> Result<(), String> {
    let wrong: Vec<String> = scenarios()
        .iter()
        .filter_map(|scenario| Replay::play(scenario, &mut split).err())
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

fn drain(queue: &mut OutQueue, to: &mut Vec<u8>) {
    while !queue.is_empty() {
        let mut slices = [std::io::IoSlice::new(&[]); 4];
        let filled = queue.io_slices(&mut slices);
        let mut written = 0;
        for slice in slices.iter().take(filled) {
            to.extend_from_slice(slice);
            written += slice.len();
        }
        queue.advance(written);
    }
}

fn scenarios() -> Vec<Scenario> {
    [
        include_str!("errors.txt"),
        include_str!("names.txt"),
        include_str!("results.txt"),
        include_str!("copy.txt"),
        include_str!("atomic.txt"),
        include_str!("unfit.txt"),
    ]
    .into_iter()
    .flat_map(transcript::parse)
    .collect()
}

#[test]
fn transcripts_hold_when_each_line_arrives_whole() {
    play_all(|bytes| vec![bytes.to_vec()]).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[test]
fn transcripts_hold_byte_by_byte() {
    play_all(|bytes| bytes.iter().map(|byte| vec![*byte]).collect())
        .unwrap_or_else(|wrong| panic!("{wrong}"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn transcripts_hold_at_random_splits(sizes in proptest::collection::vec(1_usize..40, 8)) {
        let mut sizes = sizes.iter().cycle();
        let played = play_all(|bytes| {
            let mut pieces = Vec::new();
            let mut rest = bytes;
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
                pieces.push(piece.to_vec());
                rest = behind;
            }
            pieces
        });
        prop_assert!(played.is_ok(), "{}", played.unwrap_err());
    }
}
