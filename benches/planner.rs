//! What planning costs: `cargo bench --bench planner`.

use std::hint::black_box;
use std::time::Instant;

use pgseal::plan::{Env, PlanCache, PlanOf, lexer};

#[path = "../tests/schema/mod.rs"]
mod schema;

const ROUNDS: u32 = 20_000;
const FORWARDED: &str = "SELECT o.id, o.name, count(*) FROM organisations o JOIN requests r ON r.id = $1 WHERE o.name ILIKE $2 GROUP BY o.id, o.name ORDER BY o.name LIMIT 50";
const READ: &str = r#"SELECT "virtual_keys"."id", "virtual_keys"."key", "virtual_keys"."auth_config" FROM "virtual_keys" WHERE "virtual_keys"."organisation_id" = $1 AND "virtual_keys"."id" = $2 LIMIT 21"#;
const WRITE: &str = r#"INSERT INTO "virtual_keys" ("id","organisation_id","slug","key","auth_config") VALUES ($1,$2,$3,$4,$5) ON CONFLICT ("id") DO UPDATE SET "key" = EXCLUDED."key" RETURNING "id","key""#;

/// The best of five runs, in nanoseconds a round.
fn time(name: &str, bytes: usize, mut act: impl FnMut()) {
    let run = |act: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            act();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
    };
    let best = (0..5).map(|_| run(&mut act)).fold(f64::INFINITY, f64::min);
    let length = u32::try_from(bytes).map_or(1.0, f64::from);
    println!(
        "{name:<28} {best:>9.1} ns {:>8.1} ns per 100 bytes",
        best * 100.0 / length
    );
}

fn main() {
    let snapshot = schema::Snapshot::new();
    let planner = snapshot.planner();
    let meanings = snapshot.meanings();
    let env = Env {
        resolved: &meanings,
        ..Env::of_new_session()
    };
    time("mention filter", FORWARDED.len(), || {
        black_box(planner.mentions(black_box(FORWARDED.as_bytes())));
    });
    for (name, sql) in [("read", READ), ("write", WRITE)] {
        time(&format!("lexer, {name}"), sql.len(), || {
            black_box(lexer::lex(black_box(sql), &lexer::Limits::default()).is_ok());
        });
        time(&format!("lex, parse, plan, {name}"), sql.len(), || {
            black_box(planner.plan(black_box(sql.as_bytes()), &env));
        });
        let cache = PlanCache::new();
        let of = PlanOf {
            sql: sql.as_bytes(),
            declared: &[],
            epoch: planner.epoch(),
        };
        cache.keep(&of, &planner.plan(sql.as_bytes(), &env));
        assert!(cache.find(&of).is_some());
        time(&format!("cache hit, {name}"), sql.len(), || {
            black_box(cache.find(black_box(&of)));
        });
    }
}
