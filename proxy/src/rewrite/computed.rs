//! Names of relations that are computed or come as parameters: `$1::regclass`, `('public.' || name)::regclass`. What they say is known in the server only, so the
//! cast becomes a call of a function of the reflections; calls of functions that take names are led there as all others are ([`super::introspection`]).

use std::{collections::HashMap, ops::Range};

use catalog::sql::parser::{Node, nodes};

use super::analysis::Analysis;

/// The function, and what a column is called that is made of its result: as one that is made of the cast.
const REGCLASS: &str = "regclass";
const CALL: &str = "edition_catalog.regclass";

/// Casts that a query gives as columns without a name of their own: what is cast may name the column, or else the last cast does.
#[derive(Default)]
pub(super) struct Outputs(HashMap<*const nodes::TypeCast, Place>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Last,
    Earlier,
}

impl Outputs {
    /// Notes what may name a column.
    pub(super) fn note(&mut self, output: &nodes::ResTarget) {
        let (mut value, mut place) = (output.val(), Place::Last);
        while let (None, Node::TypeCast(cast)) = (output.name(), value) {
            self.0.insert(std::ptr::from_ref(cast), place);
            (value, place) = (cast.arg(), Place::Earlier);
        }
    }

    fn place(&self, cast: &nodes::TypeCast) -> Option<Place> {
        self.0.get(&std::ptr::from_ref(cast)).copied()
    }
}

/// Rewrites a cast to `regclass` of what is no constant, nor a column, which as good as always holds an OID.
pub(super) fn cast(analysis: &mut Analysis<'_>, cast: &nodes::TypeCast, outputs: &Outputs) {
    if !is_to_regclass(cast) || !analysis.snapshot.reflected.functions.contains(REGCLASS) {
        return;
    }
    let mut inner = cast.arg();
    while let Node::TypeCast(other) = inner {
        if is_to_regclass(other) {
            return;
        }
        inner = other.arg();
    }
    let place = outputs.place(cast);
    let may_hold_name = match inner {
        Node::ParamRef(_) | Node::A_Expr(_) | Node::CaseExpr(_) => true,
        Node::FuncCall(_) => place.is_none(),
        _ => false,
    };
    if !may_hold_name {
        return;
    }
    let Some((before, behind)) = around_operand(analysis, cast) else { return };
    // A call names its column whatever it is cast to, CASE does not; the planner takes it away.
    let (first, last) =
        if place == Some(Place::Earlier) { ("CASE WHEN true THEN ", ") END") } else { ("", ")") };
    analysis.splice(before, format!("{first}{CALL}("));
    analysis.splice(behind, last);
}

fn is_to_regclass(cast: &nodes::TypeCast) -> bool {
    let Some(target) = cast.type_name() else { return false };
    let parts: Vec<&str> = target.names().iter().filter_map(nodes::String::sval).collect();
    target.array_bounds().is_empty() && matches!(parts.as_slice(), [REGCLASS] | ["pg_catalog", REGCLASS])
}

/// What is to be replaced before and behind the operand: `CAST (` and `AS regclass)`, or nothing and `::regclass`.
fn around_operand(analysis: &Analysis<'_>, cast: &nodes::TypeCast) -> Option<(Range<usize>, Range<usize>)> {
    let target = cast.type_name()?;
    let (sign, name) = (analysis.token_at(cast.location)?, analysis.token_at(target.location)?);
    let end = analysis.name_tokens(name, target.names().len())?.last()?.end;
    if analysis.word_at(sign, "cast") {
        let word = name.checked_sub(1).filter(|word| analysis.word_at(*word, "as"))?;
        let is_closed = analysis.symbol_at(sign + 1, b'(') && analysis.symbol_at(end, b')');
        return is_closed.then_some((sign..sign + 2, word..end + 1));
    }
    let start = start_of(analysis, cast.arg(), sign)?;
    Some((start..start, sign..end))
}

/// The first token of the operand that ends before token `end`, which is the sign of a cast. That binds closer than every operator, so an operand is a parameter, a call,
/// CASE, another cast, or in brackets.
fn start_of<'t>(analysis: &Analysis<'t>, mut operand: Node<'t>, mut end: usize) -> Option<usize> {
    loop {
        let last = end.checked_sub(1)?;
        let own = match operand {
            Node::ParamRef(parameter) => parameter.location,
            Node::A_Expr(expression) => expression.location,
            Node::CaseExpr(case) => case.location,
            Node::FuncCall(call) => call.location,
            Node::TypeCast(cast) => cast.location,
            _ => return None,
        };
        let own = analysis.token_at(own)?;
        if analysis.symbol_at(last, b')') {
            let open = opening(analysis, last)?;
            if open < own {
                return Some(open);
            }
        }
        match operand {
            Node::TypeCast(cast) if analysis.symbol_at(own, b':') => (operand, end) = (cast.arg(), own),
            // its sign is not where it begins
            Node::A_Expr(_) => return None,
            _ => return Some(own),
        }
    }
}

/// Casts of what is longer are left as they are, so that brackets within brackets are not counted again and again.
const OPERAND_TOKENS_MAX: usize = 1000;

/// The bracket that the one at token `close` closes.
fn opening(analysis: &Analysis<'_>, close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    (0..=close).rev().take(OPERAND_TOKENS_MAX).find(|at| {
        depth += usize::from(analysis.symbol_at(*at, b')'));
        if analysis.symbol_at(*at, b'(') {
            depth = depth.saturating_sub(1);
        }
        depth == 0
    })
}
