//! Plaintext to sealed value and back: format SV1.
