//! File and environment to a validated configuration.
