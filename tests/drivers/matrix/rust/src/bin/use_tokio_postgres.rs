//! tokio-postgres: binary both ways, every statement prepared and described; pipelines, portals, COPY.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::{SinkExt, TryStreamExt};
use matrix::{
    COLUMNS, INSERT, JOINED, Json, Texts, Told, UPSERT, Vault, WRONG, failed, hex, json,
    say_version, step, url, vault,
};
use tokio_postgres::binary_copy::{BinaryCopyInWriter, BinaryCopyOutStream};
use tokio_postgres::error::ErrorPosition;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, GenericClient, NoTls, Row, SimpleQueryMessage};

type Param<'a> = &'a (dyn ToSql + Sync);

struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Told for Failure {
    fn told(&self) -> Json {
        let Some(error) = self.0.as_db_error() else {
            return json!({"state": null, "message": self.0.to_string()});
        };
        let position = error.position().map(|position| match position {
            ErrorPosition::Original(at) => *at,
            ErrorPosition::Internal { position, .. } => *position,
        });
        json!({"state": error.code().code(), "message": error.message(), "position": position})
    }
}

type Got = Result<Json, Failure>;

fn params(vault: &Vault) -> [Param<'_>; 8] {
    [
        &vault.id,
        &vault.account_id,
        &vault.label,
        &vault.secret,
        &vault.pin,
        &vault.settings,
        &vault.raw,
        &vault.blob,
    ]
}

fn cell(row: &Row, at: usize) -> Json {
    match *row.columns()[at].type_() {
        Type::INT4 => json!(row.get::<_, Option<i32>>(at)),
        Type::INT8 => json!(row.get::<_, Option<i64>>(at)),
        Type::JSON | Type::JSONB => json!({"json": row.get::<_, Option<Json>>(at)}),
        Type::BYTEA => row.get::<_, Option<&[u8]>>(at).map_or(Json::Null, hex),
        _ => json!(row.get::<_, Option<&str>>(at)),
    }
}

/// Names and types of the columns, then the rows.
fn shown(rows: &[Row]) -> Json {
    let columns = rows.first().map(|row| {
        let columns = row.columns().iter();
        columns
            .map(|column| {
                json!([
                    column.name(),
                    column.type_().name(),
                    column.table_oid().is_some(),
                    column.column_id()
                ])
            })
            .collect::<Vec<_>>()
    });
    let rows: Vec<Vec<Json>> = rows
        .iter()
        .map(|row| (0..row.len()).map(|at| cell(row, at)).collect())
        .collect();
    json!([columns, rows])
}

async fn run(client: &impl GenericClient, sql: &str, values: &[Param<'_>]) -> Got {
    Ok(shown(&client.query(sql, values).await?))
}

async fn count(client: &impl GenericClient, sql: &str, values: &[Param<'_>]) -> Got {
    Ok(json!(client.execute(sql, values).await?))
}

async fn update(client: &Client) -> Got {
    Ok(json!([
        count(
            client,
            "UPDATE vaults SET secret = $1, pin = $2 WHERE id = $3",
            &[&"it's \\ new", &"1234", &1]
        )
        .await?,
        count(
            client,
            "UPDATE vaults SET settings = $1 WHERE account_id = $2 AND id = $3",
            &[&json!({"b": [1, "ü"]}), &1, &2]
        )
        .await?,
        run(
            client,
            "UPDATE vaults SET blob = $1, rank = rank + 1 WHERE id = $2 RETURNING *",
            &[&&[0_u8, 1, 254][..], &3]
        )
        .await?,
        count(
            client,
            "UPDATE vaults SET secret = NULL WHERE id = $1",
            &[&4]
        )
        .await?,
        count(
            client,
            "UPDATE vaults SET secret = $1 WHERE id = $2",
            &[&"x", &999]
        )
        .await?,
        run(
            client,
            "UPDATE vaults SET secret = 'a literal' WHERE id = 6 RETURNING secret",
            &[]
        )
        .await?,
    ]))
}

async fn transaction(client: &mut Client) -> Got {
    let mut seen = Vec::new();
    let lost = client.transaction().await?;
    lost.execute("UPDATE vaults SET secret = $1 WHERE id = 2", &[&"lost"])
        .await?;
    seen.push(run(&lost, "SELECT secret FROM vaults WHERE id = 2", &[]).await?);
    lost.rollback().await?;
    let mut kept = client.transaction().await?;
    kept.execute("UPDATE vaults SET secret = $1 WHERE id = 3", &[&"kept"])
        .await?;
    let inner = kept.transaction().await?;
    seen.push(failed(
        count(&inner, INSERT, &params(&vault(1, Some("again")))).await,
    ));
    seen.push(failed(run(&inner, "SELECT secret FROM vaults", &[]).await));
    inner.rollback().await?;
    kept.commit().await?;
    seen.push(
        run(
            client,
            "SELECT id, secret FROM vaults WHERE id IN (2, 3) ORDER BY id",
            &[],
        )
        .await?,
    );
    Ok(json!(seen))
}

async fn errors(client: &Client) -> Got {
    let mut found = vec![
        failed(count(client, INSERT, &params(&vault(1, Some("again")))).await),
        failed(
            count(
                client,
                "UPDATE vaults SET pin = $1 WHERE id = 1",
                &[&"x".repeat(2001)],
            )
            .await,
        ),
        failed(
            count(
                client,
                "SELECT secret FROM vaults WHERE id = 1/$1",
                &[&0_i32],
            )
            .await,
        ),
    ];
    for sql in WRONG {
        found.push(failed(run(client, sql, &[]).await));
    }
    Ok(json!(found))
}

/// All statements are sent before the first answer is read.
async fn pipeline(client: &Client, vaults: &[Vault]) -> Got {
    let insert = client.prepare(INSERT).await?;
    let select = client
        .prepare("SELECT id, secret, raw FROM vaults WHERE id = $1")
        .await?;
    let change = client
        .prepare("UPDATE vaults SET secret = $1 WHERE id = $2 RETURNING secret")
        .await?;
    let values: Vec<_> = vaults.iter().map(params).collect();
    let counts = try_join_all(values.iter().map(|values| client.execute(&insert, values))).await?;
    let found = try_join_all(
        vaults
            .iter()
            .map(|vault| async { client.query(&select, &[&vault.id]).await }),
    )
    .await?;
    let mixed = async {
        let again = vault(1, Some("again"));
        let again = params(&again);
        let first: [Param<'_>; 2] = [&"pipelined", &vaults[0].id];
        let last: [Param<'_>; 1] = [&vaults[0].id];
        tokio::join!(
            client.query(&change, &first),
            client.execute(&insert, &again),
            client.query(&select, &last)
        )
    };
    let (changed, refused, then) = mixed.await;
    let found: Vec<Json> = found.iter().map(|rows| shown(rows)).collect();
    Ok(json!([
        counts,
        found,
        shown(&changed?),
        failed(refused.map_err(Failure)),
        shown(&then?)
    ]))
}

async fn typed(client: &Client) -> Got {
    let rows = client
        .query_typed("SELECT * FROM vaults WHERE id = $1", &[(&3, Type::INT4)])
        .await?;
    client
        .execute_typed(
            "UPDATE vaults SET secret = $1 WHERE id = $2",
            &[(&"typed", Type::TEXT), (&2, Type::INT4)],
        )
        .await?;
    let prepared = client
        .prepare_typed(
            "SELECT secret, pin FROM vaults WHERE label = $1",
            &[Type::TEXT],
        )
        .await?;
    Ok(json!([
        shown(&rows),
        shown(&client.query(&prepared, &[&"row 2"]).await?)
    ]))
}

async fn simple(client: &Client) -> Got {
    client.batch_execute("BEGIN; UPDATE vaults SET secret = 'batch' WHERE account_id = 2 AND id = 3; SELECT secret FROM vaults; COMMIT").await?;
    let messages = client.simple_query("SELECT id, secret, settings, blob FROM vaults WHERE id < 5 ORDER BY id; SELECT count(secret) FROM vaults").await?;
    let told = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => {
            json!((0..row.len()).map(|at| row.get(at)).collect::<Vec<_>>())
        }
        SimpleQueryMessage::CommandComplete(count) => json!(count),
        _ => json!("columns"),
    };
    Ok(json!(messages.iter().map(told).collect::<Vec<_>>()))
}

async fn cursor(client: &mut Client) -> Got {
    let transaction = client.transaction().await?;
    let statement = transaction
        .prepare("SELECT id, secret, settings FROM vaults WHERE id > $1 ORDER BY id")
        .await?;
    let portal = transaction.bind(&statement, &[&1]).await?;
    let mut seen = Vec::new();
    for rows in [3, 2, 0] {
        seen.push(shown(&transaction.query_portal(&portal, rows).await?));
    }
    transaction
        .batch_execute("DECLARE c CURSOR FOR SELECT id, secret, blob FROM vaults ORDER BY id")
        .await?;
    seen.push(run(&transaction, "FETCH 3 FROM c", &[]).await?);
    seen.push(run(&transaction, "FETCH ALL FROM c", &[]).await?);
    transaction.commit().await?;
    Ok(json!(seen))
}

async fn bytes_of(client: &Client, sql: &str) -> Got {
    let chunks: Vec<Bytes> = client.copy_out(sql).await?.try_collect().await?;
    Ok(hex(&chunks.concat()))
}

async fn copy(client: &Client) -> Got {
    let mut sink = pin!(
        client
            .copy_in::<_, Bytes>("COPY notes (body) FROM STDIN")
            .await?
    );
    sink.send(Bytes::from_static(b"a\nb\\tc\n\\N")).await?;
    sink.send(Bytes::from_static(b"\n")).await?;
    let count = sink.finish().await?;
    Ok(json!([
        count,
        bytes_of(client, "COPY notes TO STDOUT WITH (FORMAT csv, HEADER)").await?,
        bytes_of(client, "COPY notes TO STDOUT WITH (FORMAT binary)").await?
    ]))
}

async fn copy_of_the_sealed_table(client: &Client, vaults: &[Vault]) -> Got {
    let types = [
        Type::INT4,
        Type::INT4,
        Type::TEXT,
        Type::TEXT,
        Type::VARCHAR,
        Type::JSONB,
        Type::JSON,
        Type::BYTEA,
    ];
    let sink = client
        .copy_in(&format!(
            "COPY vaults ({COLUMNS}) FROM STDIN WITH (FORMAT binary)"
        ))
        .await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for vault in vaults {
        writer.as_mut().write(&params(vault)).await?;
    }
    let count = writer.finish().await?;
    let stream = client.copy_out("COPY (SELECT id, secret, blob FROM vaults WHERE id > 900 ORDER BY id) TO STDOUT WITH (FORMAT binary)").await?;
    let rows = BinaryCopyOutStream::new(stream, &[Type::INT4, Type::TEXT, Type::BYTEA]);
    let rows: Vec<_> = rows.try_collect().await?;
    let shown = |row: &tokio_postgres::binary_copy::BinaryCopyOutRow| {
        json!([
            row.get::<i32>(0),
            row.get::<Option<&str>>(1),
            row.get::<Option<&[u8]>>(2).map(hex)
        ])
    };
    Ok(json!([
        count,
        rows.iter().map(shown).collect::<Vec<_>>(),
        bytes_of(
            client,
            &format!("COPY (SELECT {COLUMNS} FROM vaults WHERE id > 900 ORDER BY id) TO STDOUT")
        )
        .await?
    ]))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let texts = Texts::given();
    say_version("tokio-postgres");
    let (mut client, connection) = tokio_postgres::connect(&url(), NoTls).await.unwrap();
    let driving = tokio::spawn(connection);
    step("insert", async {
        let mut done = Vec::new();
        for vault in texts.vaults(1) {
            done.push(count(&client, INSERT, &params(&vault)).await?);
        }
        Got::Ok(json!(done))
    })
    .await;
    step("read", async {
        let all = run(&client, "SELECT * FROM vaults ORDER BY id", &[]).await?;
        let like = run(
            &client,
            "SELECT blob, raw FROM vaults WHERE label = ANY($1) ORDER BY id",
            &[&vec!["row 1", "row 3"]],
        )
        .await?;
        let one = client
            .query_opt("SELECT secret FROM vaults WHERE id = $1", &[&999])
            .await?;
        Got::Ok(json!([
            all,
            run(&client, JOINED, &[&2]).await?,
            like,
            one.is_none()
        ]))
    })
    .await;
    step("update", update(&client)).await;
    step(
        "upsert",
        run(&client, UPSERT, &params(&vault(2, Some("upserted")))),
    )
    .await;
    step("transaction", transaction(&mut client)).await;
    step("errors", errors(&client)).await;
    step("pipeline", pipeline(&client, &texts.vaults(101))).await;
    step("types given", typed(&client)).await;
    step("simple protocol", simple(&client)).await;
    step("cursor", cursor(&mut client)).await;
    step("copy", copy(&client)).await;
    step("delete", async {
        let gone = run(
            &client,
            "DELETE FROM vaults WHERE id = $1 RETURNING secret",
            &[&5],
        )
        .await?;
        Got::Ok(json!([
            gone,
            count(&client, "DELETE FROM vaults WHERE id = $1", &[&5]).await?
        ]))
    })
    .await;
    step(
        "copy of the sealed table",
        copy_of_the_sealed_table(&client, &texts.vaults(901)),
    )
    .await;
    drop(client);
    driving.await.unwrap().unwrap();
}
