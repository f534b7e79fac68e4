//! diesel: its query builder over libpq, statements prepared and cached, binary results.

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::pg::{CopyFormat, PgConnection, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::result::Error;
use diesel::sql_types::{Binary, Integer, Jsonb, Nullable, Text};
use diesel::upsert::excluded;
use matrix::{Json, Texts, Told, WRONG, failed, hex, json, say_version, step, url};
use std::future::ready;
use std::io::Read;

diesel::table! {
    accounts { id -> Integer, name -> Text, }
}
diesel::table! {
    vaults {
        id -> Integer,
        account_id -> Integer,
        label -> Text,
        secret -> Nullable<Text>,
        pin -> Nullable<Varchar>,
        settings -> Nullable<Jsonb>,
        raw -> Nullable<Json>,
        blob -> Nullable<Binary>,
        rank -> Integer,
    }
}
diesel::table! {
    notes { id -> Integer, body -> Nullable<Text>, }
}
diesel::joinable!(vaults -> accounts (account_id));
diesel::allow_tables_to_appear_in_same_query!(vaults, accounts);

#[derive(Clone, Queryable, Selectable, Identifiable, Insertable, AsChangeset)]
#[diesel(table_name = vaults, treat_none_as_null = true)]
struct Vault {
    id: i32,
    account_id: i32,
    label: String,
    secret: Option<String>,
    pin: Option<String>,
    settings: Option<Json>,
    raw: Option<Json>,
    blob: Option<Vec<u8>>,
    rank: i32,
}

/// COPY has no DEFAULT, which None stands for above.
#[derive(Insertable)]
#[diesel(table_name = vaults, treat_none_as_default_value = false)]
struct Copied {
    id: i32,
    account_id: i32,
    label: String,
    secret: Option<String>,
    settings: Option<Json>,
    blob: Option<Vec<u8>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = notes)]
struct Note {
    id: i32,
    body: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = vaults)]
struct Secret {
    id: i32,
    secret: Option<String>,
}

#[derive(QueryableByName)]
struct Fetched {
    #[diesel(sql_type = Integer)]
    id: i32,
    #[diesel(sql_type = Nullable<Text>)]
    secret: Option<String>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    settings: Option<Json>,
    #[diesel(sql_type = Nullable<Binary>)]
    blob: Option<Vec<u8>>,
}

impl From<matrix::Vault> for Vault {
    fn from(from: matrix::Vault) -> Self {
        let matrix::Vault {
            id,
            account_id,
            label,
            secret,
            pin,
            settings,
            raw,
            blob,
        } = from;
        Self {
            id,
            account_id,
            label,
            secret,
            pin,
            settings,
            raw,
            blob,
            rank: 0,
        }
    }
}

impl Vault {
    fn shown(&self) -> Json {
        json!([
            self.id,
            self.account_id,
            self.label,
            self.secret,
            self.pin,
            self.settings,
            self.raw,
            self.blob.as_deref().map(hex),
            self.rank
        ])
    }
}

struct Failure(Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Told for Failure {
    /// diesel keeps no SQLSTATE.
    fn told(&self) -> Json {
        let Error::DatabaseError(kind, told) = &self.0 else {
            return json!({"state": null, "message": self.0.to_string()});
        };
        json!({"state": format!("{kind:?}"), "message": told.message(), "constraint": told.constraint_name(), "position": told.statement_position()})
    }
}

type Got = Result<Json, Failure>;

fn shown(vaults: &[Vault]) -> Json {
    json!(vaults.iter().map(Vault::shown).collect::<Vec<_>>())
}

/// diesel leaves a connection that it has read a COPY from in the middle of that.
fn connected() -> PgConnection {
    PgConnection::establish(&url()).unwrap()
}

fn vault(id: i32, text: &str) -> Vault {
    matrix::vault(id, Some(text)).into()
}

fn all(connection: &mut PgConnection) -> Got {
    Ok(shown(
        &vaults::table.order(vaults::id).load::<Vault>(connection)?,
    ))
}

fn insert(connection: &mut PgConnection, given: &[Vault]) -> Got {
    let mut done = Vec::new();
    for vault in given {
        done.push(
            diesel::insert_into(vaults::table)
                .values(vault)
                .get_result::<Vault>(connection)?
                .shown(),
        );
    }
    Ok(json!(done))
}

fn read(connection: &mut PgConnection) -> Got {
    let joined = vaults::table
        .inner_join(accounts::table)
        .filter(vaults::id.eq(2))
        .select((vaults::secret, vaults::settings, accounts::name));
    let joined: (Option<String>, Option<Json>, String) = joined.first(connection)?;
    let labels = vaults::table
        .filter(vaults::label.eq_any(["row 1", "row 3"]))
        .filter(vaults::secret.is_not_null())
        .order(vaults::id);
    let like = vaults::table
        .filter(vaults::label.like("row%"))
        .select(Vault::as_select())
        .order(vaults::id.desc())
        .limit(2)
        .offset(1);
    let by_row = vaults::table
        .order(vaults::id)
        .load_iter::<Vault, PgRowByRowLoadingMode>(connection)?
        .collect::<QueryResult<Vec<_>>>()?;
    let at_once = vaults::table
        .order(vaults::id)
        .load_iter::<Vault, DefaultLoadingMode>(connection)?
        .collect::<QueryResult<Vec<_>>>()?;
    Ok(json!([
        all(connection)?,
        [json!(joined.0), json!(joined.1), json!(joined.2)],
        shown(&labels.load::<Vault>(connection)?),
        shown(&like.load::<Vault>(connection)?),
        shown(&by_row),
        shown(&at_once),
        vaults::table
            .find(3)
            .select(vaults::secret)
            .first::<Option<String>>(connection)?,
        vaults::table
            .find(999)
            .first::<Vault>(connection)
            .optional()?
            .is_none(),
        vaults::table.count().get_result::<i64>(connection)?,
        diesel::select(diesel::dsl::exists(vaults::table.find(1)))
            .get_result::<bool>(connection)?,
    ]))
}

fn update(connection: &mut PgConnection) -> Got {
    let mut first = vaults::table.find(1).first::<Vault>(connection)?;
    (first.secret, first.pin) = (Some("it's \\ new".to_owned()), Some("1234".to_owned()));
    let saved: Vault = first.save_changes(connection)?;
    let of_account = vaults::table
        .filter(vaults::account_id.eq(1))
        .filter(vaults::id.eq(2));
    let changed = diesel::update(vaults::table.find(3)).set((
        vaults::blob.eq(Some(vec![0_u8, 1, 254])),
        vaults::rank.eq(vaults::rank + 1),
    ));
    Ok(json!([
        saved.shown(),
        diesel::update(of_account)
            .set(vaults::settings.eq(Some(json!({"b": [1, "ü"]}))))
            .execute(connection)?,
        changed.get_result::<Vault>(connection)?.shown(),
        diesel::update(vaults::table.find(4))
            .set(vaults::secret.eq(None::<String>))
            .execute(connection)?,
        diesel::update(vaults::table.find(999))
            .set(vaults::secret.eq("x"))
            .execute(connection)?,
        all(connection)?,
    ]))
}

fn upsert(connection: &mut PgConnection) -> Got {
    let upserted = diesel::insert_into(vaults::table)
        .values(vault(2, "upserted"))
        .on_conflict(vaults::id);
    let upserted = upserted.do_update().set((
        vaults::secret.eq(excluded(vaults::secret)),
        vaults::raw.eq(excluded(vaults::raw)),
    ));
    let ignored = diesel::insert_into(vaults::table)
        .values(vault(2, "ignored"))
        .on_conflict_do_nothing();
    Ok(json!([
        upserted.get_result::<Vault>(connection)?.shown(),
        ignored.execute(connection)?
    ]))
}

fn transaction(connection: &mut PgConnection) -> Got {
    let mut seen = Vec::new();
    let lost = connection.transaction(|connection| {
        diesel::update(vaults::table.find(2))
            .set(vaults::secret.eq("lost"))
            .execute(connection)?;
        seen.push(vaults::table.find(2).first::<Vault>(connection)?.shown());
        QueryResult::<()>::Err(Error::RollbackTransaction)
    });
    assert!(matches!(lost, Err(Error::RollbackTransaction)));
    connection.transaction(|connection| {
        diesel::update(vaults::table.find(3))
            .set(vaults::secret.eq("kept"))
            .execute(connection)?;
        let inner = connection.transaction(|connection| {
            seen.push(failed(insert(connection, &[vault(1, "again")])));
            vaults::table.load::<Vault>(connection).map(drop)
        });
        seen.push(failed(inner.map_err(Failure)));
        QueryResult::Ok(())
    })?;
    seen.push(shown(
        &vaults::table
            .filter(vaults::id.eq_any([2, 3]))
            .order(vaults::id)
            .load(connection)?,
    ));
    Ok(json!(seen))
}

fn errors(connection: &mut PgConnection) -> Got {
    let too_long = diesel::update(vaults::table.find(1))
        .set(vaults::pin.eq("x".repeat(2001)))
        .execute(connection);
    let mut found = vec![
        failed(insert(connection, &[vault(1, "again")])),
        failed(too_long.map_err(Failure)),
    ];
    for sql in WRONG {
        found.push(failed(
            diesel::sql_query(sql).execute(connection).map_err(Failure),
        ));
        found.push(failed(connection.batch_execute(sql).map_err(Failure)));
    }
    Ok(json!(found))
}

fn batch(connection: &mut PgConnection, given: &[Vault]) -> Got {
    let made: Vec<Vault> = diesel::insert_into(vaults::table)
        .values(given)
        .get_results(connection)?;
    connection.batch_execute("BEGIN; UPDATE vaults SET secret = 'batch' WHERE account_id = 2 AND id = 3; SELECT secret FROM vaults; COMMIT")?;
    Ok(json!([shown(&made), all(connection)?]))
}

fn cursor(connection: &mut PgConnection) -> Got {
    let mut seen = Vec::new();
    connection.transaction(|connection| {
        connection.batch_execute(
            "DECLARE c CURSOR FOR SELECT id, secret, settings, blob FROM vaults ORDER BY id",
        )?;
        for sql in ["FETCH 3 FROM c", "FETCH ALL FROM c"] {
            let rows: Vec<Fetched> = diesel::sql_query(sql).load(connection)?;
            seen.push(json!(
                rows.iter()
                    .map(|row| json!([
                        row.id,
                        row.secret,
                        row.settings,
                        row.blob.as_deref().map(hex)
                    ]))
                    .collect::<Vec<_>>()
            ));
        }
        QueryResult::Ok(())
    })?;
    Ok(json!(seen))
}

fn copy(connection: &mut PgConnection) -> Got {
    let copied = diesel::copy_from(notes::table).from_raw_data(notes::table, |copy| {
        copy.write_all(b"1,a\n2,\"b,c\"\n3,\n")
            .map_err(|error| Error::SerializationError(error.into()))?;
        QueryResult::Ok(())
    });
    let count = copied.with_format(CopyFormat::Csv).execute(connection)?;
    let mut text = String::new();
    diesel::copy_to(notes::table)
        .with_format(CopyFormat::Csv)
        .load_raw(&mut connected())?
        .read_to_string(&mut text)
        .unwrap();
    let rows = diesel::copy_to(notes::table)
        .load(&mut connected())?
        .collect::<QueryResult<Vec<Note>>>()?;
    let rows: Vec<Json> = rows
        .iter()
        .map(|note| json!([note.id, note.body]))
        .collect();
    Ok(json!([count, text, rows]))
}

fn copy_of_the_sealed_table(connection: &mut PgConnection, given: &[Vault]) -> Got {
    let copied = |vault: &Vault| {
        let vault = vault.clone();
        Copied {
            id: vault.id,
            account_id: vault.account_id,
            label: vault.label,
            secret: vault.secret,
            settings: vault.settings,
            blob: vault.blob,
        }
    };
    let given: Vec<Copied> = given.iter().map(copied).collect();
    let count = diesel::copy_from(vaults::table)
        .from_insertable(given)
        .execute(connection)?;
    // diesel misreads what comes after a NULL.
    let mut rows = diesel::copy_to(vaults::table)
        .load(&mut connected())?
        .collect::<QueryResult<Vec<Secret>>>()?;
    rows.sort_by_key(|row| row.id);
    let rows: Vec<Json> = rows.iter().map(|row| json!([row.id, row.secret])).collect();
    let copied = vaults::table.filter(vaults::id.gt(900)).order(vaults::id);
    Ok(json!([count, rows, shown(&copied.load(connection)?)]))
}

fn deleted(connection: &mut PgConnection) -> Got {
    let gone: Vault = diesel::delete(vaults::table.find(5)).get_result(connection)?;
    Ok(json!([
        gone.shown(),
        diesel::delete(vaults::table.find(5)).execute(connection)?
    ]))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let texts = Texts::given();
    let vaults = |first| {
        texts
            .vaults(first)
            .into_iter()
            .map(Vault::from)
            .collect::<Vec<_>>()
    };
    say_version("diesel");
    let mut connection = connected();
    let c = &mut connection;
    step("insert", ready(insert(c, &vaults(1)))).await;
    step("read", ready(read(c))).await;
    step("update", ready(update(c))).await;
    step("upsert", ready(upsert(c))).await;
    step("transaction", ready(transaction(c))).await;
    step("errors", ready(errors(c))).await;
    step("batch", ready(batch(c, &vaults(101)))).await;
    step("cursor", ready(cursor(c))).await;
    step("copy", ready(copy(c))).await;
    step("delete", ready(deleted(c))).await;
    step(
        "copy of the sealed table",
        ready(copy_of_the_sealed_table(c, &vaults(901))),
    )
    .await;
}
