//! sqlx: one connection, statements cached by their text, binary both ways; its own way of several rows is UNNEST.

use futures_util::TryStreamExt;
use matrix::{
    COLUMNS, INSERT, JOINED, Json, Texts, Told, UPSERT, Vault, WRONG, failed, hex, json,
    say_version, step, url, vault,
};
use sqlx::postgres::{PgArguments, PgConnection, PgDatabaseError, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{
    AssertSqlSafe, Column, Connection, Either, Error, Executor, QueryBuilder, Row, TypeInfo,
};

struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Told for Failure {
    fn told(&self) -> Json {
        let of_server = self
            .0
            .as_database_error()
            .and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
        let Some(error) = of_server else {
            return json!({"state": null, "message": self.0.to_string()});
        };
        json!({"state": error.code(), "message": error.message(), "position": format!("{:?}", error.position())})
    }
}

type Got = Result<Json, Failure>;
type Asked<'q> = Query<'q, Postgres, PgArguments>;

fn asked(sql: &'static str) -> Asked<'static> {
    sqlx::query(sql)
}

fn given<'q>(sql: &'static str, vault: Vault) -> Asked<'q> {
    let Vault {
        id,
        account_id,
        label,
        secret,
        pin,
        settings,
        raw,
        blob,
    } = vault;
    sqlx::query(sql)
        .bind(id)
        .bind(account_id)
        .bind(label)
        .bind(secret)
        .bind(pin)
        .bind(settings)
        .bind(raw)
        .bind(blob)
}

fn cell(row: &PgRow, at: usize) -> Json {
    match row.column(at).type_info().name() {
        "INT4" => json!(row.get::<Option<i32>, _>(at)),
        "INT8" => json!(row.get::<Option<i64>, _>(at)),
        "JSON" | "JSONB" => json!({"json": row.get::<Option<Json>, _>(at)}),
        "BYTEA" => row
            .get::<Option<Vec<u8>>, _>(at)
            .map_or(Json::Null, |bytes| hex(&bytes)),
        _ => json!(row.get::<Option<String>, _>(at)),
    }
}

/// Names and types of the columns, then the rows.
fn shown(rows: &[PgRow]) -> Json {
    let columns = rows.first().map(|row| {
        row.columns()
            .iter()
            .map(|column| json!([column.name(), column.type_info().name()]))
            .collect::<Vec<_>>()
    });
    let rows: Vec<Vec<Json>> = rows
        .iter()
        .map(|row| (0..row.len()).map(|at| cell(row, at)).collect())
        .collect();
    json!([columns, rows])
}

async fn run(connection: &mut PgConnection, query: Asked<'_>) -> Got {
    Ok(shown(&query.fetch_all(connection).await?))
}

async fn count(connection: &mut PgConnection, query: Asked<'_>) -> Got {
    Ok(json!(query.execute(connection).await?.rows_affected()))
}

async fn read(connection: &mut PgConnection) -> Got {
    let like = asked("SELECT blob, raw FROM vaults WHERE label = ANY($1) ORDER BY id")
        .bind(vec!["row 1", "row 3"]);
    let mut streamed = Vec::new();
    let mut rows =
        asked("SELECT id, secret, settings FROM vaults ORDER BY id").fetch(&mut *connection);
    while let Some(row) = rows.try_next().await? {
        streamed.push(shown(&[row]));
    }
    drop(rows);
    let scalar: Option<String> = sqlx::query_scalar("SELECT secret FROM vaults WHERE id = 3")
        .fetch_one(&mut *connection)
        .await?;
    let tuple: (i32, Option<Json>) =
        sqlx::query_as("SELECT id, settings FROM vaults WHERE id = $1")
            .bind(2)
            .fetch_one(&mut *connection)
            .await?;
    let none = asked("SELECT secret FROM vaults WHERE id = $1")
        .bind(999)
        .fetch_optional(&mut *connection)
        .await?;
    Ok(json!([
        run(connection, asked("SELECT * FROM vaults ORDER BY id")).await?,
        run(connection, asked(JOINED).bind(2)).await?,
        run(connection, like).await?,
        streamed,
        scalar,
        [json!(tuple.0), json!(tuple.1)],
        none.is_none(),
    ]))
}

async fn update(connection: &mut PgConnection) -> Got {
    Ok(json!([
        count(
            connection,
            asked("UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3")
                .bind("it's \\ new")
                .bind("1234")
                .bind(1)
        )
        .await?,
        count(
            connection,
            asked("UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3")
                .bind(json!({"b": [1, "ü"]}))
                .bind(1)
                .bind(2)
        )
        .await?,
        run(
            connection,
            asked("UPDATE vaults SET blob = $1, rank = rank + 1 WHERE id = $2 RETURNING *")
                .bind(vec![0_u8, 1, 254])
                .bind(3)
        )
        .await?,
        count(
            connection,
            asked("UPDATE vaults SET secret = NULL WHERE id = $1").bind(4)
        )
        .await?,
        count(
            connection,
            asked("UPDATE vaults SET secret = $1 WHERE id = $2")
                .bind("x")
                .bind(999)
        )
        .await?,
        run(
            connection,
            asked("UPDATE vaults SET secret = 'a literal' WHERE id = 6 RETURNING secret")
        )
        .await?,
    ]))
}

async fn transaction(connection: &mut PgConnection) -> Got {
    let mut seen = Vec::new();
    let mut lost = connection.begin().await?;
    asked("UPDATE vaults SET secret = $1 WHERE id = 2")
        .bind("lost")
        .execute(&mut *lost)
        .await?;
    seen.push(run(&mut lost, asked("SELECT secret FROM vaults WHERE id = 2")).await?);
    lost.rollback().await?;
    let mut kept = connection.begin().await?;
    asked("UPDATE vaults SET secret = $1 WHERE id = 3")
        .bind("kept")
        .execute(&mut *kept)
        .await?;
    let mut inner = kept.begin().await?;
    seen.push(failed(
        count(&mut inner, given(INSERT, vault(1, Some("again")))).await,
    ));
    seen.push(failed(
        run(&mut inner, asked("SELECT secret FROM vaults")).await,
    ));
    inner.rollback().await?;
    kept.commit().await?;
    seen.push(
        run(
            connection,
            asked("SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id"),
        )
        .await?,
    );
    Ok(json!(seen))
}

async fn errors(connection: &mut PgConnection) -> Got {
    let mut found = vec![
        failed(count(connection, given(INSERT, vault(1, Some("again")))).await),
        failed(
            count(
                connection,
                asked("UPDATE vaults SET pin = $1 WHERE id = 1").bind("x".repeat(2001)),
            )
            .await,
        ),
        failed(
            count(
                connection,
                asked("SELECT secret FROM vaults WHERE id = 1/$1").bind(0),
            )
            .await,
        ),
    ];
    for sql in WRONG {
        found.push(failed(run(connection, asked(sql)).await));
    }
    Ok(json!(found))
}

/// The same statement without a name: prepared, described and run anew each time.
async fn not_prepared(connection: &mut PgConnection) -> Got {
    let mut seen = Vec::new();
    for id in 1..8 {
        seen.push(
            run(
                connection,
                asked("SELECT secret, blob FROM vaults WHERE id = $1")
                    .bind(id)
                    .persistent(false),
            )
            .await?,
        );
    }
    seen.push(
        count(
            connection,
            asked("UPDATE vaults SET secret = $1 WHERE id = $2")
                .bind("unnamed")
                .bind(2)
                .persistent(false),
        )
        .await?,
    );
    seen.push(
        run(
            connection,
            asked("SELECT secret FROM vaults WHERE id = 2").persistent(false),
        )
        .await?,
    );
    Ok(json!(seen))
}

async fn batch(connection: &mut PgConnection, values: &[Vec<Vault>; 2]) -> Got {
    let mut builder = QueryBuilder::<Postgres>::new(format!("INSERT INTO vaults ({COLUMNS}) "));
    builder.push_values(values[0].clone(), |mut row, vault| {
        row.push_bind(vault.id)
            .push_bind(vault.account_id)
            .push_bind(vault.label)
            .push_bind(vault.secret);
        row.push_bind(vault.pin)
            .push_bind(vault.settings)
            .push_bind(vault.raw)
            .push_bind(vault.blob);
    });
    builder.push(" RETURNING id, secret");
    let made = run(connection, builder.build()).await?;
    let ids: Vec<i32> = values[1].iter().map(|vault| vault.id).collect();
    let accounts: Vec<i32> = values[1].iter().map(|vault| vault.account_id).collect();
    let labels: Vec<String> = values[1].iter().map(|vault| vault.label.clone()).collect();
    let secrets: Vec<Option<String>> = values[1].iter().map(|vault| vault.secret.clone()).collect();
    let unnested = asked(
        "INSERT INTO vaults (id, account_id, label, secret) SELECT * FROM UNNEST($1::int4[], $2::int4[], $3::text[], $4::text[])",
    );
    let unnested = count(
        connection,
        unnested.bind(ids).bind(accounts).bind(labels).bind(secrets),
    )
    .await?;
    Ok(json!([
        made,
        unnested,
        run(
            connection,
            asked("SELECT * FROM vaults WHERE id > 100 ORDER BY id")
        )
        .await?
    ]))
}

async fn several_statements(connection: &mut PgConnection) -> Got {
    let text = "UPDATE vaults SET secret = 'raw sql' WHERE account_id = 2 AND id = 3; SELECT id, secret FROM vaults WHERE id < 4 ORDER BY id; SELECT count(secret) FROM vaults";
    let results = connection
        .fetch_many(sqlx::raw_sql(text))
        .try_collect::<Vec<_>>()
        .await?;
    let told = |result: &Either<_, PgRow>| match result {
        Either::Left(done) => json!(sqlx::postgres::PgQueryResult::rows_affected(done)),
        Either::Right(row) => shown(std::slice::from_ref(row)),
    };
    Ok(json!(results.iter().map(told).collect::<Vec<_>>()))
}

async fn cursor(connection: &mut PgConnection) -> Got {
    let mut within = connection.begin().await?;
    within
        .execute("DECLARE c CURSOR FOR SELECT id, secret, settings FROM vaults ORDER BY id")
        .await?;
    let seen = [
        run(&mut within, asked("FETCH 3 FROM c")).await?,
        run(&mut within, asked("FETCH ALL FROM c")).await?,
    ];
    within.commit().await?;
    Ok(json!(seen))
}

async fn copied(connection: &mut PgConnection, table: &str, columns: &str, rows: String) -> Got {
    let mut sink = connection
        .copy_in_raw(&format!("COPY {table} ({columns}) FROM STDIN"))
        .await?;
    sink.send(rows.into_bytes()).await?;
    let count = sink.finish().await?;
    let mut out = vec![json!(count)];
    for options in ["", " WITH (FORMAT csv, HEADER)", " WITH (FORMAT binary)"] {
        let sql = format!(
            "COPY (SELECT {columns} FROM {table} ORDER BY id DESC LIMIT 8) TO STDOUT{options}"
        );
        let chunks = connection
            .copy_out_raw(&sql)
            .await?
            .try_collect::<Vec<_>>()
            .await?;
        out.push(hex(&chunks.concat()));
    }
    Ok(json!(out))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let texts = Texts::given();
    say_version("sqlx");
    let mut connection = PgConnection::connect(&url()).await.unwrap();
    let c = &mut connection;
    step("insert", async {
        let mut done = Vec::new();
        for vault in texts.vaults(1) {
            done.push(count(c, given(INSERT, vault)).await?);
        }
        Got::Ok(json!(done))
    })
    .await;
    step("read", read(c)).await;
    step("update", update(c)).await;
    step("upsert", run(c, given(UPSERT, vault(2, Some("upserted"))))).await;
    step("transaction", transaction(c)).await;
    step("errors", errors(c)).await;
    step("not prepared", not_prepared(c)).await;
    step("batch", batch(c, &[texts.vaults(101), texts.vaults(201)])).await;
    step("several statements", several_statements(c)).await;
    step("cursor", cursor(c)).await;
    step(
        "copy",
        copied(
            c,
            "notes",
            "id, body",
            "1\ta\n2\tb\\tc\n3\t\\N\n".to_owned(),
        ),
    )
    .await;
    step("delete", async {
        let gone = run(
            c,
            asked("DELETE FROM vaults WHERE id = $1 RETURNING secret").bind(5),
        )
        .await?;
        Got::Ok(json!([
            gone,
            count(
                c,
                sqlx::query(AssertSqlSafe("DELETE FROM vaults WHERE id = $1".to_owned())).bind(5)
            )
            .await?
        ]))
    })
    .await;
    let rows = "901\t1\tc1\tco\\\\p\\ty\t{\"a\": 1}\n902\t2\tc2\t\\N\t\\N\n";
    step(
        "copy of the sealed table",
        copied(
            c,
            "vaults",
            "id, account_id, label, secret, settings",
            rows.to_owned(),
        ),
    )
    .await;
    connection.close().await.unwrap();
}
