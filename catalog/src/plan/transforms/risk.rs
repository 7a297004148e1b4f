//! Whether a transform can make somebody's write fail: by an error of its own, by a value that its column does not take, or by NULL.

use std::collections::BTreeMap;

use super::{
    Candidate, Sides,
    judgement::{subject, transform_command},
    values::{Types, conversion, is_tighter},
};
use crate::{
    model::{
        Column, Conversion, Direction, EditionName, Name, OnError, Origin, TypeUse, integer_range, text_limit,
    },
    physical::ResultType,
    plan::{Code, Finding},
    sql::{ColumnFacts, Value},
};

/// What a transform leads from and to, as far as it tells whether it can fail.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    /// What it may read, by physical name.
    pub reads: BTreeMap<Name, ColumnFacts>,
    /// The type of its column; a domain's is what it is over.
    pub base: String,
    /// Whether that is a domain that has rules.
    pub has_rules: bool,
    /// The values of its enum.
    pub labels: Option<Vec<String>>,
    /// Whether the expression was put into casts through text.
    pub is_from_text: bool,
    /// What an inferred cast makes of values.
    pub conversion: Option<Conversion>,
    /// Whether what it casts is never NULL.
    pub from_not_null: bool,
}

/// How what a transform gives fits into its column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each with a message of its own")]
pub struct Fit {
    /// Computing it may raise an error.
    pub may_raise: bool,
    /// It may give a value that the column's type does not take.
    pub may_not_fit: bool,
    /// It may give NULL.
    pub may_be_null: bool,
    /// It gives one column's values as they are, so that what held for these holds for it.
    pub keeps: bool,
    /// It hangs on what is written.
    pub is_computed: bool,
}

impl Ends {
    /// Of a candidate for a column of the side `to`.
    pub(super) fn of(sides: &Sides<'_>, direction: Direction, column: &Column) -> Self {
        let (writer, to) = match direction {
            Direction::Forward => ((sides.older, sides.parent, &sides.place.parent), sides.newer),
            Direction::Reverse => ((sides.newer, sides.child, &sides.place.child), sides.older),
        };
        let (types, table, mapping) = writer;
        let mut reads = BTreeMap::new();
        // `old.`: what a new row does not have yet.
        for column in sides.parent.columns.iter().filter(|_| direction == Direction::Reverse) {
            let facts = ColumnFacts { not_null: false, ..facts(sides.older, column) };
            reads.insert(sides.place.parent.column(column).clone(), facts);
        }
        for column in &table.columns {
            reads.insert(mapping.column(column).clone(), facts(types, column));
        }
        let nothing = TypeUse { type_name: String::new(), type_id: None };
        Self {
            reads,
            base: to.base(&column.of()).type_name,
            has_rules: is_tighter((to, &nothing), (to, &column.of())),
            labels: to.texts(&column.of()),
            ..Self::default()
        }
    }

    /// Of an inferred one. An older writer's value must meet the rules of a newer domain, too; that an older domain's stay in force is said elsewhere.
    pub(super) fn inferred(
        self,
        direction: Direction,
        (from, before): (Types<'_>, &Column),
        (to, after): (Types<'_>, &Column),
    ) -> Self {
        let (of, wanted) = (before.of(), after.of());
        let found = conversion((from, &of), (to, &wanted));
        let has_rules = direction == Direction::Forward && is_tighter((from, &of), (to, &wanted));
        // PostgreSQL's own collations tell all texts apart; one of the application's may not.
        let is_unknown = |collation: &String| !collation.starts_with("pg_catalog.");
        let merges = found.merges
            || before.collation != after.collation && after.collation.as_ref().is_some_and(is_unknown);
        let conversion = Some(Conversion { merges, ..found });
        Self { has_rules, conversion, from_not_null: before.not_null, ..self }
    }
}

fn facts(types: Types<'_>, column: &Column) -> ColumnFacts {
    let base = types.base(&column.of());
    ColumnFacts { type_name: base.type_name, not_null: column.not_null, labels: types.texts(&column.of()) }
}

impl Fit {
    /// Of a candidate whose expression PostgreSQL has written out.
    pub(super) fn of(
        candidate: &Candidate,
        in_trigger: &str,
        is_constant: bool,
        result: &ResultType,
    ) -> Self {
        let ends = &candidate.ends;
        let is_computed = !candidate.sources.is_empty() && !is_constant;
        let catches = candidate.transform.on_error == OnError::Null;
        if !is_computed {
            return Self { is_computed, ..Self::default() };
        }
        let facts = |name: &str| {
            let mut known = ends.reads.iter();
            known.find(|(column, _)| column.as_str() == name).map(|(_, facts)| facts.clone())
        };
        if let Some(conversion) = ends.conversion {
            return Self {
                may_raise: false,
                may_not_fit: !catches && (ends.has_rules || conversion.may_fail && !result.is_image),
                may_be_null: catches || !ends.from_not_null,
                keeps: !conversion.merges,
                is_computed,
            };
        }
        let bare = ends.is_from_text.then(|| crate::sql::Expression::parse(in_trigger).ok()?.without_cast());
        let value = match bare.flatten() {
            Some(bare) => Value::of(bare.text(), &facts),
            None => Value::of(in_trigger, &facts),
        };
        let column = value.column.as_ref().and_then(|column| facts(column.as_str()));
        let of = if ends.is_from_text { "text" } else { result.of.as_str() };
        let to = ends.base.as_str();
        let takes = result.of == result.to
            || !ends.has_rules && (result.is_image || value.fits(of, to, ends.labels.as_deref()));
        Self {
            may_raise: !catches && value.may_raise,
            may_not_fit: !catches && !takes,
            may_be_null: catches || value.may_be_null,
            keeps: column.is_some_and(|column| !Conversion::of(&column.type_name, to).merges),
            is_computed,
        }
    }
}

/// What is to be said before anybody's write fails. `older`: the editions whose writes run forward transforms.
pub(super) fn findings(
    (edition, older): (&EditionName, &[EditionName]),
    candidate: &Candidate,
    fit: Fit,
) -> Option<Finding> {
    let transform = &candidate.transform;
    let takes_null = !candidate.not_null;
    let gives_null = fit.may_be_null
        && !takes_null
        && transform.on_error == OnError::Reject
        // Of an inferred reverse transform, it is said by itself what becomes of NULL.
        && !(transform.direction == Direction::Reverse && transform.origin == Origin::Inferred);
    let what = [
        fit.may_raise.then(|| "the transform raises an error".to_owned()),
        fit.may_not_fit.then(|| what_does_not_fit(candidate)),
        gives_null.then(|| "the transform gives NULL, which the column does not take".to_owned()),
    ];
    let what: Vec<String> = what.into_iter().flatten().collect();
    if what.is_empty() {
        return None;
    }
    let what = what.join(", or ");
    let (writers, code) = match transform.direction {
        Direction::Forward => (names(older), Code::OlderWriteMayFail),
        Direction::Reverse => (edition.to_string(), Code::NewerWriteMayFail),
    };
    let message = match transform.direction {
        Direction::Forward => format!("a write of {writers} fails where {what}"),
        Direction::Reverse => {
            format!("until {} is retired, a write of {writers} fails where {what}", names(older))
        }
    };
    let finding = Finding::new(code, subject(transform), message);
    Some(match transform.direction {
        Direction::Forward => finding.with_fix(format!(
            "give one that cannot fail: {}; or accept it: --allow {}",
            sure(edition, candidate, fit, gives_null),
            code.slug()
        )),
        Direction::Reverse => finding,
    })
}

/// `v1`, `v1 or v2`.
pub(in crate::plan) fn names(editions: &[EditionName]) -> String {
    let names: Vec<&str> = editions.iter().map(EditionName::as_str).collect();
    names.join(" or ")
}

fn what_does_not_fit(candidate: &Candidate) -> String {
    let ends = &candidate.ends;
    let type_fits = ends.conversion.is_some_and(|conversion| !conversion.may_fail);
    match (&candidate.cast, ends.has_rules) {
        (Some((from, to)), true) if type_fits => format!("its {from} does not meet the rules of {to}"),
        (Some((from, to)), _) => format!("its {from} does not fit into {to}"),
        (None, true) => "what the transform gives does not meet the rules of the column's domain".to_owned(),
        (None, false) => format!("what the transform gives does not fit into {}", ends.base),
    }
}

/// A transform that cannot fail, to be pasted and corrected.
fn sure(edition: &EditionName, candidate: &Candidate, fit: Fit, gives_null: bool) -> String {
    let (transform, ends) = (&candidate.transform, &candidate.ends);
    let command = |expression: &str| {
        let assignment = format!("{} = {expression}", transform.column.quoted());
        transform_command(edition, &transform.table, transform.direction, &assignment)
    };
    let given = transform.expression.as_str();
    let from = candidate.cast.as_ref().map(|(from, _)| from.as_str());
    let sure = if !fit.may_raise && !fit.may_not_fit {
        given.to_owned()
    } else if let (Some(from), Some(Some(limit)), false) = (from, text_limit(&ends.base), ends.has_rules) {
        let text = if text_limit(from).is_some() { given.to_owned() } else { format!("{given}::text") };
        format!("left({text}, {limit})")
    } else if let (Some(_), Some((least, most)), false) =
        (from.and_then(integer_range), integer_range(&ends.base), ends.has_rules)
    {
        format!("least(greatest({given}, {least}), {most})")
    } else if !candidate.not_null {
        return format!("{} --on-error null", command(given));
    } else {
        return command(&format!("CASE WHEN <it fits> THEN {given} ELSE <value> END"));
    };
    command(&if gives_null { format!("coalesce({sure}, <value>)") } else { sure })
}
