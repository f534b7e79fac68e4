//! Composition: configuration to a running proxy.
