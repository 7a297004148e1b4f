//! Row descriptions name the table and the column that a result column comes from, by OID and number (PostgreSQL, "Message Formats", RowDescription).
//! Of a statement that was led to the stored table they are told as of the edition's own table, so that they join with what the session
//! reads in the catalogues.

use std::collections::HashMap;

use catalog::snapshot::{Relation, SnapshotEdition};

use crate::wire::message::{self, Origin};

/// For the sessions of one edition: where a column of a stored table stands in the edition.
#[derive(Debug)]
pub(crate) struct RowOrigins(HashMap<Origin, Origin>);

impl RowOrigins {
    /// `None` if the edition has no views.
    pub(crate) fn new(edition: &SnapshotEdition) -> Option<Self> {
        let mut origins = HashMap::new();
        for relation in edition.names.relations.values() {
            let Relation::View(view) = relation else { continue };
            let Some(numbers) = &view.numbers else { continue };
            let of_column = |(stored, own): &(i16, i16)| {
                let stored = Origin { table: numbers.stored, column: *stored };
                (stored, Origin { table: numbers.view, column: *own })
            };
            origins.extend(numbers.columns.iter().map(of_column));
        }
        (!origins.is_empty()).then_some(Self(origins))
    }

    /// A RowDescription (whole) in the edition's terms; `None`: it is.
    pub(crate) fn translate(&self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut translated = None;
        for (at, origin) in message::column_origins(frame) {
            if let Some(own) = self.0.get(&origin) {
                let bytes = translated.get_or_insert_with(|| frame.to_vec());
                if let Some(place) = bytes.get_mut(at..at + Origin::BYTES) {
                    place.copy_from_slice(&own.encode());
                }
            }
        }
        translated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::message::server;

    fn description(columns: &[(&str, u32, i16)]) -> Vec<u8> {
        let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
        for (name, table, column) in columns {
            body.extend(name.bytes().chain([0]));
            body.extend(Origin { table: *table, column: *column }.encode());
            body.extend([0, 0, 0, 23, 0, 4, 255, 255, 255, 255, 0, 0]);
        }
        message::frame(server::ROW_DESCRIPTION, &body)
    }

    #[test]
    fn columns_of_stored_tables_are_told_as_the_editions() {
        let stored = |column| Origin { table: 100, column };
        let origins = RowOrigins(HashMap::from([
            (stored(1), Origin { table: 200, column: 1 }),
            (stored(4), Origin { table: 200, column: 2 }),
        ]));
        let given = description(&[("id", 100, 1), ("n", 0, 0), ("name", 100, 4), ("other", 101, 1)]);
        let told = description(&[("id", 200, 1), ("n", 0, 0), ("name", 200, 2), ("other", 101, 1)]);
        assert_eq!(origins.translate(&given), Some(told.clone()));
        assert_eq!(origins.translate(&told), None);
        for cut in 0..given.len() {
            let cut = origins.translate(given.get(..cut).unwrap());
            assert!(cut.is_none_or(|cut| cut.len() < given.len()));
        }
    }
}
