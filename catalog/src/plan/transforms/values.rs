//! Values of one edition's type as values of another's, where each edition has a type of its own: an enum's label is the same value as long as its
//! `pg_enum.oid` is, a composite's attribute as long as its number is, and a domain's value is that of its base.

use crate::{
    layout::Mapping,
    model::{Attribute, Conversion, Label, QualifiedName, Schema, TypeBody, TypeDef, TypeUse},
    sql,
    sql::{Literal, Sql, join},
};

/// One edition's types, and where they are.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Types<'a> {
    /// As the edition names them.
    pub schema: &'a Schema,
    /// Where they stand.
    pub mapping: &'a Mapping,
}

/// A value as the other edition's type has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Converted {
    /// The expression, of the other type.
    pub value: Sql,
    /// Labels that the other type lacks.
    pub lacking: Vec<String>,
    /// Whether a value that the other type lacks is replaced as a whole, and not in a part of it.
    pub as_a_whole: bool,
}

impl<'a> Types<'a> {
    fn find(self, of: &TypeUse) -> Option<&'a TypeDef> {
        self.schema.type_def(of.type_id?)
    }

    fn place(self, definition: &TypeDef) -> QualifiedName {
        let schema = self.mapping.place(definition.id, &definition.name).clone();
        QualifiedName::new(schema, definition.name.name.clone())
    }

    /// The type's name where it stands.
    pub(in crate::plan) fn physical(self, of: &TypeUse) -> Sql {
        match self.find(of) {
            Some(definition) => {
                sql!("{}{}", self.place(definition), Sql::trusted(if is_array(of) { "[]" } else { "" }))
            }
            None => Sql::trusted(&of.type_name),
        }
    }

    /// An enum's values as text.
    pub(super) fn texts(self, of: &TypeUse) -> Option<Vec<String>> {
        let labels = self.labels(of).filter(|_| !is_array(of))?;
        Some(labels.iter().map(|label| label.text.clone()).collect())
    }

    /// What a domain is over, or the type itself.
    pub(super) fn base(self, of: &TypeUse) -> TypeUse {
        match self.find(of).map(|definition| &definition.body) {
            Some(TypeBody::Base { of: base, .. }) if !is_array(of) => self.base(base),
            _ => of.clone(),
        }
    }

    fn labels(self, of: &TypeUse) -> Option<&'a [Label]> {
        match &self.find(of)?.body {
            TypeBody::Labels(labels) => Some(labels),
            _ => None,
        }
    }
}

fn is_array(of: &TypeUse) -> bool {
    of.type_name.ends_with("[]")
}

fn text_type(of: &TypeUse) -> Sql {
    Sql::trusted(if is_array(of) { "text[]" } else { "text" })
}

/// A type of one edition.
type Side<'a> = (Types<'a>, &'a TypeUse);

/// `value`, of the type `older`, as the type `newer` has it. Where that lacks it: `kept`, the value that the other edition has now, if it has one. `None`:
/// an assignment does all that can be done.
pub(in crate::plan) fn convert(
    value: &Sql,
    kept: Option<&Sql>,
    older: Side<'_>,
    newer: Side<'_>,
) -> Option<Converted> {
    let ((from, of), (to, wanted)) = (older, newer);
    let (old, new) = (from.find(of), to.find(wanted));
    if old.is_some() && old.map(|old| from.place(old)) == new.map(|new| to.place(new)) {
        return None;
    }
    match (old.map(|old| &old.body), new.map(|new| &new.body)) {
        (Some(TypeBody::Labels(before)), Some(TypeBody::Labels(after)))
            if is_array(of) == is_array(wanted) =>
        {
            Some(LabelMap { before, after }.convert(value, kept, of, &to.physical(wanted)))
        }
        (Some(TypeBody::Attributes(before)), Some(TypeBody::Attributes(after)))
            if !is_array(of) && !is_array(wanted) =>
        {
            Some(by_attribute(value, kept, (older, before), (newer, after)))
        }
        (Some(TypeBody::Base { of: base, .. }), _) if !is_array(of) => {
            let value = sql!("CAST({} AS {})", value, from.physical(base));
            convert(&value, kept, (from, base), newer)
        }
        (_, Some(TypeBody::Base { of: base, .. })) if !is_array(wanted) => {
            let kept = kept.map(|kept| sql!("CAST({} AS {})", kept, to.physical(base)));
            let converted = convert(value, kept.as_ref(), older, (to, base))?;
            let value = sql!("CAST({} AS {})", converted.value, to.physical(wanted));
            Some(Converted { value, ..converted })
        }
        _ => None,
    }
}

fn by_attribute(
    value: &Sql,
    kept: Option<&Sql>,
    ((from, of), before): (Side<'_>, &[Attribute]),
    ((to, wanted), after): (Side<'_>, &[Attribute]),
) -> Converted {
    let is_one = of.type_id == wanted.type_id;
    let mut lacking = Vec::new();
    let fields = after.iter().map(|attribute| {
        let kept = kept.map(|kept| sql!("({}).{}", kept, attribute.name));
        let Some(source) = before.iter().find(|source| is_same(source, attribute, is_one)) else {
            return kept.unwrap_or_else(|| sql!("CAST(NULL AS {})", to.physical(&attribute.of)));
        };
        let field = sql!("({}).{}", value, source.name);
        match convert(&field, kept.as_ref(), (from, &source.of), (to, &attribute.of)) {
            Some(converted) => {
                lacking.extend(converted.lacking);
                converted.value
            }
            None if source.of == attribute.of => field,
            None => sql!("CAST({} AS {})", field, to.physical(&attribute.of)),
        }
    });
    let row = sql!("CAST(ROW({}) AS {})", join(fields, ", "), to.physical(wanted));
    // For a row of NULLs this is false, other than for IS NULL.
    let value = sql!("CASE WHEN {} IS NOT DISTINCT FROM NULL THEN NULL ELSE {} END", value, row);
    Converted { value, lacking, as_a_whole: false }
}

/// How a transform between two enums is given: as text, so that it need not name the types.
pub(in crate::plan) fn from_text(
    expression: &Sql,
    (from, of): (Types<'_>, &TypeUse),
    (to, wanted): (Types<'_>, &TypeUse),
) -> Option<Sql> {
    from.labels(of)?;
    to.labels(wanted)?;
    if from.physical(of) == to.physical(wanted) {
        return None;
    }
    Some(sql!("CAST(CAST(({}) AS {}) AS {})", expression, text_type(wanted), to.physical(wanted)))
}

/// What an enum's value reads in words of the other edition's enum, as text; `None` if they are one type, or not enums.
pub(in crate::plan) fn as_text(
    value: &Sql,
    (from, of): (&Schema, &TypeUse),
    (to, wanted): (&Schema, &TypeUse),
) -> Option<Sql> {
    let labels = |schema: &Schema, used: &TypeUse| match &schema.type_def(used.type_id?)?.body {
        TypeBody::Labels(labels) => Some(labels.clone()),
        _ => None,
    };
    let (before, after) = (labels(from, of)?, labels(to, wanted)?);
    let is_one = of.type_id == wanted.type_id && before == after && of.type_name == wanted.type_name;
    if is_one || is_array(of) != is_array(wanted) {
        return None;
    }
    Some(LabelMap { before: &before, after: &after }.text(value, of))
}

/// A value of the one enum and the same value of the other.
struct LabelMap<'a> {
    before: &'a [Label],
    after: &'a [Label],
}

impl LabelMap<'_> {
    /// By identity; where the type was made anew, by the text.
    fn find(&self, label: &Label) -> Option<&str> {
        let by_id = self.after.iter().find(|known| known.id == label.id);
        let by_text = || self.after.iter().find(|known| known.text == label.text);
        by_id.or_else(by_text).map(|known| known.text.as_str())
    }

    fn lacking(&self) -> Vec<String> {
        let lacking = self.before.iter().filter(|label| self.find(label).is_none());
        lacking.map(|label| label.text.clone()).collect()
    }

    fn renamed(&self) -> Vec<(&str, &str)> {
        let found = self.before.iter().filter_map(|label| Some((label.text.as_str(), self.find(label)?)));
        found.filter(|(from, to)| from != to).collect()
    }

    fn convert(&self, value: &Sql, kept: Option<&Sql>, of: &TypeUse, target: &Sql) -> Converted {
        let lacking = self.lacking();
        let mut mapped = sql!("CAST({} AS {})", self.text(value, of), target);
        if let (Some(kept), false) = (kept, lacking.is_empty()) {
            let labels = join(lacking.iter().map(|label| Literal(label)), ", ");
            let is_lacking = if is_array(of) {
                sql!("CAST({} AS text[]) && ARRAY[{}]", value, labels)
            } else {
                sql!("CAST({} AS text) IN ({})", value, labels)
            };
            mapped = sql!("CASE WHEN {} THEN {} ELSE {} END", is_lacking, kept, mapped);
        }
        Converted { value: mapped, lacking, as_a_whole: true }
    }

    fn text(&self, value: &Sql, of: &TypeUse) -> Sql {
        let text = sql!("CAST({} AS {})", value, text_type(of));
        let renamed = self.renamed();
        if renamed.is_empty() {
            return text;
        }
        if !is_array(of) {
            let cases = join(
                renamed.iter().map(|(from, to)| sql!("WHEN {} THEN {}", Literal(from), Literal(to))),
                " ",
            );
            return sql!("CASE {} {} ELSE {} END", text, cases, text);
        }
        // Through texts that are no label (those are shorter than 64 bytes), so that labels can exchange their names.
        let between = |number: usize| format!("{number:064}");
        let away = renamed.iter().enumerate().fold(text, |text, (number, (from, _))| {
            sql!("array_replace({}, {}, {})", text, Literal(from), Literal(&between(number)))
        });
        renamed.iter().enumerate().fold(away, |text, (number, (_, to))| {
            sql!("array_replace({}, {}, {})", text, Literal(&between(number)), Literal(to))
        })
    }
}

/// A transform that names a value for each that the other enum lacks, to be pasted and corrected.
pub(super) fn proposal(
    value: &Sql,
    lacking: &[String],
    (from, of): (Types<'_>, &TypeUse),
    (to, wanted): (Types<'_>, &TypeUse),
) -> Option<Sql> {
    let (before, after) = (from.labels(of)?, to.labels(wanted)?);
    let some = Literal(&after.first()?.text);
    if is_array(of) {
        let text = LabelMap { before, after }.text(value, of);
        return Some(
            lacking
                .iter()
                .fold(text, |text, label| sql!("array_replace({}, {}, {})", text, Literal(label), some)),
        );
    }
    let replaced = lacking.iter().map(|label| sql!("WHEN {} THEN {}", Literal(label), some));
    let renamed = LabelMap { before, after };
    let renamed = renamed.renamed();
    let renamed = renamed.iter().map(|(from, to)| sql!("WHEN {} THEN {}", Literal(from), Literal(to)));
    let cases = join(replaced.chain(renamed), " ");
    Some(sql!("CASE {}::text {} ELSE {}::text END", value, cases, value))
}

/// Whether a domain has a rule that the other does not have.
pub(super) fn is_tighter((from, of): (Types<'_>, &TypeUse), (to, wanted): (Types<'_>, &TypeUse)) -> bool {
    let rules = |types: Types<'_>, used: &TypeUse| match types.find(used).map(|definition| &definition.body) {
        Some(TypeBody::Base { rules, .. }) => rules.clone(),
        _ => Vec::new(),
    };
    let known = rules(from, of);
    rules(to, wanted).iter().any(|rule| !known.contains(rule))
}

/// What becomes of all values of the one type in the other, as [`convert`] and an assignment have it; of a domain's rules nothing is said.
pub(super) fn conversion(older: Side<'_>, newer: Side<'_>) -> Conversion {
    let ((from, of), (to, wanted)) = (older, newer);
    if let (Some(of), Some(wanted)) = (element(of), element(wanted)) {
        return conversion((from, &of), (to, &wanted));
    }
    let (of, wanted) = (&from.base(of), &to.base(wanted));
    match (from.find(of).map(|old| &old.body), to.find(wanted).map(|new| &new.body)) {
        // A value that the other lacks is refused in the plan, or replaced.
        (Some(TypeBody::Labels(_)), Some(TypeBody::Labels(_))) if is_array(of) == is_array(wanted) => {
            Conversion::default()
        }
        (Some(TypeBody::Attributes(before)), Some(TypeBody::Attributes(after)))
            if !is_array(of) && !is_array(wanted) =>
        {
            let is_one = of.type_id == wanted.type_id;
            let pairs = after.iter().filter_map(|attribute| {
                let source = before.iter().find(|source| is_same(source, attribute, is_one))?;
                Some(conversion((from, &source.of), (to, &attribute.of)))
            });
            let known = Conversion { merges: after.len() < before.len(), ..Conversion::default() };
            pairs.fold(known, |known, more| Conversion {
                rounds: known.rounds || more.rounds,
                may_fail: known.may_fail || more.may_fail,
                merges: known.merges || more.merges,
            })
        }
        _ => Conversion::of(&of.type_name, &wanted.type_name),
    }
}

fn element(of: &TypeUse) -> Option<TypeUse> {
    Some(TypeUse { type_name: of.type_name.strip_suffix("[]")?.to_owned(), type_id: of.type_id })
}

/// Attributes of a type that was made anew are numbered anew.
fn is_same(a: &Attribute, b: &Attribute, is_one: bool) -> bool {
    if is_one { a.id == b.id } else { a.name == b.name }
}
