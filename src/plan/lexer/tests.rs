use super::*;

fn kinds(sql: &str) -> Vec<&str> {
    lex(sql, &Limits::default())
        .unwrap()
        .iter()
        .map(|token| token.text(sql))
        .collect()
}

#[test]
fn operators_stop_at_comments() {
    assert_eq!(
        kinds("SELECT 1 <>--'\n 1, ssn FROM patients --'"),
        ["SELECT", "1", "<>", "1", ",", "ssn", "FROM", "patients"]
    );
}
