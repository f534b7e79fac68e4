//! SQL/XML and SQL/JSON as the walk meets them: as calls, whose names and clauses are read from the tokens.

use super::lexer;
use super::lineage::{Lineage, unclear};
use super::refuse::{FORMAT, JSON, Walked, XML};
use super::scope::{Offered, Source};
use super::tokens::{Construct, Tokens};
use super::walk::Walk;
use super::within::Argument;

impl Walk<'_> {
    fn all_tokens(&self) -> Tokens<'_> {
        Tokens {
            sql: self.sql,
            tokens: self.tokens,
        }
    }

    /// The construct whose name stands at a token. Its own names are placed: they refer to nothing.
    pub(super) fn construct(&mut self, name: Option<usize>) -> Option<Construct> {
        let construct = self.all_tokens().construct(name?)?;
        self.placed.extend(&construct.own);
        Some(construct)
    }

    /// Refuses sealed values that the server would read as JSON: `key FORMAT JSON`.
    pub(super) fn formatted(&self, name: Option<usize>, arguments: &[Argument<'_>]) -> Walked<()> {
        let formats = name.map_or_else(Vec::new, |name| self.all_tokens().formats(name));
        for number in formats.into_iter().filter_map(|(number, _)| number) {
            match arguments.get(number) {
                Some(argument) => self.must_be_plain(&argument.lineage, FORMAT)?,
                None => {
                    let all = unclear(arguments.iter().map(|argument| &argument.lineage));
                    self.must_be_plain(&all, FORMAT)?;
                }
            }
        }
        Ok(())
    }

    /// The rows of XMLTABLE or JSON_TABLE.
    pub(super) fn construct_table(
        &self,
        name: &str,
        construct: &Construct,
        arguments: &[Argument<'_>],
    ) -> Walked<Source> {
        let within = if name == "xmltable" { XML } else { JSON };
        for argument in arguments {
            self.must_be_plain(&argument.lineage, within)?;
        }
        let offered = construct.columns.iter().filter_map(|at| {
            Some(Offered {
                name: lexer::ident(self.token(*at)?, self.sql)?.into_owned(),
                lineage: Lineage::None,
                origin: None,
            })
        });
        Ok(Source {
            name: name.to_owned(),
            columns: offered.collect(),
            ..Source::default()
        })
    }
}
