//! One text after another, as the server would get them.

use std::collections::BTreeSet;

use crate::model::Refusal;
use crate::ops::verdict::{Meaning, Session, meanings, words};
use crate::plan::lexer::{self, Limits, Token, string_value};
use crate::plan::tokens::split;
use crate::plan::{Plan, Planner, StatementKind, Verdict};

/// What would happen to a text.
pub(super) enum Judged {
    Forwarded,
    Planned,
    Refused(Refusal),
    /// Nobody can tell; why.
    Unjudged(String),
}

pub(super) struct Judge<'a> {
    planner: &'a Planner,
    /// Parameters stand in the place of constants.
    normalised: bool,
    session: Session,
    /// Names of prepared statements that touch nothing protected.
    harmless: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(planner: &'a Planner, normalised: bool) -> Self {
        Self {
            planner,
            normalised,
            session: Session::default(),
            harmless: BTreeSet::new(),
        }
    }

    pub(super) fn judge(&mut self, sql: &str) -> Judged {
        if sql.contains(char::REPLACEMENT_CHARACTER) && self.planner.mentions(sql.as_bytes()) {
            return Judged::Unjudged("it holds bytes that are not UTF-8".to_owned());
        }
        if !self.normalised && changes_reading(sql) {
            let why = "it changes how the texts behind it are read, which was not followed: they were read in UTF-8, with standard_conforming_strings on";
            return Judged::Unjudged(why.to_owned());
        }
        let verdict = self.session.verdict(self.planner, sql, &Meaning::new());
        match verdict {
            Verdict::Resolve(names) => self.in_every_meaning(sql, &names),
            verdict => self.judged(sql, verdict),
        }
    }

    fn judged(&mut self, sql: &str, verdict: Verdict) -> Judged {
        match verdict {
            Verdict::Forward => {
                self.harmless.extend(prepared_in(sql));
                Judged::Forwarded
            }
            Verdict::Protect(plan) => self.planned(sql, &plan),
            Verdict::Refuse(refusal) => self.refused(refusal),
            Verdict::Resolve(names) => Judged::Unjudged(format!(
                "what {} means is known to the session only",
                names.join(", ")
            )),
        }
    }

    fn planned(&mut self, sql: &str, plan: &Plan) -> Judged {
        self.harmless.extend(prepared_in(sql));
        let mut unknown = None;
        for statement in &plan.statements {
            self.session.note(self.planner, statement);
            if let StatementKind::Execute { name } = &statement.kind
                && !self.session.has_prepared(name)
                && !self.harmless.contains(name)
            {
                unknown = Some(name);
            }
        }
        match unknown {
            Some(name) => {
                Judged::Unjudged(format!("what \"{name}\" was prepared for is not known"))
            }
            None => Judged::Planned,
        }
    }

    fn refused(&self, refusal: Refusal) -> Judged {
        let about = |anchor: &str| {
            let hint = refusal.hint.as_deref();
            hint.is_some_and(|hint| hint.contains(anchor))
        };
        if !self.session.made.is_empty() && about("#refused-new-relation") {
            let why = "it uses what an earlier statement makes over a protected table";
            return Judged::Unjudged(why.to_owned());
        }
        if self.normalised && (about("#refused-syntax") || about("#refused-limits")) {
            let why = format!(
                "without its constants it cannot be read ({})",
                refusal.message
            );
            return Judged::Unjudged(why);
        }
        Judged::Refused(refusal)
    }

    /// Where all meanings of its names come to the same.
    fn in_every_meaning(&mut self, sql: &str, names: &[String]) -> Judged {
        let Some(meanings) = meanings(self.planner, names) else {
            return Judged::Unjudged(format!("{} may mean too much", names.join(", ")));
        };
        let (mut passes, mut refused) = (None, None);
        for meaning in meanings {
            let verdict = self.session.verdict(self.planner, sql, &meaning);
            match self.judged(sql, verdict) {
                Judged::Refused(refusal) => refused = refused.or(Some((meaning, refusal))),
                Judged::Unjudged(why) => return Judged::Unjudged(why),
                Judged::Planned => passes = Some(Judged::Planned),
                Judged::Forwarded => passes = passes.or(Some(Judged::Forwarded)),
            }
        }
        match (passes, refused) {
            (Some(_), Some((meaning, refusal))) => Judged::Unjudged(format!(
                "the session's search_path decides; where {}: {}",
                words(self.planner, &meaning),
                refusal.message
            )),
            (None, Some((_, refusal))) => Judged::Refused(refusal),
            (Some(passes), None) => passes,
            (None, None) => Judged::Unjudged(format!("no relation {}", names.join(", "))),
        }
    }
}

/// The names that PREPARE gives in a text.
fn prepared_in(sql: &str) -> Vec<String> {
    if !lexer::has_word(sql.as_bytes(), "prepare") {
        return Vec::new();
    }
    let tokens = lexer::lex(sql, &Limits::default()).unwrap_or_default();
    let names = split(sql, &tokens).into_iter().filter_map(|range| {
        let [first, name, ..] = tokens.get(range)? else {
            return None;
        };
        let name = lexer::ident(name, sql).filter(|_| first.is_word(sql, "prepare"));
        name.map(std::borrow::Cow::into_owned)
    });
    names.collect()
}

/// Whether a text switches `standard_conforming_strings` off or sets another encoding than UTF-8.
fn changes_reading(sql: &str) -> bool {
    const ON: &[&str] = &[
        "on", "true", "yes", "1", "default", "utf8", "utf-8", "unicode",
    ];
    let may = ["set", "set_config"]
        .iter()
        .any(|word| lexer::has_word(sql.as_bytes(), word));
    if !may {
        return false;
    }
    let tokens = lexer::lex(sql, &Limits::default()).unwrap_or_default();
    let word = |token: &Token| match string_value(token, sql) {
        Ok(value) => value.to_ascii_lowercase(),
        Err(_) => token.text(sql).to_ascii_lowercase(),
    };
    split(sql, &tokens).into_iter().any(|range| {
        let words = tokens.get(range).unwrap_or_default().iter().map(word);
        let words: Vec<String> = words.collect();
        let has = |wanted: &str| words.iter().any(|word| word == wanted);
        let sets = words.first().is_some_and(|word| word == "set") || has("set_config");
        let named = has("standard_conforming_strings")
            || has("client_encoding")
            || words.get(1).is_some_and(|word| word == "names");
        sets && named && !ON.iter().any(|value| has(value))
    })
}
