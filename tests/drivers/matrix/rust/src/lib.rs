//! What the Rust programs of the matrix share: the values, and how a step's answer is printed.

use std::fmt::Write;
use std::future::Future;
use std::io::Read;

use base64::Engine;
pub use serde_json::{Value as Json, json};

pub const COLUMNS: &str = "id, account_id, label, secret, pin, settings, raw, blob";
pub const INSERT: &str = "INSERT INTO vaults (id, account_id, label, secret, pin, settings, raw, blob) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
pub const UPSERT: &str = "INSERT INTO vaults (id, account_id, label, secret, pin, settings, raw, blob) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (id) DO UPDATE SET secret = EXCLUDED.secret, raw = EXCLUDED.raw RETURNING id, secret, raw";
pub const JOINED: &str = "SELECT v.secret AS s, settings, a.name FROM vaults v JOIN accounts a ON a.id = v.account_id WHERE v.id = $1";

/// The statements without parameters that must fail.
pub const WRONG: [&str; 6] = [
    "UPDATE vaults SET settings = '{bad' WHERE id = 1",
    "SELECT secret, nothing FROM vaults",
    "SELEC 1",
    "INSERT INTO vaults (id, account_id, label, secret) VALUES (77, 9, 'l', 's')",
    "SELECT 1/0",
    "SELECT * FROM missing",
];

/// The row of a text: one value of it in a column of each type.
#[derive(Clone)]
pub struct Vault {
    pub id: i32,
    pub account_id: i32,
    pub label: String,
    pub secret: Option<String>,
    pub pin: Option<String>,
    pub settings: Option<Json>,
    pub raw: Option<Json>,
    pub blob: Option<Vec<u8>>,
}

pub fn vault(id: i32, text: Option<&str>) -> Vault {
    let document = text.map(|text| json!({"value": text, "list": [1, true, null]}));
    Vault {
        id,
        account_id: 1 + id % 2,
        label: format!("row {id}"),
        secret: text.map(str::to_owned),
        pin: text.map(|text| text.chars().take(40).collect()),
        settings: document.clone(),
        raw: document,
        blob: text.map(|text| [text.as_bytes(), &[255, 0, 39]].concat()),
    }
}

pub struct Texts(Vec<String>);

impl Texts {
    pub fn given() -> Self {
        let mut input = String::new();
        std::io::stdin().read_to_string(&mut input).unwrap();
        let decoded = |line: &str| {
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(line)
                .unwrap();
            String::from_utf8(bytes).unwrap()
        };
        Self(input.split('\n').map(decoded).collect())
    }

    pub fn vaults(&self, first: i32) -> Vec<Vault> {
        let texts = self.0.iter().map(|text| Some(text.as_str()));
        let numbered = (first..).zip(texts.chain([None]));
        numbered.map(|(id, text)| vault(id, text)).collect()
    }
}

pub fn url() -> String {
    std::env::var("DATABASE_URL").unwrap()
}

/// The version that Cargo.lock names.
pub fn say_version(package: &str) {
    let name = format!("name = \"{package}\"\nversion = \"");
    let lock = include_str!("../Cargo.lock");
    let version = lock.split(&name).nth(1).unwrap().split('"').next().unwrap();
    println!("{}", json!({"driver": package, "version": version}));
}

/// What is known of a driver's error: `state` at least.
pub trait Told {
    fn told(&self) -> Json;
}

pub async fn step<E: Told>(name: &str, work: impl Future<Output = Result<Json, E>>) {
    let got = match work.await {
        Ok(got) => got,
        Err(error) => json!({"error": error.told()}),
    };
    println!("{}", json!({"step": name, "got": got}));
}

/// The error that a call must end in.
pub fn failed<T, E: Told>(result: Result<T, E>) -> Json {
    result.map_or_else(|error| error.told(), |_| json!("no error"))
}

/// Bytes are told from text.
pub fn hex(bytes: &[u8]) -> Json {
    let mut digits = String::new();
    bytes
        .iter()
        .for_each(|byte| write!(digits, "{byte:02x}").unwrap());
    json!({ "bytes": digits })
}
