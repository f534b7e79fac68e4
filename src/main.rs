//! The `pgseal` binary.

fn main() {}
