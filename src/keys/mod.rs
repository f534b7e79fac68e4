//! Key material in memory: data keys, the cache, and what a session wants of it.
