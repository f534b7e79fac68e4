//! Compares pgseal's reading of the corpora with that of PostgreSQL's own grammar.
//!
//! `cargo test --test corpora` writes pgseal's reading down; its file is the argument. The syntax tree is walked as JSON, so
//! that no kind of node can be forgotten.

use std::collections::BTreeSet;
use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).expect("the file of readings");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).expect("readings");
    let mut differences = Vec::new();
    let mut counts = [0usize; 6];
    for reading in file["readings"].as_array().expect("readings") {
        compare(reading, &file["protected"], &mut counts, &mut differences);
    }
    let [all, parsed, touching, slots, outputs, parameters] = counts;
    println!(
        "{all} statements, {parsed} parsed by PostgreSQL 18's grammar; compared: {touching} that touch protected tables, \
         {slots} stored values, {outputs} output lists, {parameters} parameter numbers"
    );
    for difference in &differences {
        println!("{difference}");
    }
    if parsed < 2000 || slots < 500 || outputs < 200 {
        println!("too little was compared");
        return ExitCode::FAILURE;
    }
    if differences.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn compare(
    reading: &Value,
    protected: &Value,
    counts: &mut [usize; 6],
    differences: &mut Vec<String>,
) {
    counts[0] += 1;
    let (sql, words) = (string(&reading["sql"]), string(&reading["verdict"]));
    let verdict = words.split(' ').next().unwrap_or_default();
    let Ok(parsed) = pg_query::parse(sql, pg_query::ParserOptions::default()) else {
        return;
    };
    counts[1] += 1;
    let tree = serde_json::to_value(&parsed.protobuf).expect("a tree");
    let mut differ = |what: String| {
        differences.push(format!(
            "{}:{}: {what}: {sql}",
            string(&reading["corpus"]),
            reading["line"]
        ))
    };
    let relations = relations(&tree);
    let touched = relations.iter().any(|name| protected.get(name).is_some());
    let data = statement_kinds(&tree).iter().all(|kind| {
        [
            "SelectStmt",
            "InsertStmt",
            "UpdateStmt",
            "DeleteStmt",
            "MergeStmt",
        ]
        .contains(&kind.as_str())
    });
    // DDL that is "define" passes as it is, too; what it changes is read from the catalog before the next statement.
    let passes = ["forward", "define"].contains(&verdict);
    if touched && data {
        counts[2] += 1;
        if passes {
            differ(format!("{verdict}, touches {relations:?}"));
        }
    }
    // A protected name that is no table's, in a statement that the parser cannot read, is refused to be on the safe side.
    let unreadable = words.ends_with(" refused-syntax");
    if !touched && !passes && !unreadable && !relations.is_empty() {
        differ(format!("{verdict}, touches only {relations:?}"));
    }
    if verdict != "plan" {
        return;
    }
    let statements = tree["stmts"].as_array().map_or(0, Vec::len);
    let statement = &tree["stmts"][0]["stmt"]["node"];
    // The parameters of PREPARE are those of the statement in it.
    if statements != 1 || statement.get("PrepareStmt").is_some() {
        return;
    }
    if let Some(stored) = stored(statement, protected) {
        counts[3] += stored.len();
        let ours: BTreeSet<(i64, i64)> = reading["slots"]
            .as_array()
            .into_iter()
            .flatten()
            .map(place)
            .collect();
        if ours != stored {
            differ(format!(
                "stored values at {ours:?}, PostgreSQL says {stored:?}"
            ));
        }
    }
    if let (Some(ours), Some(theirs)) = (reading["outputs"].as_u64(), outputs(statement)) {
        counts[4] += 1;
        if ours != theirs {
            differ(format!("{ours} outputs, PostgreSQL says {theirs}"));
        }
    }
    let mut numbers = Vec::new();
    each(&tree, "ParamRef", &mut |node| {
        numbers.extend(node["number"].as_u64())
    });
    counts[5] += numbers.len();
    let highest = numbers.into_iter().max().unwrap_or(0);
    if reading["max_param"].as_u64() != Some(highest) {
        differ(format!(
            "highest parameter {}, PostgreSQL says {highest}",
            reading["max_param"]
        ));
    }
}

/// A literal by its first byte, or a parameter by its number: the other is -1.
fn place(slot: &Value) -> (i64, i64) {
    (
        slot["literal"].as_i64().unwrap_or(-1),
        slot["param"].as_i64().unwrap_or(-1),
    )
}

fn string(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Calls `found` with every node of this kind, however deep.
fn each(value: &Value, kind: &str, found: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, kind, found)),
        Value::Object(members) => {
            for (name, member) in members {
                if name == kind || (name == "relation" && kind == "RangeVar") {
                    found(member);
                }
                each(member, kind, found);
            }
        }
        _ => {}
    }
}

/// Names of relations, those of common table expressions left out.
fn relations(tree: &Value) -> BTreeSet<String> {
    let (mut names, mut own) = (BTreeSet::new(), BTreeSet::new());
    each(tree, "RangeVar", &mut |node| {
        let schema = string(&node["schemaname"]);
        if node.get("relname").is_some() && (schema.is_empty() || schema == "public") {
            names.insert(string(&node["relname"]).to_owned());
        }
    });
    each(tree, "CommonTableExpr", &mut |node| {
        own.insert(string(&node["ctename"]).to_owned());
    });
    names.difference(&own).cloned().collect()
}

fn statement_kinds(tree: &Value) -> Vec<String> {
    let statements = tree["stmts"].as_array().into_iter().flatten();
    statements
        .filter_map(|statement| {
            statement["stmt"]["node"]
                .as_object()?
                .keys()
                .next()
                .cloned()
        })
        .collect()
}

/// Where constants and parameters are stored in sealed columns by a plain INSERT … VALUES or UPDATE; `None`: another form.
fn stored(statement: &Value, protected: &Value) -> Option<BTreeSet<(i64, i64)>> {
    let mut found = BTreeSet::new();
    if let Some(insert) = statement.get("InsertStmt") {
        let sealed = protected
            .get(string(&insert["relation"]["relname"]))?
            .as_array()?;
        let columns = insert["cols"].as_array()?;
        let lists = insert["select_stmt"]["node"]["SelectStmt"]["values_lists"].as_array()?;
        if columns.is_empty()
            || lists.is_empty()
            || !insert["on_conflict_clause"].is_null()
            || !insert["with_clause"].is_null()
        {
            return None;
        }
        for list in lists {
            let cells = list["node"]["List"]["items"].as_array()?;
            for (column, cell) in columns.iter().zip(cells) {
                if sealed.contains(&column["node"]["ResTarget"]["name"]) {
                    found.extend(constant(cell)?);
                }
            }
        }
        return Some(found);
    }
    let update = statement.get("UpdateStmt")?;
    let sealed = protected
        .get(string(&update["relation"]["relname"]))?
        .as_array()?;
    for target in update["target_list"].as_array()? {
        let target = &target["node"]["ResTarget"];
        if sealed.contains(&target["name"]) {
            found.extend(constant(&target["val"])?);
        }
    }
    Some(found)
}

/// `Some(None)`: NULL, DEFAULT or a column; `None`: a form that is not compared.
fn constant(node: &Value) -> Option<Option<(i64, i64)>> {
    let node = &node["node"];
    if let Some(cast) = node.get("TypeCast") {
        return constant(&cast["arg"]);
    }
    if let Some(parameter) = node.get("ParamRef") {
        return Some(Some((-1, parameter["number"].as_i64()?)));
    }
    if node.get("SetToDefault").is_some() || node.get("ColumnRef").is_some() {
        return Some(None);
    }
    let constant = node.get("AConst")?;
    if constant["isnull"].as_bool() == Some(true) {
        return Some(None);
    }
    constant["val"]
        .get("Sval")
        .map(|_| Some((constant["location"].as_i64().unwrap_or(-1), -1)))
}

/// How many columns a SELECT without a star gives.
fn outputs(statement: &Value) -> Option<u64> {
    let select = statement.get("SelectStmt")?;
    let targets = select["target_list"].as_array()?;
    let mut stars = 0;
    for target in targets {
        each(
            &target["node"]["ResTarget"]["val"]["node"]["ColumnRef"],
            "AStar",
            &mut |_| stars += 1,
        );
    }
    (stars == 0 && !targets.is_empty()).then(|| u64::try_from(targets.len()).unwrap_or(0))
}
