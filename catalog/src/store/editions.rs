//! Rows of `edition.editions`. [`set_state`] is the only place that changes where an edition stands.

use tokio_postgres::{GenericClient, Row};

use super::{rfc3339, stored_edition_name, stored_name};
use crate::{
    error::{Error, Result},
    model::{Edition, EditionId, EditionName, EditionState, Name},
};

const COLUMNS: &str = concat!(
    "id, name, parent_id, state, is_default, blueprint, comment, ",
    rfc3339!("created_at"),
    " AS created_at, ",
    rfc3339!("published_at"),
    " AS published_at"
);

fn from_row(row: &Row) -> Result<Edition> {
    let state: &str = row.try_get("state")?;
    Ok(Edition {
        id: EditionId::new(row.try_get("id")?),
        name: stored_edition_name(row.try_get("name")?)?,
        parent: row.try_get::<_, Option<i32>>("parent_id")?.map(EditionId::new),
        state: EditionState::parse(state)
            .ok_or_else(|| Error::bug(format!("the catalogue holds an unknown edition state \"{state}\"")))?,
        is_default: row.try_get("is_default")?,
        blueprint: stored_name(row.try_get("blueprint")?)?,
        comment: row.try_get("comment")?,
        created_at: row.try_get("created_at")?,
        published_at: row.try_get("published_at")?,
    })
}

/// All editions that are not retired, root first.
pub async fn editions(client: &impl GenericClient) -> Result<Vec<Edition>> {
    let text = format!("SELECT {COLUMNS} FROM edition.editions WHERE state <> 'retired' ORDER BY id");
    client.query(&text, &[]).await?.iter().map(from_row).collect()
}

/// The edition of this name that is not retired, if there is one.
pub async fn edition_named(client: &impl GenericClient, name: &EditionName) -> Result<Option<Edition>> {
    let text = format!("SELECT {COLUMNS} FROM edition.editions WHERE state <> 'retired' AND name = $1");
    client.query_opt(&text, &[&name.as_str()]).await?.as_ref().map(from_row).transpose()
}

/// The edition with this id, retired ones included.
pub async fn edition_by_id(client: &impl GenericClient, id: EditionId) -> Result<Edition> {
    let text = format!("SELECT {COLUMNS} FROM edition.editions WHERE id = $1");
    let row = client.query_opt(&text, &[&id.get()]).await?;
    row.as_ref().map(from_row).transpose()?.ok_or_else(|| Error::bug(format!("no edition with id {id}")))
}

/// The edition of this name, or a refusal that lists the names most like it.
pub async fn require_edition(client: &impl GenericClient, name: &EditionName) -> Result<Edition> {
    if let Some(edition) = edition_named(client, name).await? {
        return Ok(edition);
    }
    let known = editions(client).await?;
    Err(Error::refused(format!("no edition \"{name}\"")).with_hint(near_misses(name.as_str(), &known)))
}

/// The oldest edition.
pub async fn root(client: &impl GenericClient) -> Result<Edition> {
    editions(client).await?.into_iter().next().ok_or_else(not_adopted)
}

/// The newest edition, a draft included.
pub async fn leaf(client: &impl GenericClient) -> Result<Edition> {
    editions(client).await?.into_iter().next_back().ok_or_else(not_adopted)
}

fn not_adopted() -> Error {
    Error::refused("this database is not under management yet").with_hint("edition init")
}

/// The edition that is not live yet (draft, publishing or rolling back), if there is one.
pub async fn draft(client: &impl GenericClient) -> Result<Option<Edition>> {
    let open = |edition: &Edition| {
        matches!(edition.state, EditionState::Draft | EditionState::Publishing | EditionState::RollingBack)
    };
    Ok(editions(client).await?.into_iter().find(open))
}

/// Adds an edition after all others, with an id that none ever had.
pub async fn insert_edition(
    client: &impl GenericClient,
    name: &EditionName,
    parent: Option<EditionId>,
    state: EditionState,
    blueprint: &Name,
    comment: Option<&str>,
) -> Result<Edition> {
    let text = format!(
        "INSERT INTO edition.editions (id, name, parent_id, state, is_default, blueprint, comment, published_at) \
         SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, CASE WHEN $4 THEN now() END FROM edition.editions \
         RETURNING {COLUMNS}"
    );
    let is_root = parent.is_none();
    let row = client
        .query_one(
            &text,
            &[
                &name.as_str(),
                &parent.map(EditionId::get),
                &state.as_str(),
                &is_root,
                &blueprint.as_str(),
                &comment,
            ],
        )
        .await?;
    from_row(&row)
}

/// Whether an edition may go from one state to the other.
const fn may_become(from: EditionState, to: EditionState) -> bool {
    use EditionState::{Draft, Live, Publishing, Retired, Retiring, RollingBack};
    match from {
        // Retired: a draft that is given up
        Draft => matches!(to, Publishing | Retired),
        // Draft: undone at once; RollingBack: undone by a rollback
        Publishing => matches!(to, Live | Draft | RollingBack),
        Live => matches!(to, RollingBack | Retiring),
        // Live: the rollback or the retirement was called off
        RollingBack => matches!(to, Draft | Live),
        Retiring => matches!(to, Retired | Live),
        Retired => false,
    }
}

/// Moves an edition to another state, or does nothing if it is there already. Call it in the transaction that also
/// bumps the epoch and writes the journal.
pub async fn set_state(client: &impl GenericClient, id: EditionId, to: EditionState) -> Result<Edition> {
    let text = format!("SELECT {COLUMNS} FROM edition.editions WHERE id = $1 FOR UPDATE");
    let edition = match client.query_opt(&text, &[&id.get()]).await? {
        Some(row) => from_row(&row)?,
        None => return Err(Error::bug(format!("no edition with id {id}"))),
    };
    if edition.state == to {
        return Ok(edition);
    }
    if !may_become(edition.state, to) {
        return Err(Error::bug(format!(
            "edition \"{}\" cannot become {} from {}",
            edition.name,
            to.as_str(),
            edition.state.as_str()
        )));
    }
    let text = format!(
        "UPDATE edition.editions SET state = $2, is_default = is_default AND $2 <> 'retired', \
         published_at = CASE $2 WHEN 'live' THEN now() WHEN 'draft' THEN NULL ELSE published_at END, \
         retired_at = CASE $2 WHEN 'retired' THEN now() END \
         WHERE id = $1 RETURNING {COLUMNS}"
    );
    let row = client.query_one(&text, &[&id.get(), &to.as_str()]).await?;
    tracing::info!(edition = %edition.name, from = edition.state.as_str(), to = to.as_str(), "edition changes state");
    from_row(&row)
}

/// Makes this edition the default instead of the one that is.
pub async fn set_default_edition(client: &impl GenericClient, id: EditionId) -> Result<()> {
    clear_default(client).await?;
    client.execute("UPDATE edition.editions SET is_default = true WHERE id = $1", &[&id.get()]).await?;
    Ok(())
}

/// Leaves the database without a default edition; only inside a transaction that names another one.
pub async fn clear_default(client: &impl GenericClient) -> Result<()> {
    client.execute("UPDATE edition.editions SET is_default = false WHERE is_default", &[]).await?;
    Ok(())
}

/// A sentence that names what the user may have meant.
fn near_misses(name: &str, known: &[Edition]) -> String {
    let mut names: Vec<&str> = known.iter().map(|edition| edition.name.as_str()).collect();
    names.sort_by_key(|candidate| (distance(name, candidate), *candidate));
    match names.as_slice() {
        [] => "there is no edition yet: edition init".to_owned(),
        [first, ..] if distance(name, first) <= 2 => {
            format!("did you mean \"{first}\"? edition list shows all")
        }
        all => format!("there are: {}", all.iter().take(8).copied().collect::<Vec<_>>().join(", ")),
    }
}

/// Levenshtein distance in characters, one row at a time.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut before = line + 1;
        next.push(before);
        for ((diagonal, above), b) in row.iter().zip(row.iter().skip(1)).zip(&right) {
            before = (diagonal + usize::from(a != *b)).min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("v2", "v2"), 0);
        assert_eq!(distance("v2", "v3"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
    }

    #[test]
    fn nothing_leaves_the_retired_state_and_only_an_operation_reaches_live() {
        use EditionState::{Draft, Live, Publishing, Retired, Retiring, RollingBack};
        for to in [Draft, Publishing, Live, RollingBack, Retiring] {
            assert!(!may_become(Retired, to));
        }
        assert!(!may_become(Draft, Live));
        assert!(!may_become(Live, Draft));
        assert!(!may_become(Live, Retired));
    }
}
