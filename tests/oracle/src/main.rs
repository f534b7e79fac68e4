//! Compares pgseal's reading of the corpora with that of PostgreSQL's own grammar.
//!
//! `cargo test --test corpora` writes pgseal's reading down; its file is the argument. The syntax tree is walked as JSON, so
//! that no kind of node can be forgotten.

use std::collections::BTreeSet;
use std::process::ExitCode;

use pg_query::protobuf::{KeywordKind, Token};
use serde_json::Value;

/// What is counted.
const COUNTS: usize = 7;

fn main() -> ExitCode {
    let path = std::env::args().nth(1).expect("the file of readings");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let file: Value = serde_json::from_str(&text).expect("readings");
    let mut differences = Vec::new();
    let mut counts = [0usize; COUNTS];
    for reading in file["readings"].as_array().expect("readings") {
        compare(reading, &file["protected"], &mut counts, &mut differences);
    }
    let [all, parsed, tokens, touching, slots, outputs, columns] = counts;
    println!(
        "{all} statements, {parsed} parsed by PostgreSQL 18's grammar; compared: {tokens} names, constants and parameters, \
         {touching} statements that touch protected tables, {slots} stored values, {outputs} output lists, {columns} columns in them"
    );
    for difference in &differences {
        println!("{difference}");
    }
    if parsed < 2000 || tokens < 50_000 || slots < 1_000 || outputs < 200 || columns < 500 {
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
    counts: &mut [usize; COUNTS],
    differences: &mut Vec<String>,
) {
    counts[0] += 1;
    let (sql, words) = (string(&reading["sql"]), string(&reading["verdict"]));
    let verdict = words.split(' ').next().unwrap_or_default();
    let Ok(parsed) = pg_query::parse(sql, pg_query::ParserOptions::default()) else {
        return;
    };
    counts[1] += 1;
    counts[2] += compare_tokens(reading, sql, differences);
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
        counts[3] += 1;
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
        counts[4] += stored.len();
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
    if let (Some(ours), Some(theirs)) =
        (reading["outputs"].as_array(), outputs(statement, protected))
    {
        counts[5] += 1;
        if ours.len() != theirs.len() {
            differ(format!(
                "{} outputs, PostgreSQL says {}",
                ours.len(),
                theirs.len()
            ));
        }
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let Some(theirs) = theirs else { continue };
            counts[6] += 1;
            if string(ours) != theirs {
                differ(format!("the output {ours}, PostgreSQL says {theirs}"));
            }
        }
    }
}

/// Names, constants and parameters, each by where it begins: those of pgseal's lexer and of PostgreSQL's scanner. Gives how many
/// there are.
fn compare_tokens(reading: &Value, sql: &str, differences: &mut Vec<String>) -> usize {
    let scanned = pg_query::scan(sql).expect("what is parsed can be scanned");
    let what = |token: &pg_query::protobuf::ScanToken| {
        let keyword = token.keyword_kind() != KeywordKind::NoKeyword;
        Some(match token.token() {
            _ if keyword => "name",
            Token::Ident | Token::Uident => "name",
            Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst => "string",
            Token::Iconst | Token::Fconst => "number",
            Token::Param => "parameter",
            _ => return None,
        })
    };
    let mut theirs: BTreeSet<(i64, &str)> = BTreeSet::new();
    let mut tokens = scanned.tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        // To pgseal `N'…'` is one token, and so is `U&'…' UESCAPE '…'`, which PostgreSQL puts together behind its scanner.
        let national = token.token() == Token::Nchar
            && tokens.peek().is_some_and(|next| next.start == token.end);
        if national || token.token() == Token::Uescape {
            tokens.next();
        }
        if token.token() != Token::Uescape {
            let what = if national {
                Some("string")
            } else {
                what(token)
            };
            theirs.extend(what.map(|what| (token.start.into(), what)));
        }
    }
    let ours: BTreeSet<(i64, &str)> = reading["tokens"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|token| (token[0].as_i64().unwrap_or(-1), string(&token[1])))
        .collect();
    for (at, what) in ours.symmetric_difference(&theirs) {
        let whose = if ours.contains(&(*at, what)) {
            "pgseal"
        } else {
            "PostgreSQL"
        };
        differences.push(format!(
            "{}:{}: only {whose} reads a {what} at {at}: {sql}",
            string(&reading["corpus"]),
            reading["line"]
        ));
    }
    theirs.len()
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

/// Where constants and parameters are stored in sealed columns by the INSERTs, UPDATEs and MERGEs of a statement, those in
/// its WITH among them; `None`: it stores none there, or in another form.
fn stored(statement: &Value, protected: &Value) -> Option<BTreeSet<(i64, i64)>> {
    let (mut found, mut queries) = (BTreeSet::new(), BTreeSet::new());
    let mut changes = Vec::new();
    changes_in(statement, &mut changes, &mut queries);
    let of_protected = changes.iter().filter_map(|(kind, change)| {
        let sealed = protected.get(string(&change["relation"]["relname"]))?;
        Some((*kind, *change, sealed.as_array()?.as_slice()))
    });
    let of_protected: Vec<_> = of_protected.collect();
    for (kind, change, sealed) in &of_protected {
        match *kind {
            "InsertStmt" => inserted(change, sealed, &queries, &mut found)?,
            "UpdateStmt" => {
                let set = list(&change["target_list"]);
                assigned(set, sealed, only_tables(&change["from_clause"], &queries), &mut found)?;
            }
            _ => merged(change, sealed, &queries, &mut found)?,
        }
    }
    (!of_protected.is_empty()).then_some(found)
}

/// The changes of rows that a statement is or has in its WITH, and the names of the queries there.
fn changes_in<'v>(
    statement: &'v Value,
    changes: &mut Vec<(&'static str, &'v Value)>,
    queries: &mut BTreeSet<&'v str>,
) {
    let Some((kind, body)) = statement.as_object().and_then(|node| node.iter().next()) else {
        return;
    };
    let known = ["InsertStmt", "UpdateStmt", "MergeStmt"];
    changes.extend(known.iter().find(|known| *known == kind).map(|kind| (*kind, body)));
    for query in list(&body["with_clause"]["ctes"]) {
        let query = &query["node"]["CommonTableExpr"];
        queries.insert(string(&query["ctename"]));
        changes_in(&query["ctequery"]["node"], changes, queries);
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether what stands behind FROM, or USING, are tables: a column of theirs is no constant of the statement.
fn only_tables(from: &Value, queries: &BTreeSet<&str>) -> bool {
    list(from).iter().all(|item| {
        let name = string(&item["node"]["RangeVar"]["relname"]);
        !name.is_empty() && !queries.contains(name)
    })
}

fn inserted(
    insert: &Value,
    sealed: &[Value],
    queries: &BTreeSet<&str>,
    found: &mut BTreeSet<(i64, i64)>,
) -> Option<()> {
    let columns = list(&insert["cols"]);
    let select = &insert["select_stmt"]["node"]["SelectStmt"];
    let tables = only_tables(&select["from_clause"], queries);
    if columns.is_empty() {
        return None;
    }
    for row in rows(select)? {
        for (column, cell) in columns.iter().zip(row) {
            stored_in(&column["node"]["ResTarget"]["name"], cell, sealed, tables, found)?;
        }
    }
    let changed = list(&insert["on_conflict_clause"]["target_list"]);
    assigned(changed, sealed, true, found)
}

fn merged(
    merge: &Value,
    sealed: &[Value],
    queries: &BTreeSet<&str>,
    found: &mut BTreeSet<(i64, i64)>,
) -> Option<()> {
    let source = Value::Array(vec![merge["source_relation"].clone()]);
    let tables = only_tables(&source, queries);
    for arm in list(&merge["merge_when_clauses"]) {
        let arm = &arm["node"]["MergeWhenClause"];
        let (targets, values) = (list(&arm["target_list"]), list(&arm["values"]));
        if values.is_empty() {
            assigned(targets, sealed, tables, found)?;
        } else if targets.is_empty() {
            return None;
        }
        for (target, value) in targets.iter().zip(values) {
            stored_in(&target["node"]["ResTarget"]["name"], value, sealed, tables, found)?;
        }
    }
    Some(())
}

/// The rows of a list of VALUES, or the one of a SELECT that may take other values from tables.
fn rows(select: &Value) -> Option<Vec<Vec<&Value>>> {
    let lists = select["values_lists"].as_array()?;
    if lists.is_empty() {
        let targets = select["target_list"].as_array()?;
        let values = targets
            .iter()
            .map(|target| &target["node"]["ResTarget"]["val"]);
        return (!targets.is_empty() && select["with_clause"].is_null())
            .then(|| vec![values.collect()]);
    }
    let cells = lists.iter().map(|list| {
        let cells = list["node"]["List"]["items"].as_array()?;
        Some(cells.iter().collect())
    });
    cells.collect()
}

/// The constants and parameters among assignments to sealed columns.
fn assigned(
    targets: &[Value],
    sealed: &[Value],
    tables: bool,
    found: &mut BTreeSet<(i64, i64)>,
) -> Option<()> {
    for target in targets {
        let target = &target["node"]["ResTarget"];
        stored_in(&target["name"], &target["val"], sealed, tables, found)?;
    }
    Some(())
}

/// What a column is given, if it is a sealed one. `tables`: a column in its place is a table's.
fn stored_in(
    column: &Value,
    value: &Value,
    sealed: &[Value],
    tables: bool,
    found: &mut BTreeSet<(i64, i64)>,
) -> Option<()> {
    if sealed.contains(column) {
        let mut columns = false;
        each(value, "ColumnRef", &mut |_| columns = true);
        if columns && !tables {
            return None;
        }
        found.extend(constant(value)?);
    }
    Some(())
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

/// What a SELECT without a star gives: of one protected table alone, the sealed columns by name and `-` for the others;
/// `None` for what is no column.
fn outputs(statement: &Value, protected: &Value) -> Option<Vec<Option<String>>> {
    let select = statement.get("SelectStmt")?;
    let targets = select["target_list"].as_array()?;
    let from = select["from_clause"].as_array()?;
    let sealed = match from.as_slice() {
        [only] => {
            let name = &only["node"]["RangeVar"]["relname"];
            protected.get(string(name)).and_then(Value::as_array)
        }
        _ => None,
    };
    let mut found = Vec::new();
    for target in targets {
        let value = &target["node"]["ResTarget"]["val"]["node"];
        let mut stars = false;
        each(&value["ColumnRef"], "AStar", &mut |_| stars = true);
        if stars {
            return None;
        }
        let name = value["ColumnRef"]["fields"]
            .as_array()
            .and_then(|fields| fields.last());
        let name = name.map(|name| &name["node"]["String"]["sval"]);
        found.push(sealed.zip(name).map(|(sealed, name)| {
            if sealed.contains(name) {
                string(name).to_owned()
            } else {
                "-".to_owned()
            }
        }));
    }
    (!targets.is_empty()).then_some(found)
}
