//! `search_path` as the server reports it (from PostgreSQL 18 on): the client sees what it set.

use catalog::snapshot::Snapshot;

use crate::{
    route,
    wire::message::{self, server},
};

/// The ParameterStatus frame without the schemas of editions; None if it is about something else, or has none.
pub(super) fn own(frame: &[u8], snapshot: &Snapshot) -> Option<Vec<u8>> {
    let path = message::reported_path(frame)?;
    let own = route::without_editions(path, snapshot);
    (own != path).then(|| {
        message::frame(server::PARAMETER_STATUS, &[message::SEARCH_PATH, own.as_bytes(), b"\0"].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rewrite::sample;

    #[test]
    fn a_path_is_reported_as_the_client_set_it() {
        let snapshot = sample::snapshot().unwrap();
        let status = |text: &[u8]| message::frame(server::PARAMETER_STATUS, text);
        let reported = own(&status(b"search_path\0\"$user\", \"public$v2\", public\0"), &snapshot);
        assert_eq!(reported, Some(status(b"search_path\0\"$user\", public\0")));
        assert_eq!(own(&status(b"search_path\0other\0"), &snapshot), None);
        assert_eq!(own(&status(b"TimeZone\0\"public$v2\", \0"), &snapshot), None);
    }
}
