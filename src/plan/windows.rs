//! ORDER BY and windows.

use sqlparser::ast::{OrderByExpr, WindowFrameBound, WindowSpec};

use super::refuse::{Construct, GROUP, ORDER, OTHER, Walked};
use super::scope::Scope;
use super::walk::Walk;

impl Walk<'_> {
    /// One item of an ORDER BY.
    pub(super) fn order_item(
        &mut self,
        item: &OrderByExpr,
        scope: &Scope<'_>,
        construct: Construct,
    ) -> Walked<()> {
        if item.with_fill.is_some() {
            return Err(self.not_understood("WITH FILL", None));
        }
        self.plain(&item.expr, scope, construct)
    }

    /// The window of OVER or WINDOW.
    pub(super) fn window(&mut self, window: &WindowSpec, scope: &Scope<'_>) -> Walked<()> {
        if let Some(name) = &window.window_name {
            self.place(name);
        }
        let keys = self.keys(&window.partition_by, None, scope);
        let around = std::mem::replace(&mut self.keys, keys);
        for expr in &window.partition_by {
            let lineage = self.expr(expr, scope)?;
            self.comparable(&lineage, self.origin_of(expr, scope), GROUP)?;
        }
        self.keys = around;
        for item in &window.order_by {
            self.order_item(item, scope, ORDER)?;
        }
        let Some(frame) = &window.window_frame else {
            return Ok(());
        };
        for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()]
            .into_iter()
            .flatten()
        {
            match bound {
                WindowFrameBound::Preceding(Some(expr))
                | WindowFrameBound::Following(Some(expr)) => self.plain(expr, scope, OTHER)?,
                WindowFrameBound::CurrentRow
                | WindowFrameBound::Preceding(None)
                | WindowFrameBound::Following(None) => {}
            }
        }
        Ok(())
    }
}
