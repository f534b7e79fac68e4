//! SQL/XML and SQL/JSON: over plain columns as PostgreSQL has them, over sealed ones refused.

use super::refusals::refused;
use super::{Verdict, outputs, plan, single, slots, verdict};
use crate::plan::lexer::{Limits, lex};
use crate::plan::tokens::Tokens;

#[test]
fn constructs_over_plain_columns_are_understood() {
    let table = [
        (
            "SELECT xmlelement(NAME key, xmlattributes(name AS key, id, slug || 'x' AS \"Auth\"), name, 'a', xmlelement(name virtual_keys)), key FROM virtual_keys",
            "- !key",
        ),
        (
            "SELECT xmlforest(name, id AS key, (SELECT count(auth_config) FROM virtual_keys) AS \"N\") AS x, key FROM virtual_keys",
            "- !key",
        ),
        (
            "SELECT key, xmlagg(xmlelement(NAME n, name) ORDER BY id) OVER (PARTITION BY organisation_id), xmlpi(name key), xmlpi(NAME php, 'echo ' || name) FROM virtual_keys",
            "!key - - -",
        ),
        (
            "SELECT key, xmlparse(DOCUMENT name PRESERVE WHITESPACE), xmlparse(content content strip whitespace), xmlparse(CONTENT name || $1) FROM virtual_keys, (SELECT note AS content FROM audit) x",
            "!key - - -",
        ),
        (
            "SELECT key, xmlroot(xmlparse(DOCUMENT name), VERSION no value, STANDALONE NO VALUE), xmlroot(x, version '1.' || $1, standalone yes), xmlroot(x, version no) FROM virtual_keys, (SELECT note::xml AS x, 'a' AS no FROM audit) y",
            "!key - - -",
        ),
        (
            "SELECT v.key, xmlserialize(CONTENT v.name::xml AS character varying(20)), xmlserialize(document a.note::xml AS text NO INDENT), xmlserialize(content '<a/>' as pg_catalog.text indent) FROM virtual_keys v, audit a",
            "!key - - -",
        ),
        (
            "SELECT key FROM virtual_keys WHERE xmlexists('//a[text() = ''b'']' PASSING BY REF name::xml BY VALUE) AND NOT xmlexists($1 PASSING (name::xml)) AND name::xml IS DOCUMENT AND (slug::xml IS NOT DOCUMENT) IS TRUE",
            "!key",
        ),
        (
            "SELECT x.*, v.key, key FROM virtual_keys v, XMLTABLE(XMLNAMESPACES('http://x' AS virtual_keys, DEFAULT 'http://y'), '//r' PASSING BY REF name::xml COLUMNS n FOR ORDINALITY, a int PATH '@a' NOT NULL, b varchar(5) DEFAULT CASE WHEN v.name IS NOT NULL THEN v.slug ELSE NULL END PATH 'b' NULL, path text, auth_config text[] DEFAULT NULL) AS x (one, two)",
            "- - - - - !key !key",
        ),
        (
            "SELECT *, xmltable FROM virtual_keys LEFT JOIN LATERAL xmltable('a' passing name::xml columns id2 int, \"Key\" text) ON true",
            "- - - !key !auth_config - - - -",
        ),
        (
            "SELECT JSON_VALUE(name, 'strict $.a' PASSING id AS id, slug FORMAT JSON ENCODING UTF8 AS \"K\" RETURNING numeric(10, 2) DEFAULT 1 + $1 ON EMPTY ERROR ON ERROR), key FROM virtual_keys",
            "- !key",
        ),
        (
            "SELECT key, JSON_QUERY(name FORMAT JSON, '$' || slug RETURNING jsonb WITH CONDITIONAL ARRAY WRAPPER EMPTY OBJECT ON EMPTY), JSON_QUERY(name::jsonb, '$[*]' WITHOUT WRAPPER OMIT QUOTES ON SCALAR STRING NULL ON ERROR), json_query(slug::json, '$' returning text[] format json empty array on error) FROM virtual_keys",
            "!key - - -",
        ),
        (
            "SELECT key FROM virtual_keys WHERE JSON_EXISTS(name::jsonb, '$.a ? (@ > $x)' PASSING 1 AS x, 2 AS key UNKNOWN ON ERROR) AND name IS JSON OBJECT WITH UNIQUE KEYS AND slug IS NOT JSON",
            "!key",
        ),
        (
            "SELECT j.*, v.key FROM virtual_keys v, JSON_TABLE(v.name::jsonb, '$[*]' AS key PASSING v.id AS x COLUMNS (n FOR ORDINALITY, NESTED PATH '$.k[*]' AS nested COLUMNS (key text PATH '$', NESTED '$.z' COLUMNS (z int)), nested int, a numeric(5) PATH '$.a' DEFAULT v.slug ON EMPTY NULL ON ERROR, b jsonb FORMAT JSON PATH '$.b' WITH WRAPPER KEEP QUOTES, c bool EXISTS PATH '$.c' FALSE ON ERROR, d timestamp with time zone) ERROR ON ERROR) j",
            "- - - - - - - - !key",
        ),
        (
            "SELECT JSON_OBJECT('doc' VALUE name FORMAT JSON, 'k': key, 's': slug RETURNING text FORMAT JSON ENCODING UTF8), JSON_ARRAY(name FORMAT JSON, key NULL ON NULL) FROM virtual_keys",
            "Text(Json({k:!key})) Json([-,!key])",
        ),
        (
            "SELECT JSON(name FORMAT JSON WITH UNIQUE KEYS), JSON_SCALAR(name), JSON_SERIALIZE(name FORMAT JSON RETURNING bytea), JSON_ARRAYAGG(slug FORMAT JSON ORDER BY id NULL ON NULL RETURNING jsonb), JSON_OBJECTAGG(id: name FORMAT JSON ABSENT ON NULL), count(key) FROM virtual_keys",
            "- - - - - -",
        ),
        // Columns, functions and aliases that are called like these.
        (
            "SELECT name xmltable, \"xmlforest\"(id), public.json_value(name), format json, document, key FROM (SELECT name, name AS format, id, slug AS document, key FROM virtual_keys) v",
            "- - - - - !key",
        ),
    ];
    for (sql, expected) in table {
        assert_eq!(outputs(&single(sql)), expected, "{sql}");
    }
}

#[test]
fn values_are_sealed_beside_constructs() {
    let sql = "UPDATE virtual_keys SET key = 'sk', name = JSON_VALUE(name::jsonb, '$.a' PASSING 'b' AS key DEFAULT 'c' ON EMPTY) WHERE organisation_id = '00000000-0000-0000-0000-000000000007' AND xmlexists('//a' PASSING xmlforest(name AS key))";
    assert_eq!(
        slots(sql, &single(sql)),
        "key='sk'@00000000-0000-0000-0000-000000000007"
    );
    plan(
        "CREATE VIEW parts AS SELECT v.id, x.n FROM virtual_keys v, XMLTABLE('a' PASSING v.name::xml COLUMNS n text) x",
    );
}

#[test]
fn constructs_over_sealed_columns_are_refused() {
    let xml = "column public.virtual_keys.key is sealed and cannot be used in an XML function";
    let json = "column public.virtual_keys.auth_config is sealed and cannot be used in an access to a part of the value";
    let format = "column public.virtual_keys.key is sealed and cannot be used in FORMAT JSON";
    let table = [
        (
            "SELECT xmlelement(NAME k, xmlattributes(name, key AS k), name) FROM virtual_keys",
            xml,
            "refused-xml",
            47,
        ),
        (
            "SELECT xmlelement(NAME k, name, key) FROM virtual_keys",
            xml,
            "refused-xml",
            33,
        ),
        (
            "SELECT xmlforest(name, CASE WHEN true THEN key END AS k) FROM virtual_keys",
            xml,
            "refused-xml",
            44,
        ),
        (
            "SELECT xmlpi(NAME k, key) FROM virtual_keys",
            xml,
            "refused-xml",
            22,
        ),
        (
            "SELECT xmlparse(CONTENT key) FROM virtual_keys",
            xml,
            "refused-xml",
            25,
        ),
        (
            "SELECT id FROM virtual_keys v WHERE xmlexists(v.key PASSING name::xml)",
            xml,
            "refused-xml",
            49,
        ),
        (
            "SELECT 1 FROM virtual_keys, XMLTABLE(key PASSING name::xml COLUMNS a int)",
            xml,
            "refused-xml",
            38,
        ),
        (
            "SELECT 1 FROM virtual_keys, XMLTABLE('a' PASSING name::xml COLUMNS a text PATH 'a' DEFAULT (SELECT key))",
            xml,
            "refused-xml",
            100,
        ),
        (
            "SELECT 1 FROM virtual_keys v, JSON_TABLE(v.auth_config, '$[*]' COLUMNS (a int PATH '$.a'))",
            json,
            "refused-part",
            44,
        ),
        (
            "SELECT 1 FROM virtual_keys, JSON_TABLE('[]', '$[*]' PASSING auth_config AS a COLUMNS (a int))",
            json,
            "refused-part",
            61,
        ),
        (
            "SELECT JSON_VALUE(auth_config, '$.a' RETURNING int DEFAULT 1 ON EMPTY) FROM virtual_keys",
            json,
            "refused-part",
            19,
        ),
        (
            "SELECT JSON_QUERY('[]', '$' PASSING auth_config AS x) FROM virtual_keys",
            json,
            "refused-part",
            37,
        ),
        (
            "SELECT JSON_VALUE(name::jsonb, '$' DEFAULT auth_config ON ERROR) FROM virtual_keys",
            json,
            "refused-part",
            44,
        ),
        (
            "SELECT JSON_OBJECT('n': name, 'k': key FORMAT JSON) FROM virtual_keys",
            format,
            "refused-format-json",
            36,
        ),
        (
            "SELECT JSON_ARRAY(name, key FORMAT JSON, name) FROM virtual_keys",
            format,
            "refused-format-json",
            25,
        ),
        (
            "SELECT JSON_OBJECTAGG(name VALUE key FORMAT JSON) FROM virtual_keys",
            format,
            "refused-format-json",
            34,
        ),
    ];
    for (sql, message, anchor, position) in table {
        let Verdict::Refuse(refusal) = verdict(sql) else {
            panic!("{sql}")
        };
        assert_eq!(refusal.message, message, "{sql}");
        assert_eq!(refusal.position, Some(position), "{sql}");
        refused(&[(sql, anchor)]);
    }
    refused(&[
        (
            "SELECT xmlserialize(CONTENT key AS text) FROM virtual_keys",
            "refused-xml",
        ),
        (
            "SELECT xmlroot(key::xml, VERSION '1.0') FROM virtual_keys",
            "refused-cast",
        ),
        (
            "SELECT key::xml IS DOCUMENT FROM virtual_keys",
            "refused-cast",
        ),
        (
            "SELECT auth_config IS JSON FROM virtual_keys",
            "refused-condition",
        ),
        (
            "SELECT xmlforest(v AS row) FROM virtual_keys v",
            "refused-xml",
        ),
        // Rows of the table's type, made of what is not followed.
        (
            "SELECT JSON_QUERY(name::jsonb, '$' RETURNING virtual_keys) FROM virtual_keys",
            "refused-syntax",
        ),
    ]);
}

/// What PostgreSQL's grammar does not have is not read, whatever could be left out of it.
#[test]
fn only_the_grammar_is_read() {
    let reads = |text: &str| {
        let tokens = lex(text, &Limits::default()).unwrap();
        let of = Tokens {
            sql: text,
            tokens: &tokens,
        };
        let construct = of.construct(0)?;
        let words = |range: std::ops::Range<usize>| {
            let words: Vec<&str> = tokens[range].iter().map(|token| token.text(text)).collect();
            words.join(" ")
        };
        let arguments = construct.arguments.into_iter().map(words);
        Some(arguments.collect::<Vec<_>>().join(" | "))
    };
    let read = [
        ("xmlexists(passing PASSING passing)", "passing | passing"),
        ("xmlexists(a.passing PASSING by)", "a . passing | by"),
        (
            "xmltable(a passing b columns path text path path default a.path || null not null)",
            "a | b | path | a . path || null",
        ),
        (
            "xmltable(a passing b columns c text default case when d is null then 1 end null)",
            "a | b | case when d is null then 1 end",
        ),
        ("json_value(a, b || passing)", "a | b || passing"),
        (
            "json_value(a, cast(b as timestamp with time zone) || 'c' null on empty)",
            "a | cast ( b as timestamp with time zone ) || 'c'",
        ),
        (
            "json_value(a, b at time zone c with wrapper)",
            "a | b at time zone c",
        ),
        ("xmlroot(a, version no)", "a | no"),
        ("xmlpi(name xmlpi)", ""),
    ];
    for (text, expected) in read {
        assert_eq!(reads(text).as_deref(), Some(expected), "{text}");
    }
    let unread = [
        "xmlelement(a, b)",
        "xmlelement(name a b)",
        "xmlelement(name a, xmlattributes(b as c d))",
        "xmlelement(name a, xmlattributes(b as 'c'))",
        "xmlforest()",
        "xmlforest(a as b + c)",
        "xmlforest(a,)",
        "xmlparse(a)",
        "xmlroot(a)",
        "xmlroot(a, version '1', standalone b)",
        "xmlserialize(content a)",
        "xmlserialize(content a as text key)",
        "xmlserialize(content a as text(b))",
        "xmlexists(a, b)",
        "xmltable(a passing b)",
        "xmltable(a passing b columns)",
        "xmltable(a passing b columns c text key)",
        "json_value(a)",
        "json_value(a, b passing c)",
        "json_value(a, b passing c as d + e)",
        "json_value(a, b returning int default 1)",
        "json_value(a, b default 1 on null)",
        "json_value(a, b), c",
        "json_table(a, b)",
        "json_table(a, b columns ())",
        "json_table(a, b columns (c))",
        "json_table(a, b columns (c int path d))",
        "json_table(a, b columns (nested path 'c' d int))",
        "json_exists",
    ];
    for text in unread {
        let read = reads(text);
        assert!(read.is_none() || text.ends_with(", c"), "{text}: {read:?}");
    }
}
