//! Calls of functions.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgOperator, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, WindowType,
};

use super::lineage::{Lineage, merge, unclear};
use super::refuse::{CONDITION, FUNCTION, IN_SERVER, ORDER, ROW, Stop, Walked};
use super::scope::Scope;
use super::walk::Walk;
use super::within::{self, Argument, Call};

/// Functions that a look-up may repeat: the same answer within one transaction, and no side effect.
const REPEATABLE: &[&str] = &[
    "abs",
    "any_value",
    "array_agg",
    "array_append",
    "array_length",
    "array_position",
    "avg",
    "btrim",
    "cardinality",
    "ceil",
    "ceiling",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "current_database",
    "current_date",
    "current_schema",
    "current_setting",
    "current_timestamp",
    "current_user",
    "date",
    "date_part",
    "date_trunc",
    "floor",
    "greatest",
    "json_build_object",
    "jsonb_build_object",
    "jsonb_array_elements_text",
    "least",
    "left",
    "length",
    "localtimestamp",
    "lower",
    "ltrim",
    "make_interval",
    "max",
    "md5",
    "min",
    "now",
    "nullif",
    "octet_length",
    "position",
    "regexp_replace",
    "replace",
    "right",
    "round",
    "row",
    "rtrim",
    "session_user",
    "split_part",
    "starts_with",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "to_timestamp",
    "transaction_timestamp",
    "trim",
    "unnest",
    "upper",
    "jsonb_extract_path_text",
];

impl Walk<'_> {
    pub(super) fn function(&mut self, function: &Function, scope: &Scope<'_>) -> Walked<Lineage> {
        let names = self.names(&function.name)?;
        let token = self.name_token(&function.name);
        let name = names.last().cloned().unwrap_or_default();
        if self.relations.is_function(&name) {
            return Err(self.works_in_server(&format!("function {name}"), token));
        }
        self.place_name(&function.name);
        self.construct(token);
        let own = names.len() == 1 || names.first().is_some_and(|schema| schema == "pg_catalog");
        if !(own && REPEATABLE.contains(&name.as_str())) {
            self.impure = self.impure.or(token);
        }
        if function.uses_odbc_syntax || !matches!(function.parameters, FunctionArguments::None) {
            return Err(self.not_understood("this form of a function call", token));
        }
        if let Some(lineage) = self.searched_nullif(function, &names, scope)? {
            return Ok(lineage);
        }
        // A window is over many rows, also where those of the query are few.
        let single = function
            .over
            .as_ref()
            .map(|_| std::mem::take(&mut self.single));
        let carried = self.arguments(&function.args, (&name, token), own, scope)?;
        self.single = single.unwrap_or(std::mem::take(&mut self.single));
        for item in &function.within_group {
            self.order_item(item, scope, ORDER)?;
        }
        if let Some(filter) = &function.filter {
            self.plain(filter, scope, CONDITION)?;
        }
        match &function.over {
            Some(WindowType::WindowSpec(window)) => self.window(window, scope)?,
            Some(WindowType::NamedWindow(name)) => self.place(name),
            None => {}
        }
        Ok(carried)
    }

    /// The refusal of a function whose body names something protected, or of what runs it.
    pub(super) fn works_in_server(&self, function: &str, token: Option<usize>) -> Stop {
        let message = format!("{function} works on a protected table inside the server");
        self.refuse(message, IN_SERVER, "refused-function-call", token)
    }

    fn arguments(
        &mut self,
        arguments: &FunctionArguments,
        (name, token): (&str, Option<usize>),
        own: bool,
        scope: &Scope<'_>,
    ) -> Walked<Lineage> {
        let list = match arguments {
            FunctionArguments::None => return Ok(Lineage::None),
            FunctionArguments::Subquery(query) => {
                let rows = self.query(query, scope)?;
                self.use_all_plain(&rows.columns);
                let all = merge(rows.columns.iter().map(|column| &column.lineage));
                let rows = Argument {
                    expr: None,
                    lineage: all.clone(),
                    key: None,
                };
                self.formatted(token, &[rows])?;
                if name == "array" {
                    return Ok(within::array(all));
                }
                return self.must_be_plain(&all, ROW).map(|()| Lineage::None);
            }
            FunctionArguments::List(list) => list,
        };
        let mut carried = Vec::new();
        for argument in &list.args {
            self.argument(argument, name, scope, &mut carried)?;
        }
        self.argument_clauses(list, scope)?;
        self.formatted(token, &carried)?;
        // The parser is not told of VARIADIC: then the arguments are more than they seem.
        if !own || self.is_variadic(token) {
            let all = unclear(carried.iter().map(|argument| &argument.lineage));
            return self.must_be_plain(&all, FUNCTION).map(|()| Lineage::None);
        }
        self.call(&Call {
            name,
            arguments: &carried,
            clauses: &list.clauses,
            distinct: list.duplicate_treatment.is_some(),
            scope,
        })
    }

    /// Whether the last argument of the call of the function at a token is VARIADIC.
    pub(super) fn is_variadic(&self, function: Option<usize>) -> bool {
        let call = function.and_then(|at| Some((at + 1, self.closing(at + 1)?)));
        call.is_some_and(|(open, close)| {
            (open..close).any(|at| {
                let token = self.token(at);
                token.is_some_and(|token| token.is_word(self.sql, "variadic"))
            })
        })
    }

    /// The value of an argument, and what is its key in `json_object(key : value)`; the name of a parameter is placed.
    pub(super) fn argument_value<'e>(
        &mut self,
        argument: &'e FunctionArg,
    ) -> (Option<&'e Expr>, &'e FunctionArgExpr) {
        match argument {
            FunctionArg::Unnamed(value) => (None, value),
            FunctionArg::Named { name, arg, .. }
            | FunctionArg::ExprNamed {
                name: Expr::Identifier(name),
                arg,
                operator: FunctionArgOperator::RightArrow | FunctionArgOperator::Assignment,
            } => {
                self.place(name);
                (None, arg)
            }
            FunctionArg::ExprNamed { name, arg, .. } => (Some(name), arg),
        }
    }

    fn argument<'e>(
        &mut self,
        argument: &'e FunctionArg,
        function: &str,
        scope: &Scope<'_>,
        carried: &mut Vec<Argument<'e>>,
    ) -> Walked<()> {
        let (key, value) = self.argument_value(argument);
        if let Some(key) = key {
            self.plain(key, scope, FUNCTION)?;
        }
        match value {
            FunctionArgExpr::Expr(expr) => {
                let lineage = self.expr(expr, scope)?;
                carried.push(Argument {
                    expr: Some(expr),
                    lineage,
                    key,
                });
                Ok(())
            }
            FunctionArgExpr::Wildcard if function == "count" => Ok(()),
            FunctionArgExpr::QualifiedWildcard(row) => {
                let parts = self.names(row)?;
                self.place_name(row);
                let source = scope.star(&parts);
                let lineages: Vec<Lineage> = match source {
                    // A star in ROW stands for the columns, in any other call for the row.
                    Some(source) if function == "row" && !source.open => source
                        .columns
                        .iter()
                        .map(|column| column.lineage.clone())
                        .collect(),
                    _ => vec![scope.whole_row(&parts).unwrap_or(Lineage::None)],
                };
                carried.extend(lineages.into_iter().map(|lineage| Argument {
                    expr: None,
                    lineage,
                    key,
                }));
                Ok(())
            }
            FunctionArgExpr::Wildcard | FunctionArgExpr::WildcardWithOptions(_) => {
                Err(self.not_understood("a star argument", None))
            }
        }
    }

    fn argument_clauses(&mut self, list: &FunctionArgumentList, scope: &Scope<'_>) -> Walked<()> {
        for clause in &list.clauses {
            match clause {
                FunctionArgumentClause::OrderBy(items) => {
                    for item in items {
                        self.order_item(item, scope, ORDER)?;
                    }
                }
                FunctionArgumentClause::JsonNullClause(_)
                | FunctionArgumentClause::JsonReturningClause(_) => {}
                _ => return Err(self.not_understood("this clause of a function call", None)),
            }
        }
        Ok(())
    }
}
