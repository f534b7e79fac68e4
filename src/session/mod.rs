//! One client connection with its server connection, as a value.
//!
//! Bytes go in through an [`Inbox`], bytes come out through an [`Outbox`]; no socket, clock or task is seen here.
//! The *ledger* ([`ledger`]) holds one entry per request whose reply is still to come, grouped by Sync, and says of
//! each reply whether it is forwarded, skipped or substituted. Names of statements and portals are kept twice: as
//! *sent* (what the next client message may refer to) and as *acknowledged* (what the server has confirmed).
//! PostgreSQL manual, chapter 55.

mod ask;
mod atomic;
mod backend;
mod bind;
mod call;
mod copy;
mod extended;
mod fatal;
mod forwarded;
mod frontend;
pub mod ledger;
mod login;
mod names;
mod opening;
mod passing;
mod portals;
mod question;
mod reading;
mod renamed;
mod sealing;
mod shared;
mod simple;
mod startup;
mod terminate;
mod within;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};

use crate::keys::{KeyAnswers, KeyWants};
use crate::model::{Oid, Peer, Refusal};
use crate::plan::Defined;
use crate::wire::message::DataRow;
use crate::wire::{Inbox, OutQueue, Outbox, WireError, taken};

use ask::Ask;
use atomic::{Group, Rest};
use copy::Copying;
pub use fatal::Fatal;
use ledger::Ledger;
use login::Login;
pub use login::{Auth, Leg};
use names::Names;
use opening::{Opener, Openers};
use passing::Passing;
pub use shared::Shared;

/// What [`Terms::message_limit`] is where nobody says otherwise.
pub const MESSAGE_LIMIT: usize = 64 << 20;

/// The largest Query or Parse that is held: PostgreSQL takes no larger one (`PQ_LARGE_MESSAGE_LIMIT`).
const TEXT_CAP: usize = (1 << 30) - 2;

/// What the listener offers a client that asks for TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsOffer {
    /// SSLRequest is answered with `N`.
    Disabled,
    /// The client chooses.
    Allowed,
    /// A startup packet without TLS is fatal, before any password.
    Required,
}

/// How clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Encryption.
    pub tls: TlsOffer,
    /// Authentication.
    pub auth: Auth,
    /// The largest message that is held whole because its content matters, in bytes; one byte more is refused with `54000`.
    pub message_limit: usize,
}

/// What the caller is to do next.
#[derive(Debug)]
pub enum Progress {
    /// Everything that could be consumed was; more bytes (of either peer) are needed.
    NeedInput,
    /// The frame at the front stays until [`Session::provide`] has been called with answers for these.
    NeedKeys(Box<KeyWants>),
    /// The client's frame at the front stays until [`Shared::set_changing`] has said that the catalog changes no more.
    NeedCatalog,
    /// Write what is queued, then take the TLS handshake; bytes that are already buffered are fatal.
    UpgradeTls,
    /// This is a CancelRequest: send the packet verbatim upstream and close.
    Cancel(Bytes),
    /// Look for this role's verifier and call [`Session::verifier`].
    NeedVerifier(Bytes),
    /// A valid startup packet is queued for the server: dial it now.
    Connect,
    /// The client said goodbye: write what is queued and close both connections.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Startup {
        ssl_asked: bool,
        gss_asked: bool,
    },
    /// The client is to prove who it is, to us.
    Proof,
    Login,
    Live,
    Ended,
}

/// One client connection with its server connection.
pub struct Session {
    shared: Arc<Shared>,
    /// The protected databases, until the startup packet says which it is.
    databases: Vec<Arc<Shared>>,
    /// The database that no rule names, whose sessions are forwarded.
    forwarded: Option<Bytes>,
    terms: Terms,
    client_leg: Leg,
    server_leg: Leg,
    login: Login,
    phase: Phase,
    protected: bool,
    ledger: Ledger,
    sent: Names,
    acked: Names,
    ask: Ask,
    kept: question::Kept,
    /// Names of this frame that the server was asked about.
    resolved: HashMap<String, Option<Oid>>,
    passing: Passing,
    /// How many requests have been sent that can change what a name means.
    runs: u64,
    /// For the rows of the result under way; `None`: not looked up yet.
    opener: Option<Option<Opener>>,
    openers: Openers,
    /// What was sent and what was acknowledged may differ for good: an error undid something, or SQL dropped names.
    unsure: bool,
    /// The client was told of an error that the server does not know of: replies are dropped up to ReadyForQuery.
    drowning: bool,
    /// Meanwhile the server has met an error as well.
    server_failed: bool,
    /// A value could not be opened: the transaction, if one is open, is made to fail; the client's next frames wait.
    failing: bool,
    /// The extended-query messages since the last Sync.
    group: Group,
    /// What is left of the Query under way.
    rest: Option<Rest>,
    /// What the client is told when the COMMIT of ours is done.
    last_completion: Option<Bytes>,
    /// The server reads CopyData now; Sync and Flush are ignored by it.
    copy_in: bool,
    copying: Copying,
    /// The server's major version; 0: not known.
    server_major: u32,
    utf8: bool,
    /// What was sent from this group on may set the encoding, and the server has not told what it is.
    encoding_named: Option<u64>,
    conforming_strings: bool,
    /// A text has named the setting that says so.
    strings_named: bool,
    in_transaction: bool,
    /// It has failed: until it is ended every statement is answered with that.
    aborted: bool,
    /// The count of [`Shared::rules`] that its statements were planned by.
    rules: u64,
    /// The same for [`Shared::catalogs`].
    catalogs: u64,
    texts: forwarded::Texts,
    catalog_stale: bool,
    /// DDL has run since the last ReadyForQuery outside of a transaction.
    ddl: bool,
    /// The client's next text was read once and waits for the catalog as it is now.
    reading_anew: bool,
    /// Relations over protected ones that this session makes: unknown until they are committed and the catalog is loaded.
    defining: Vec<Defined>,
    /// Relations of results that the catalog was loaded for once.
    unknown: HashSet<Oid>,
    /// DDL on what is not protected has passed since the catalog was loaded.
    unseen_ddl: bool,
    answers: KeyAnswers,
    waiting: [bool; 2],
    /// The client's frame at the front is whole and waits for the server or the catalog.
    held: bool,
    scratch: BytesMut,
    row: DataRow,
    fatal: Option<Fatal>,
}

impl Session {
    /// A session before its first byte. `encrypted` says that the client leg is TLS already (direct TLS).
    #[must_use]
    pub fn new(shared: Arc<Shared>, tls_offer: TlsOffer, encrypted: bool) -> Self {
        let terms = Terms {
            tls: tls_offer,
            auth: Auth::Relay,
            message_limit: MESSAGE_LIMIT,
        };
        let leg = if encrypted {
            Leg::Tls { end_point: None }
        } else {
            Leg::Plain
        };
        Self::among(Vec::new(), shared, terms, leg)
    }

    /// A session before its first byte that may be of one of several databases, or of `other`. The client's leg may be TLS
    /// already.
    #[must_use]
    pub fn among(
        databases: Vec<Arc<Shared>>,
        other: Arc<Shared>,
        terms: Terms,
        client_leg: Leg,
    ) -> Self {
        Self {
            shared: other,
            databases,
            forwarded: None,
            terms,
            client_leg,
            server_leg: Leg::Plain,
            login: Login::Relayed,
            phase: Phase::Startup {
                ssl_asked: false,
                gss_asked: false,
            },
            protected: false,
            ledger: Ledger::default(),
            sent: Names::default(),
            acked: Names::default(),
            ask: Ask::Idle,
            kept: question::Kept::default(),
            resolved: HashMap::new(),
            passing: Passing::default(),
            runs: 0,
            opener: None,
            openers: Openers::default(),
            unsure: false,
            drowning: false,
            server_failed: false,
            failing: false,
            group: Group::default(),
            rest: None,
            last_completion: None,
            copy_in: false,
            copying: Copying::default(),
            server_major: 0,
            utf8: false,
            encoding_named: None,
            conforming_strings: true,
            strings_named: false,
            in_transaction: false,
            aborted: false,
            rules: 0,
            catalogs: 0,
            texts: forwarded::Texts::default(),
            catalog_stale: false,
            ddl: false,
            defining: Vec::new(),
            unknown: HashSet::new(),
            unseen_ddl: false,
            reading_anew: false,
            answers: KeyAnswers::default(),
            waiting: [false; 2],
            held: false,
            scratch: BytesMut::new(),
            row: DataRow::default(),
            fatal: None,
        }
    }

    /// Consumes whole frames from `input`, which holds what `from` sent, and appends to `out`. A frame that needs keys
    /// stays unconsumed and without effect until [`Self::provide`].
    ///
    /// # Errors
    /// The first fatal error, and the same one ever after.
    pub fn advance(
        &mut self,
        from: Peer,
        input: &mut Inbox,
        out: &mut Outbox,
    ) -> Result<Progress, Fatal> {
        if let Some(fatal) = &self.fatal {
            return Err(fatal.clone());
        }
        let result = match (self.phase, from) {
            (Phase::Startup { .. }, Peer::Client) => self.startup(input, out),
            (Phase::Startup { .. }, Peer::Server) => Ok(Progress::NeedInput),
            (Phase::Proof, Peer::Client) => self.proof(input, out),
            (Phase::Proof, Peer::Server) => Ok(Progress::NeedInput),
            (Phase::Login, Peer::Client) => self.login_client(input, out),
            (Phase::Login, Peer::Server) => self.login_server(input, out),
            (Phase::Live, Peer::Client) => self.client_sent(input, out),
            (Phase::Live, Peer::Server) => self.server_sent(input, out),
            (Phase::Ended, _) => Ok(Progress::Closed),
        };
        if self.phase
            != (Phase::Startup {
                ssl_asked: false,
                gss_asked: false,
            })
        {
            let queue = self.queue_for(from, out);
            input.flush(queue);
        }
        if let Ok(Progress::NeedKeys(_)) = &result {
            self.set_waiting(from, true);
        }
        result.inspect_err(|fatal| self.fatal = Some(fatal.clone()))
    }

    /// Answers for a [`Progress::NeedKeys`]; the frame that waits is tried again at the next [`Self::advance`].
    pub fn provide(&mut self, answers: KeyAnswers) {
        self.answers.active.extend(answers.active);
        self.answers.search.extend(answers.search);
        self.answers.by_kid.extend(answers.by_kid);
    }

    /// The TLS handshake that [`Progress::UpgradeTls`] asked for is done.
    pub fn tls_established(&mut self, leg: Leg) {
        self.client_leg = leg;
    }

    /// The server was reached, as [`Progress::Connect`] asked for.
    pub fn connected(&mut self, leg: Leg) {
        self.server_leg = leg;
    }

    /// No request is under way and no transaction is open: the session can be ended without harm.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        !matches!(self.phase, Phase::Live | Phase::Login)
            || (self.ledger.is_empty() && !self.in_transaction)
    }

    /// Whether the server still has something to answer.
    #[must_use]
    pub fn awaits_reply(&self) -> bool {
        !self.ledger.is_empty()
    }

    /// Whether more bytes of this peer could not be worked on now: its frame at the front waits for something else.
    #[must_use]
    pub fn is_held(&self, peer: Peer) -> bool {
        let [client, server] = self.waiting;
        match peer {
            Peer::Client => {
                client
                    // Whoever is not logged in yet may fill no memory with what comes after.
                    || matches!(self.phase, Phase::Proof | Phase::Login)
                    || self.copying.holds
                    || self.doubts_syncs()
                    || self.held
                    || self.is_parting()
            }
            Peer::Server => server,
        }
    }

    /// Whether [`Self::advance`] may have something to do for this peer although nothing of it is buffered.
    #[must_use]
    pub fn awaits(&self, peer: Peer) -> bool {
        self.phase != Phase::Live || self.is_held(peer)
    }

    /// What the sessions of this one's database share.
    #[must_use]
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The name of its database, if that has no rules and the session is forwarded for that reason.
    #[must_use]
    pub fn forwarded_database(&self) -> Option<&[u8]> {
        self.forwarded.as_deref()
    }

    /// Whether the login is over.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Statements that were prepared before the rules changed are not to be run any more.
    fn heed_rules(&mut self) {
        let rules = self.shared.rules.load(Ordering::Acquire);
        if self.rules != rules {
            self.rules = rules;
            self.forget_statements();
        }
    }

    fn forget_statements(&mut self) {
        self.ledger.forget_statements();
        self.sent.fresh = Some(HashSet::new());
        self.acked.fresh = Some(HashSet::new());
    }

    /// The catalog is to be loaded again before the client goes on, because of a DDL command that passed; then what the
    /// client has sent is to be tried again.
    pub fn catalog_stale(&mut self) -> bool {
        let stale = std::mem::take(&mut self.catalog_stale);
        self.unseen_ddl &= !stale;
        stale
    }

    /// While a transaction is being made to fail, or a Query goes in parts, nothing of the client may slip in between, but
    /// for data that a COPY under way waits for.
    fn is_parting(&self) -> bool {
        let failing = self.failing && !self.ledger.is_discarding();
        (failing || self.rest.is_some()) && !self.copy_in
    }

    /// The catalog was loaded after [`Self::catalog_stale`] had said that it must be.
    pub fn catalog_loaded(&mut self) {
        if !self.in_transaction {
            self.forget_defined();
        }
    }

    fn queue_for<'a>(&self, from: Peer, out: &'a mut Outbox) -> &'a mut OutQueue {
        match from {
            Peer::Client => &mut out.server,
            Peer::Server => &mut out.client,
        }
    }

    fn set_waiting(&mut self, peer: Peer, waits: bool) {
        let [client, server] = &mut self.waiting;
        match peer {
            Peer::Client => *client = waits,
            Peer::Server => *server = waits,
        }
        // A denial is an answer to the frame that asked, not a memory: the cache decides how long it lasts.
        if !waits && !*client && !*server {
            self.answers = KeyAnswers::default();
        }
    }

    /// The frame that asked for keys is consumed.
    fn settled(&mut self, peer: Peer) {
        if self.waiting.iter().any(|waits| *waits) {
            self.set_waiting(peer, false);
        }
    }

    /// A frame of ours, encoded into a buffer that is reused.
    fn encoded(
        &mut self,
        peer: &'static str,
        write: impl FnOnce(&mut BytesMut) -> Result<(), WireError>,
    ) -> Result<Bytes, Fatal> {
        write(&mut self.scratch).map_err(|error| Fatal::Protocol { peer, error })?;
        Ok(taken(&mut self.scratch))
    }
}

fn by_client(error: WireError) -> Fatal {
    Fatal::Protocol {
        peer: "client",
        error,
    }
}

fn by_server(error: WireError) -> Fatal {
    Fatal::Protocol {
        peer: "server",
        error,
    }
}

fn frame_too_large(len: usize) -> Refusal {
    Refusal::new(
        "54000",
        format!("a message of {len} bytes may touch a protected table and is too large to be read"),
        "Split the statement or the value, or raise `message_limit`; a value for a table without sealed columns may be larger as a parameter of a prepared statement. See docs/errors.md#message-too-large.",
    )
}
