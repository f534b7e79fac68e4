//! A text that names nothing protected is looked through without allocating. (A cached plan likewise: see `plan::cache`.)

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod schema;

#[test]
fn the_mention_filter_allocates_nothing() {
    let snapshot = schema::Snapshot::new();
    let planner = snapshot.planner();
    let forwarded = b"SELECT * FROM organisations WHERE id = $1 AND name <> 'x' ORDER BY name";
    let filter = allocation_counter::measure(|| assert!(!planner.mentions(forwarded)));
    assert_eq!(filter.count_total, 0);
}
