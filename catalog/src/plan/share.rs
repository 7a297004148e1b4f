//! What a publication changes on objects that older editions share: only additions that these cannot notice, each with its inverse.

use crate::{
    ddl::shared_objects,
    layout::ColumnFate,
    model::{Grant, Name, TableId},
    property::privileges::{On, added, kept_on_columns},
    sql,
    sql::Sql,
};

use super::{ExpandInput, Lock, Step};

/// Privileges that the child grants and no live edition has.
pub(super) fn grants(input: &ExpandInput<'_>) -> Option<Step> {
    let mut sharing = Sharing { statements: Vec::new(), inverse: Vec::new() };
    for place in &input.layout.inherited {
        sharing.table(input, place.id);
    }
    for shared in shared_objects(input.physical, &input.layout.mapping) {
        let standing: Vec<Vec<Grant>> = input
            .chain
            .members
            .iter()
            .flat_map(|member| shared_objects(&member.physical, &member.mapping))
            .filter(|known| known.id == shared.id && known.place == shared.place)
            .map(|known| known.grants)
            .collect();
        if !standing.is_empty() {
            sharing.add(&On::object(shared.object), &standing, &shared.grants);
        }
    }
    sharing.inverse.reverse();
    (!sharing.statements.is_empty()).then(|| {
        Step::transaction("grant what the edition grants anew", Lock::None, Vec::new(), sharing.statements)
            .undone_by(sharing.inverse)
    })
}

struct Sharing {
    statements: Vec<Sql>,
    inverse: Vec<Sql>,
}

impl Sharing {
    fn add(&mut self, on: &On, standing: &[Vec<Grant>], wanted: &[Grant]) {
        let standing: Vec<&[Grant]> = standing.iter().map(Vec::as_slice).collect();
        let (statements, inverse) = added(on, &standing, wanted);
        self.statements.extend(statements);
        self.inverse.extend(inverse);
    }

    fn table(&mut self, input: &ExpandInput<'_>, id: TableId) {
        let (Some(place), Some(child)) =
            (input.layout.inherited.iter().find(|place| place.id == id), input.child.table(id))
        else {
            return;
        };
        let physical = sql!("{}", place.child.physical);
        let standing: Vec<Vec<Grant>> =
            input.chain.members_with(id).map(|(_, table)| table.grants.clone()).collect();
        let of_columns: Vec<(Name, Grant)> = input
            .chain
            .members_with(id)
            .flat_map(|(member, table)| {
                let mapping = member.mapping.table(table);
                let stored = |column| mapping.column(column).clone();
                let granted = |(name, grants): (Name, Vec<Grant>)| {
                    grants.into_iter().map(move |grant| (name.clone(), grant))
                };
                let columns = table.columns.iter().map(move |column| (stored(column), column.grants.clone()));
                columns.flat_map(granted).collect::<Vec<_>>()
            })
            .collect();
        let slices: Vec<&[Grant]> = standing.iter().map(Vec::as_slice).collect();
        let of_columns = of_columns.iter().map(|(name, grant)| (name, grant));
        // In reverse: when the REVOKE on the table has run.
        self.inverse.extend(kept_on_columns(&physical, &child.grants, &slices, of_columns));
        self.add(&On::object(sql!("TABLE {}", physical)), &standing, &child.grants);
        for column in &child.columns {
            if place.fates.get(&column.id) != Some(&ColumnFate::Shared) {
                continue;
            }
            let name: &Name = place.child.column(column);
            let standing: Vec<Vec<Grant>> = input
                .chain
                .members_with(id)
                .filter_map(|(member, table)| {
                    let mapping = member.mapping.table(table);
                    let known = table.columns.iter().find(|known| mapping.column(known) == name)?;
                    Some(known.grants.clone())
                })
                .collect();
            self.add(&On::column(&physical, name), &standing, &column.grants);
        }
    }
}
