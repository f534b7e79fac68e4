//! pgseal: a PostgreSQL proxy that seals the columns its rules name.
//!
//! Start at [`session`] for the protocol core, [`plan`] for SQL and [`seal`] for the value format.

pub mod app;
pub mod catalog;
pub mod config;
pub mod keyring;
pub mod keys;
pub mod kms;
pub mod model;
pub mod net;
pub mod ops;
pub mod plan;
pub mod rules;
pub mod seal;
pub mod session;
pub mod wire;
