//! How connections end: what each peer is told, and in which words.

use std::future::poll_fn;
use std::io;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tracing::warn;

use super::{CLOSE_TIMEOUT, Connection};
use crate::model::Refusal;
use crate::session::Fatal;
use crate::wire::encode;

/// The SQLSTATE class of refused logins.
const NOT_AUTHORISED: &str = "28";

impl Connection {
    /// The session is over for the client: the server is told to end it as well.
    pub(super) async fn client_gone(&mut self) -> io::Result<()> {
        if let Some(upstream) = &mut self.upstream {
            let mut terminate = BytesMut::new();
            encode::terminate(&mut terminate).map_err(io::Error::other)?;
            while !self.out.server.is_empty() {
                poll_fn(|task| upstream.write(&mut self.out.server, task)).await?;
            }
            upstream.stream.write_all(&terminate).await?;
            upstream.stream.flush().await?;
        }
        Ok(())
    }

    /// Says goodbye to both in TLS's own words, where there is TLS: without them a client takes the end for an attack.
    pub(super) async fn close(&mut self) {
        let Self {
            server,
            client,
            upstream,
            ..
        } = self;
        let both = async {
            // Whoever is gone already need not hear it.
            client.stream.shutdown().await.ok();
            if let Some(upstream) = upstream {
                upstream.stream.shutdown().await.ok();
            }
        };
        server.clock.timeout(CLOSE_TIMEOUT, both).await.ok();
    }

    pub(super) async fn fatal(&mut self, fatal: &Fatal) -> io::Result<()> {
        match fatal.refusal() {
            Some(refusal) => {
                if refusal.sqlstate.starts_with(NOT_AUTHORISED) {
                    // PostgreSQL, which would have logged it, has not seen it.
                    warn!(cause = ?refusal.message, client = ?self.address, "a login was refused");
                }
                self.end(&refusal).await
            }
            None => Ok(()),
        }
    }

    pub(super) async fn end(&mut self, refusal: &Refusal) -> io::Result<()> {
        let mut frame = BytesMut::new();
        encode::error_response(&mut frame, refusal, "FATAL").map_err(io::Error::other)?;
        self.out.client.push(frame.freeze());
        self.flush().await?;
        self.client_gone().await
    }

    /// Writes all that is queued for both.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        while !self.out.client.is_empty() {
            poll_fn(|task| self.client.write(&mut self.out.client, task)).await?;
        }
        self.client.stream.flush().await?;
        if let Some(upstream) = &mut self.upstream {
            while !self.out.server.is_empty() {
                poll_fn(|task| upstream.write(&mut self.out.server, task)).await?;
            }
            upstream.stream.flush().await?;
        }
        Ok(())
    }
}

pub(super) fn going_down() -> Refusal {
    Refusal::new(
        "57P01",
        "pgseal is shutting down",
        "Reconnect. See docs/errors.md#shutting-down.",
    )
}

pub(super) fn protected_by_now() -> Refusal {
    Refusal::new(
        "57P01",
        "the database has rules since pgseal was reloaded",
        "Reconnect. See docs/errors.md#rules-changed.",
    )
}

pub(super) fn idle() -> Refusal {
    Refusal::new(
        "57P05",
        "the connection was idle for longer than client_idle_timeout",
        "Reconnect. See docs/errors.md#idle.",
    )
}

pub(super) fn unreachable(error: &io::Error) -> Refusal {
    Refusal::new(
        "08001",
        format!("PostgreSQL cannot be reached: {error}"),
        "Look at `upstream` and at the server behind it. See docs/errors.md#upstream.",
    )
}
