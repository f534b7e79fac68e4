//! The one task of one connection: bytes between the sockets and the [`Session`].

mod ending;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::listen::Accepted;
use super::socket::Socket;
use super::stream::{Stream, tune};
use super::{Clock, Database, News, Server};
use crate::keys::KeyAnswers;
use crate::model::{Peer, Refusal};
use crate::session::{Fatal, Leg, Progress, Session, Terms, TlsOffer};
use crate::wire::{Inbox, Outbox};
use ending::{going_down, idle, protected_by_now, unreachable};

/// Bytes queued for one peer above which the other is not read.
const HIGH_WATER: usize = 256 << 10;
/// How long a peer may take to let itself be told of the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a session waits for a catalog that knows what it has changed.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(3);
/// First byte of a TLS handshake record (RFC 8446, 5.1).
const TLS_HANDSHAKE: u8 = 0x16;

type Keys = Pin<Box<dyn Future<Output = KeyAnswers> + Send>>;
type Settled = Pin<Box<dyn Future<Output = ()> + Send>>;

struct Connection {
    server: Arc<Server>,
    /// The client's; none on a Unix socket.
    address: Option<SocketAddr>,
    /// The protected database, once the client has named it.
    database: Option<Arc<Database>>,
    session: Session,
    client: Socket,
    upstream: Option<Socket>,
    from_client: Inbox,
    from_server: Inbox,
    out: Outbox,
    keys: Option<Keys>,
    /// The client waits for a catalog that is changing.
    settled: Option<Settled>,
    end: ClientEnd,
    /// The process is to end once nobody needs it.
    draining: bool,
}

/// How far it is known that the client has closed its sending side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ClientEnd {
    Open,
    /// It has, and something that it sent still waits here.
    Seen,
    /// The server is to be told once all is written.
    Due,
    Passed,
}

enum Event {
    /// The session has worked on what a peer sent.
    Worked,
    /// Likewise, and cannot go on.
    Paused(Pause),
    /// A peer sends nothing more.
    Closed(Peer),
    Keys(Box<KeyAnswers>),
    Settled,
    News,
    TimedOut,
}

/// Whose bytes the session works on, in this order: what one peer said may unblock a frame of the other.
const TURNS: [Peer; 3] = [Peer::Server, Peer::Client, Peer::Server];

/// Where the session needs something else than bytes.
struct Pause {
    /// Of [`TURNS`].
    turn: usize,
    progress: Result<Progress, Fatal>,
    /// The catalog is to be loaded anew.
    stale: bool,
}

/// Serves one accepted connection to its end.
pub(super) async fn serve(accepted: Accepted, server: Arc<Server>) -> io::Result<()> {
    let login = server.timing.login;
    let mut address = None;
    let (client, session): (Box<dyn Stream>, Session) = match accepted {
        Accepted::Tcp(stream, from) => {
            address = Some(from);
            let stream = TcpStream::from_std(stream)?;
            tune(&stream, &server.timing.keepalive)?;
            let mut first = [0];
            let peeked = server
                .clock
                .timeout(login, stream.peek(&mut first))
                .await??;
            if peeked == 0 {
                return Ok(());
            }
            let direct = first == [TLS_HANDSHAKE];
            let (client, leg): (Box<dyn Stream>, Leg) = match (server.acceptor.load_full(), direct)
            {
                (Some(acceptor), true) => {
                    acceptor.accept(stream, true, login, &server.clock).await?
                }
                (None, true) => return turn_away(stream, &server.clock).await,
                (_, false) => (Box::new(stream), Leg::Plain),
            };
            (client, session(&server, server.terms, leg))
        }
        // Nothing to encrypt: the bytes do not leave this machine. PostgreSQL answers `N` there too.
        Accepted::Unix(stream) => (
            Box::new(UnixStream::from_std(stream)?),
            session(
                &server,
                Terms {
                    tls: TlsOffer::Disabled,
                    ..server.terms
                },
                Leg::Plain,
            ),
        ),
    };
    let mut connection = Connection {
        server,
        address,
        database: None,
        session,
        client: Socket::new(client),
        upstream: None,
        from_client: Inbox::new(),
        from_server: Inbox::new(),
        out: Outbox::default(),
        keys: None,
        settled: None,
        end: ClientEnd::Open,
        draining: false,
    };
    let ended = connection.run().await;
    connection.close().await;
    ended
}

/// A client begins with TLS where none is offered. What it sent is read first: else the system would reset the connection.
async fn turn_away(mut stream: TcpStream, clock: &Clock) -> io::Result<()> {
    let mut hello = [0; 4096];
    clock
        .timeout(CLOSE_TIMEOUT, stream.read(&mut hello))
        .await??;
    stream.shutdown().await
}

fn session(server: &Server, terms: Terms, leg: Leg) -> Session {
    let databases = server.databases.load();
    let databases = databases
        .iter()
        .map(|database| database.shared.clone())
        .collect();
    Session::among(databases, server.other.clone(), terms, leg)
}

impl Connection {
    async fn run(&mut self) -> io::Result<()> {
        let timing = self.server.timing;
        // Of the login first, then of an idle client.
        let mut timer = pin!(Some(self.server.clock.sleep(timing.login)));
        let mut active = Instant::now();
        let mut news = self.server.news.subscribe();
        self.draining = news.borrow_and_update().draining;
        let mut coming = pin!(changed(news.clone()));
        // Who is woken by it: to ask again at each wake-up would cost more than forwarding does.
        let mut told: Option<Waker> = None;
        loop {
            // Asked for each time: where bytes never cease, nothing else is waited for.
            if news.has_changed().unwrap_or_default() {
                self.draining = news.borrow_and_update().draining;
                coming.set(changed(news.clone()));
                told = None;
                if self.is_overtaken() {
                    return self.end(&protected_by_now()).await;
                }
            }
            if self.draining && self.session.is_idle() {
                return self.end(&going_down()).await;
            }
            if timing.client_idle.is_none() && self.session.is_live() {
                timer.set(None);
            }
            let event = poll_fn(|task| {
                if let ready @ Poll::Ready(_) = self.poll(task) {
                    return ready;
                }
                let known = told
                    .as_ref()
                    .is_some_and(|told| told.will_wake(task.waker()));
                let came = if known {
                    news.has_changed().unwrap_or_default()
                } else {
                    told = Some(task.waker().clone());
                    coming.as_mut().poll(task).is_ready()
                };
                if came {
                    return Poll::Ready(Ok(Event::News));
                }
                match timer.as_mut().as_pin_mut().map(|timer| timer.poll(task)) {
                    Some(Poll::Ready(())) => Poll::Ready(Ok(Event::TimedOut)),
                    _ => Poll::Pending,
                }
            })
            .await?;
            let pause = match event {
                Event::Closed(Peer::Client) if self.upstream.is_none() => return Ok(()),
                Event::Closed(Peer::Client) => {
                    self.end = ClientEnd::Seen;
                    self.work(0)
                }
                Event::Closed(Peer::Server) => return self.flush().await,
                Event::Worked => None,
                Event::Paused(pause) => Some(pause),
                Event::News => continue,
                Event::Keys(answers) => {
                    self.keys = None;
                    self.session.provide(*answers);
                    self.work(0)
                }
                Event::Settled => {
                    self.settled = None;
                    self.work(0)
                }
                Event::TimedOut => {
                    let Some(limit) = timing.client_idle.filter(|_| self.session.is_live()) else {
                        return Ok(());
                    };
                    // A statement that runs, or a transaction that is open, is the server's to end.
                    if !self.session.is_idle() {
                        active = Instant::now();
                    }
                    if active.elapsed() >= limit {
                        return self.end(&idle()).await;
                    }
                    timer.set(Some(self.server.clock.sleep_until(active + limit)));
                    continue;
                }
            };
            if timing.client_idle.is_some() {
                active = Instant::now();
            }
            if let Some(pause) = pause
                && !self.resume(pause).await?
            {
                return Ok(());
            }
            // It sends nothing more, but may still read: first what it sent goes on, then its end.
            if self.end == ClientEnd::Seen
                && (self.from_client.is_empty() || !self.session.is_held(Peer::Client))
            {
                self.end = ClientEnd::Due;
            }
        }
    }

    /// Lets the session work on what both peers sent, from this turn on, until all is done or it needs something else.
    fn work(&mut self, from: usize) -> Option<Pause> {
        let mut turn = from;
        while let Some(peer) = TURNS.get(turn).copied() {
            let inbox = match peer {
                Peer::Client => &mut self.from_client,
                Peer::Server => &mut self.from_server,
            };
            if inbox.len_bytes() > 0 || self.session.awaits(peer) {
                let progress = self.session.advance(peer, inbox, &mut self.out);
                let stale = self.session.catalog_stale();
                if stale || !matches!(progress, Ok(Progress::NeedInput)) {
                    return Some(Pause {
                        turn,
                        progress,
                        stale,
                    });
                }
            }
            turn += 1;
        }
        None
    }

    /// Gives the session what it needs, and lets it go on; false when the connection is over.
    async fn resume(&mut self, pause: Pause) -> io::Result<bool> {
        let mut paused = Some(pause);
        while let Some(Pause {
            turn,
            progress,
            stale,
        }) = paused
        {
            let mut next = turn + 1;
            match progress {
                Ok(Progress::NeedInput) => {}
                Ok(Progress::NeedKeys(wants)) => {
                    if self.keys.is_none()
                        && let Some(database) = &self.database
                    {
                        self.keys = Some(Box::pin(database.keyring.clone().fetch_apart(*wants)));
                    }
                }
                Ok(Progress::NeedCatalog) => {
                    if self.settled.is_none()
                        && let Some(database) = self.database.clone()
                    {
                        self.settled =
                            Some(Box::pin(async move { database.catalog.settled().await }));
                    }
                }
                Ok(Progress::UpgradeTls) => self.upgrade().await?,
                Ok(Progress::NeedVerifier(role)) => {
                    let server = self.server.clone();
                    let look = async move { server.verifiers.look_up(&role).await };
                    let found = self.server.clock.run(look).await;
                    match found.map_err(io::Error::other)? {
                        Ok(verifier) => self.session.verifier(verifier),
                        Err(refusal) => {
                            self.end(&refusal).await?;
                            return Ok(false);
                        }
                    }
                    next = 0;
                }
                Ok(Progress::Connect) => {
                    if let Err(refusal) = self.connect().await {
                        self.end(&refusal).await?;
                        return Ok(false);
                    }
                }
                Ok(Progress::Cancel(packet)) => {
                    cancel(&self.server, &packet).await?;
                    return Ok(false);
                }
                Ok(Progress::Closed) => {
                    self.flush().await?;
                    return Ok(false);
                }
                Err(fatal) => {
                    self.fatal(&fatal).await?;
                    return Ok(false);
                }
            }
            if stale {
                self.reload().await;
                // A frame of the client may have waited for this.
                next = 0;
            }
            paused = self.work(next);
        }
        Ok(true)
    }

    /// The client has said which database it wants.
    async fn connect(&mut self) -> Result<(), Refusal> {
        let databases = self.server.databases.load_full();
        let shared = self.session.shared();
        self.database = databases
            .iter()
            .find(|database| Arc::ptr_eq(&database.shared, shared))
            .cloned();
        if self.is_overtaken() {
            return Err(protected_by_now());
        }
        let dial = self.server.dial.load_full();
        let connected = dial.connect(&self.server.timing.keepalive, &self.server.clock);
        let connected = connected.await;
        let (upstream, leg) = connected.map_err(|error| unreachable(&error))?;
        self.upstream = Some(Socket::new(upstream));
        self.session.connected(leg);
        Ok(())
    }

    /// Rules protect its database by now, and its statements have not been looked at.
    fn is_overtaken(&self) -> bool {
        self.session
            .forwarded_database()
            .is_some_and(|name| self.server.database(name).is_some())
    }

    /// Waits until a catalog is loaded that knows what this session just changed.
    async fn reload(&mut self) {
        let Some(database) = &self.database else {
            return;
        };
        // Without the metadata connection the old snapshot stays; the poll will see the change.
        let fresh = database.catalog.fresh();
        let fresh = self.server.clock.timeout(RELOAD_TIMEOUT, fresh).await;
        if fresh.is_ok() {
            self.session.catalog_loaded();
        }
    }

    async fn upgrade(&mut self) -> io::Result<()> {
        self.flush().await?;
        let Some(acceptor) = self.server.acceptor.load_full() else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        let (gone, _) = tokio::io::duplex(1);
        let plain = std::mem::replace(&mut self.client, Socket::new(Box::new(gone)));
        let limit = self.server.timing.login;
        let accepted = acceptor.accept(plain.stream, false, limit, &self.server.clock);
        let (client, leg) = accepted.await?;
        self.client = Socket::new(client);
        self.session.tls_established(leg);
        Ok(())
    }

    /// Writes what can be written, reads, and lets the session work on that; ready when anything else is to be done.
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Event>> {
        self.client.wakes(task);
        if let Some(upstream) = &mut self.upstream {
            upstream.wakes(task);
        }
        loop {
            self.poll_write()?;
            if let Some(keys) = &mut self.keys
                && let Poll::Ready(answers) = keys.as_mut().poll(task)
            {
                return Poll::Ready(Ok(Event::Keys(Box::new(answers))));
            }
            if let Some(settled) = &mut self.settled
                && settled.as_mut().poll(task).is_ready()
            {
                return Poll::Ready(Ok(Event::Settled));
            }
            match self.poll_read()? {
                Poll::Pending => return Poll::Pending,
                Poll::Ready((peer, 0)) => return Poll::Ready(Ok(Event::Closed(peer))),
                Poll::Ready(_) => {}
            }
            // The login's end has to be noticed, too.
            let forwarded = self.only_forwards();
            if let Some(pause) = self.work(0) {
                return Poll::Ready(Ok(Event::Paused(pause)));
            }
            if !(forwarded && self.only_forwards()) {
                return Poll::Ready(Ok(Event::Worked));
            }
        }
    }

    /// Nothing but bytes concerns this connection at the moment: no end, no limit of time.
    fn only_forwards(&self) -> bool {
        self.session.is_live()
            && self.end == ClientEnd::Open
            && !self.draining
            && self.server.timing.client_idle.is_none()
    }

    fn poll_write(&mut self) -> io::Result<()> {
        if let Some(upstream) = &mut self.upstream {
            upstream.write_all(&mut self.out.server)?;
            if self.end == ClientEnd::Due
                && self.out.server.is_empty()
                && let Poll::Ready(done) = upstream.shutdown()
            {
                done?;
                self.end = ClientEnd::Passed;
            }
        }
        self.client.write_all(&mut self.out.client)
    }

    /// Reads from one peer; ready with how much came.
    fn poll_read(&mut self) -> Poll<io::Result<(Peer, usize)>> {
        // First who is more likely to have spoken: a look at a socket that has nothing is not free.
        let peers = if self.session.awaits_reply() {
            [Peer::Server, Peer::Client]
        } else {
            [Peer::Client, Peer::Server]
        };
        for peer in peers {
            // A peer whose frame waits for keys or for an answer fills its buffer only so far.
            let (socket, inbox, queued) = match (peer, &mut self.upstream) {
                (Peer::Server, Some(upstream)) => {
                    (upstream, &mut self.from_server, &self.out.client)
                }
                (Peer::Client, _) if self.end == ClientEnd::Open => {
                    (&mut self.client, &mut self.from_client, &self.out.server)
                }
                _ => continue,
            };
            if queued.len_bytes() >= HIGH_WATER
                || (inbox.len_bytes() >= HIGH_WATER && self.session.is_held(peer))
            {
                continue;
            }
            if let Poll::Ready(read) = socket.read(inbox) {
                return Poll::Ready(read.map(|len| (peer, len)));
            }
        }
        Poll::Pending
    }
}

/// Passes a CancelRequest on.
async fn cancel(server: &Server, packet: &[u8]) -> io::Result<()> {
    let dial = server.dial.load_full();
    let (timing, clock) = (&server.timing, &server.clock);
    let (mut upstream, _) = dial.connect(&timing.keepalive, clock).await?;
    upstream.write_all(packet).await?;
    upstream.flush().await?;
    // PostgreSQL closes when it has taken the request.
    let closed = clock.timeout(timing.login, upstream.read_u8());
    closed.await.ok();
    Ok(())
}

/// Ready when there is news.
async fn changed(mut news: watch::Receiver<News>) {
    // The sender lives as long as the server.
    news.changed().await.ok();
}
