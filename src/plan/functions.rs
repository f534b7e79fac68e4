//! Functions in FROM.

use sqlparser::ast::{
    ArrayElemTypeDef, DataType, Expr, FunctionArg, FunctionArgExpr, ObjectName, TableAlias,
};

use super::expr::kind_of;
use super::lineage::{Lineage, Shape};
use super::members::Members;
use super::parts;
use super::refuse::{FUNCTION, Walked};
use super::scope::{Offered, Origin, Scope, Source};
use super::text::is_harmless_type;
use super::walk::Walk;
use super::within::{Argument, Call};

/// Functions that give one column, which bears their name or that of their alias.
const COLUMNS: &[&str] = &[
    "generate_series",
    "generate_subscripts",
    "json_object_keys",
    "jsonb_object_keys",
    "jsonb_path_query",
    "regexp_matches",
    "regexp_split_to_table",
    "string_to_table",
];

/// `pg_type`'s texts, documents and bytes.
const TEXTS: &[u32] = &[17, 25, 114, 1042, 1043, 3802];

/// `pg_type`'s arrays of texts, documents, bytes, numbers, dates, `bool` and `uuid`.
const ARRAYS: &[u32] = &[
    199, 1000, 1001, 1005, 1007, 1009, 1015, 1016, 1021, 1022, 1115, 1182, 1185, 1231, 2951, 3807,
];

/// Functions that give the parts of a document, each as a row of these columns.
const LISTS: &[(&str, &[&str])] = &[
    ("json_array_elements", &["value"]),
    ("json_array_elements_text", &["value"]),
    ("json_each", &["key", "value"]),
    ("json_each_text", &["key", "value"]),
    ("json_object_keys", &["json_object_keys"]),
    ("jsonb_array_elements", &["value"]),
    ("jsonb_array_elements_text", &["value"]),
    ("jsonb_each", &["key", "value"]),
    ("jsonb_each_text", &["key", "value"]),
    ("jsonb_object_keys", &["jsonb_object_keys"]),
];

impl Walk<'_> {
    /// `unnest(array, …)`: the arrays' elements row by row.
    pub(super) fn unnest(
        &mut self,
        arrays: &[Expr],
        ordinality: bool,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Walked<Source> {
        let mut source = Source {
            name: "unnest".to_owned(),
            scalar: arrays.len() == 1 && !ordinality,
            of_alias: arrays.len() == 1,
            ..Source::default()
        };
        let group = self.new_group();
        for array in arrays {
            let origin = self.unnested(array, group);
            let lineage = match origin {
                Some(_) => Lineage::None,
                None => self.expr(array, scope)?,
            };
            if lineage.is_none() {
                // An array of rows gives a column for each of their fields.
                source.open |= origin.is_none() && !self.holds_no_rows(array, scope);
                source.columns.push(Offered {
                    name: "unnest".to_owned(),
                    lineage,
                    origin,
                });
                continue;
            }
            let of = parts::elements(&lineage).filter(|_| !source.open);
            let Some(of) = of else {
                // Behind an array of rows its place is not known.
                self.must_be_plain(&lineage, FUNCTION)?;
                continue;
            };
            source.scalar &= !is_record(&of);
            source.of_alias &= !is_record(&of);
            source.columns.extend(columns_of(&of));
        }
        let mut columns = source.columns.iter();
        let sealed = columns.rposition(|column| !column.lineage.is_none());
        if let Some(last) = sealed.filter(|_| source.open) {
            return self.known_at_first(source, last + 1, alias);
        }
        if source.open {
            self.use_all_plain(&source.columns);
            source.columns.clear();
            source.of_alias = false;
        } else if ordinality {
            source.columns.push(self::ordinality());
        }
        self.aliased(source, alias)
    }

    /// The first columns are known, of those behind them only what the alias names.
    pub(super) fn known_at_first(
        &mut self,
        mut source: Source,
        known: usize,
        alias: Option<&TableAlias>,
    ) -> Walked<Source> {
        self.use_all_plain(&source.columns);
        source.columns.truncate(known);
        source.scalar = false;
        source.of_alias = false;
        let Some(alias) = alias else {
            return Ok(source);
        };
        self.place(&alias.name);
        source.name = self.name(&alias.name);
        for (at, column) in alias.columns.iter().enumerate() {
            self.place(&column.name);
            let name = self.name(&column.name);
            match source.columns.get_mut(at) {
                Some(offered) => offered.name = name,
                None => source.columns.push(offered(&name, Lineage::None)),
            }
        }
        Ok(source)
    }

    pub(super) fn table_function(
        &mut self,
        name: &ObjectName,
        args: &[FunctionArg],
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Walked<Source> {
        let names = self.names(name)?;
        let token = self.name_token(name);
        let function = names.last().cloned().unwrap_or_default();
        if self.relations.is_function(&function) {
            return Err(self.works_in_server(&format!("function {function}"), token));
        }
        self.place_name(name);
        let construct = self.construct(token);
        self.impure = self.impure.or(token);
        if let (Some(attempt), [schema, _]) = (&self.attempt, names.as_slice())
            && (schema == "pg_temp" && function == attempt.function && args.is_empty())
        {
            return Ok(attempt.source.clone());
        }
        let mut arguments = Vec::new();
        for argument in args {
            let (key, value) = self.argument_value(argument);
            if key.is_some() {
                return Err(self.not_understood("this form of a function argument", token));
            }
            let FunctionArgExpr::Expr(expr) = value else {
                return Err(self.not_understood("a star argument", token));
            };
            arguments.push(Argument {
                expr: Some(expr),
                lineage: self.expr(expr, scope)?,
                key: None,
            });
        }
        if let Some(construct) = construct {
            return self.construct_table(&function, &construct, &arguments);
        }
        let own = names.len() == 1 || names.first().is_some_and(|schema| schema == "pg_catalog");
        let plain = arguments.iter().all(|argument| argument.lineage.is_none());
        let own = own && !self.is_variadic(token);
        if let Some(columns) = self.defined_columns(&function, own, &arguments, alias)? {
            return Ok(Source {
                name: function,
                columns,
                ..Source::default()
            });
        }
        let list = LISTS.iter().find(|(list, _)| *list == function);
        let list = list.map(|(_, columns)| *columns);
        let Some(columns) = list.filter(|_| own && !plain) else {
            for argument in &arguments {
                self.must_be_plain(&argument.lineage, FUNCTION)?;
            }
            return Ok(of_plain(function, list, own));
        };
        let lineage = self.call(&Call {
            name: &function,
            arguments: &arguments,
            clauses: &[],
            distinct: false,
            scope,
        })?;
        let offered = columns.iter().map(|name| {
            let lineage = match *columns {
                [_] => lineage.clone(),
                _ => self.field(&lineage, name)?,
            };
            Ok(offered(name, lineage))
        });
        let document = arguments.first().map(|argument| &argument.lineage);
        Ok(Source {
            columns: offered.collect::<Walked<_>>()?,
            scalar: columns.len() == 1,
            of_alias: COLUMNS.contains(&function.as_str()),
            members: document.and_then(|document| Members::of(document, &function)),
            name: function,
            ..Source::default()
        })
    }

    /// Whether it is a constant that is of the type of what stands around it.
    fn is_open(&self, expr: &Expr) -> bool {
        self.is_null(expr) || self.constant_text(expr).is_some()
    }

    /// Whether an array that holds nothing sealed surely is none of rows, which would give a column for each of their fields.
    fn holds_no_rows(&self, array: &Expr, scope: &Scope<'_>) -> bool {
        match array {
            Expr::Nested(inner) => self.holds_no_rows(inner, scope),
            Expr::Cast {
                data_type: DataType::Array(ArrayElemTypeDef::SquareBracket(of, _)),
                ..
            } => kind_of(of).is_some() || is_harmless_type(of),
            Expr::Array(array) => {
                let mut elements = array.elem.iter();
                elements.any(|element| match element {
                    Expr::Cast { data_type, .. } => {
                        kind_of(data_type).is_some() || is_harmless_type(data_type)
                    }
                    element => {
                        let scalar = self.is_harmless(element, scope) && !self.is_open(element);
                        scalar || self.has_type(element, TEXTS, scope)
                    }
                }) || array
                    .elem
                    .iter()
                    .all(|element| self.constant_text(element).is_some())
            }
            column => self.has_type(column, ARRAYS, scope),
        }
    }

    /// Whether an expression is a table's column of one of these types.
    fn has_type(&self, expr: &Expr, types: &[u32], scope: &Scope<'_>) -> bool {
        let Some(Origin::Column(column, _)) = self.origin_of(expr, scope) else {
            return false;
        };
        let relation = self.relations.catalog.relation(column.table);
        let column = relation.and_then(|relation| relation.attnum(column.attnum));
        column.is_some_and(|column| types.contains(&column.type_oid.0))
    }
}

/// What a function gives whose arguments hold nothing sealed: `list`, or one column, or nobody knows how many.
fn of_plain(function: String, list: Option<&[&str]>, own: bool) -> Source {
    let of_alias = COLUMNS.contains(&function.as_str());
    let columns: Vec<Offered> = match list {
        Some(list) => list
            .iter()
            .map(|name| offered(name, Lineage::None))
            .collect(),
        None if of_alias => vec![offered(&function, Lineage::None)],
        None => Vec::new(),
    };
    let known = own && !columns.is_empty();
    Source {
        name: function,
        open: !known,
        scalar: known && columns.len() == 1,
        of_alias: known && of_alias,
        columns: if known { columns } else { Vec::new() },
        ..Source::default()
    }
}

fn offered(name: &str, lineage: Lineage) -> Offered {
    Offered {
        name: name.to_owned(),
        lineage,
        origin: None,
    }
}

/// The column that WITH ORDINALITY adds.
pub(super) fn ordinality() -> Offered {
    offered("ordinality", Lineage::None)
}

fn is_record(of: &Lineage) -> bool {
    matches!(of, Lineage::Within(shape) if matches!(shape.as_ref(), Shape::Record(_)))
}

/// The columns that the elements of an array give: a row gives one for each of its fields.
fn columns_of(of: &Lineage) -> Vec<Offered> {
    if let Lineage::Within(shape) = of
        && let Shape::Record(members) = shape.as_ref()
    {
        let fields = members.iter();
        let fields = fields.map(|member| offered(&member.name, member.lineage.clone()));
        return fields.collect();
    }
    vec![offered("unnest", of.clone())]
}
