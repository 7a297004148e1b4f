//! What the statements of an act are about.

use edition_tests::{Dice, Shape};

/// In how many acts of a hundred all statements are about one table: what two changes do to each other shows only where they meet.
const ABOUT_ONE_TABLE: usize = 40;

/// All tables, or one.
pub(crate) enum Focus {
    All,
    /// One table, not yet chosen.
    Soon,
    /// This one, by OID.
    Table(u32),
}

impl Focus {
    /// For one act.
    pub(crate) fn chosen(dice: &mut Dice) -> Self {
        if dice.chance(ABOUT_ONE_TABLE) { Self::Soon } else { Self::All }
    }

    /// What there is to think about; all of it once the table is gone.
    pub(crate) fn of(&mut self, mut shape: Shape, dice: &mut Dice) -> Shape {
        if matches!(self, Self::Soon) {
            let tables: Vec<u32> =
                shape.tables.iter().filter(|table| !table.partition).map(|table| table.oid).collect();
            *self = dice.pick(&tables).map_or(Self::All, |oid| Self::Table(*oid));
        }
        if let Self::Table(oid) = self
            && shape.tables.iter().any(|table| table.oid == *oid)
        {
            shape.tables.retain(|table| table.oid == *oid);
        }
        shape
    }
}
