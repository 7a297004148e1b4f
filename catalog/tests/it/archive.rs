//! What only the newer edition stored, through a rollback and back.

use std::path::{Path, PathBuf};

use catalog::{
    ErrorKind,
    archive::{ArchivedColumn, ArchivedNewTable, ArchivedTable, Loaded, load, save},
    model::EditionName,
    sql::Sql,
};
use tempfile::TempDir;

use crate::scratch::{Scratch, child, name, qualified};

/// `users` as version 2 left it: it splits `name`, and stores `nick` on its own; `orders` and `notes` are its own tables.
const VERSION_2: &str = "
    CREATE TABLE public.users (id int PRIMARY KEY, name text, visits int DEFAULT 0);
    INSERT INTO public.users SELECT i, 'Ada L' || i FROM generate_series(1, 2000) i;";

/// What publishing version 2 adds: columns computed from `name`, and empty tables.
const PUBLISH: &str = r#"
    CREATE SCHEMA IF NOT EXISTS "public$v2";
    ALTER TABLE public.users ADD COLUMN first text, ADD COLUMN "Nick ""name" text, ADD COLUMN settings json;
    UPDATE public.users SET first = split_part(name, ' ', 1);
    CREATE TABLE "public$v2".orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, of_user int NOT NULL REFERENCES public.users,
        parent int REFERENCES "public$v2".orders, total numeric(10,2), doubled numeric GENERATED ALWAYS AS (total * 2) STORED);
    CREATE TABLE "public$v2".notes (note text);"#;

/// What the users of version 2 stored. Two orders refer to later ones, so that they cannot all be inserted in file order, batch by batch.
const WRITTEN: &str = r#"
    UPDATE public.users SET first = 'Countess' WHERE id = 7;
    UPDATE public.users SET "Nick ""name" = E'a\tb\\.\n\\.\nc' || id, settings = '{"theme": "dark"}' WHERE id BETWEEN 11 AND 1010;
    INSERT INTO "public$v2".orders (of_user, parent, total) SELECT i, CASE WHEN i IN (199, 200) THEN i + 1 END, i * 1.5 FROM generate_series(1, 400) i;
    INSERT INTO "public$v2".notes VALUES ('twice'), ('twice'), (NULL);"#;

const ROLLBACK: &str = r#"
    DROP TABLE "public$v2".notes, "public$v2".orders; DROP SCHEMA "public$v2";
    ALTER TABLE public.users DROP COLUMN first, DROP COLUMN "Nick ""name", DROP COLUMN settings;"#;

fn column(text: &str) -> ArchivedColumn {
    ArchivedColumn { logical: name(text), physical: name(text) }
}

fn users() -> ArchivedTable {
    ArchivedTable {
        physical: qualified("public", "users"),
        logical: qualified("public", "people"),
        key: vec![ArchivedColumn { logical: name("number"), physical: name("id") }],
        sources: vec![name("name")],
        columns: vec![
            ArchivedColumn { logical: name("first_name"), physical: name("first") },
            column("Nick \"name"),
            column("settings"),
        ],
        recomputed: Sql::trusted(
            "edition_row.first IS NOT DISTINCT FROM split_part(edition_row.name, ' ', 1) \
             AND edition_row.\"Nick \"\"name\" IS NULL AND edition_row.settings IS NULL",
        ),
    }
}

fn orders() -> ArchivedNewTable {
    ArchivedNewTable {
        physical: qualified("public$v2", "orders"),
        logical: qualified("public", "orders"),
        columns: ["id", "of_user", "parent", "total", "doubled"].map(column).to_vec(),
    }
}

fn notes() -> ArchivedNewTable {
    ArchivedNewTable {
        physical: qualified("public$v2", "notes"),
        logical: qualified("public", "notes"),
        columns: vec![column("note")],
    }
}

fn v2() -> EditionName {
    EditionName::new("v2").unwrap()
}

/// A published version 2 and a place for its file.
async fn published() -> (Scratch, TempDir, PathBuf) {
    let scratch = Scratch::empty().await;
    scratch.run(VERSION_2).await;
    scratch.run(PUBLISH).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v2.archive");
    (scratch, folder, path)
}

async fn save_all(scratch: &Scratch, path: &Path) -> catalog::Result<u64> {
    save(&scratch.target, path, &v2(), &[users()], &[orders(), notes()]).await
}

async fn load_all(scratch: &Scratch, path: &Path) -> catalog::Result<Loaded> {
    load(&scratch.target, path, &v2(), child(), &[users()], &[orders(), notes()]).await
}

/// All that can be seen of version 2, as one text per table.
async fn contents(scratch: &Scratch) -> Vec<String> {
    scratch
        .ask(
            "SELECT md5(string_agg(u::text, '|' ORDER BY id)) FROM public.users u \
             UNION ALL SELECT count(*) || md5(string_agg(o::text, '|' ORDER BY id)) FROM \"public$v2\".orders o \
             UNION ALL SELECT count(*) || md5(string_agg(n::text, '|' ORDER BY note)) FROM \"public$v2\".notes n",
        )
        .await
}

#[tokio::test]
async fn everything_comes_back_as_it_was_and_twice_does_no_harm() {
    let (scratch, _folder, path) = published().await;
    scratch.run(WRITTEN).await;
    let before = contents(&scratch).await;
    assert_eq!(save_all(&scratch, &path).await.unwrap(), 1 + 1_000 + 400 + 3);
    scratch.run(ROLLBACK).await;
    scratch.run("UPDATE public.users SET visits = 5 WHERE id = 12").await;
    scratch.run(PUBLISH).await;
    scratch.run("UPDATE public.users SET visits = 0 WHERE id = 12").await;

    let loaded = load_all(&scratch, &path).await.unwrap();
    assert_eq!(loaded, Loaded { rows: 1_404, skipped: 0, homeless: vec![] });
    assert_eq!(contents(&scratch).await, before);
    let next = scratch.ask("INSERT INTO \"public$v2\".orders (of_user) VALUES (1) RETURNING id").await;
    assert_eq!(next, ["401"], "the sequence stands behind what was loaded");

    scratch.run("DELETE FROM \"public$v2\".orders WHERE id = 401").await;
    let again = load_all(&scratch, &path).await.unwrap();
    assert_eq!((again.rows, again.skipped), (1_001, 403), "rows of new tables are there already");
    assert_eq!(contents(&scratch).await, before);
}

#[tokio::test]
async fn what_was_written_since_wins() {
    let (scratch, _folder, path) = published().await;
    scratch.run(WRITTEN).await;
    save_all(&scratch, &path).await.unwrap();
    scratch.run(ROLLBACK).await;
    scratch
        .run(
            "UPDATE public.users SET name = 'Grace H' WHERE id = 7; UPDATE public.users SET visits = 9 WHERE id = 11; \
             DELETE FROM public.users WHERE id = 20",
        )
        .await;
    scratch.run(PUBLISH).await;
    let loaded = load_all(&scratch, &path).await.unwrap();
    assert_eq!(
        loaded,
        Loaded { rows: 1_404 - 3, skipped: 3, homeless: vec![] },
        "user 7, user 20 and the order of user 20"
    );
    assert_eq!(scratch.ask("SELECT first FROM public.users WHERE id = 7").await, ["Grace"]);
    assert_eq!(
        scratch.ask("SELECT settings::text || visits FROM public.users WHERE id = 11").await,
        ["{\"theme\": \"dark\"}9"],
        "another column than the transform's sources does not count"
    );
    assert_eq!(scratch.ask("SELECT count(*) FROM \"public$v2\".orders").await, ["399"]);
}

#[tokio::test]
async fn a_value_that_another_row_has_taken_meanwhile_is_passed_over() {
    let (scratch, _folder, path) = published().await;
    scratch.run("UPDATE public.users SET \"Nick \"\"name\" = 'n' || id WHERE id <= 100").await;
    assert_eq!(save_all(&scratch, &path).await.unwrap(), 100);
    scratch.run(ROLLBACK).await;
    scratch.run(PUBLISH).await;
    scratch.run("CREATE UNIQUE INDEX ON public.users (\"Nick \"\"name\"); UPDATE public.users SET \"Nick \"\"name\" = 'n50' WHERE id = 1500").await;
    let loaded = load_all(&scratch, &path).await.unwrap();
    assert_eq!((loaded.rows, loaded.skipped), (99, 1));
}

#[tokio::test]
async fn a_load_beside_writers_neither_fails_them_nor_overwrites_them() {
    let (scratch, _folder, path) = published().await;
    scratch.run(WRITTEN).await;
    save_all(&scratch, &path).await.unwrap();
    scratch.run(ROLLBACK).await;
    scratch.run(PUBLISH).await;
    let mut holder = scratch.connect().await;
    let transaction = holder.transaction().await.unwrap();
    transaction
        .execute("UPDATE public.users SET name = 'New N', first = 'New' WHERE id = 500", &[])
        .await
        .unwrap();
    let release = async {
        tokio::time::sleep(std::time::Duration::from_millis(600)).await;
        transaction.commit().await.unwrap();
    };
    let (loaded, ()) = tokio::join!(load_all(&scratch, &path), release);
    assert_eq!((loaded.as_ref().unwrap().rows, loaded.unwrap().skipped), (1_403, 1));
    assert_eq!(scratch.ask("SELECT first FROM public.users WHERE id = 500").await, ["New"]);
}

#[tokio::test]
async fn a_draft_that_changed_takes_what_it_still_has_a_place_for() {
    let (scratch, _folder, path) = published().await;
    scratch.run(WRITTEN).await;
    save_all(&scratch, &path).await.unwrap();
    scratch.run(ROLLBACK).await;
    scratch.run(PUBLISH).await;
    scratch
        .run("ALTER TABLE public.users DROP COLUMN settings; ALTER TABLE \"public$v2\".orders DROP COLUMN doubled, ALTER total TYPE bigint; DROP TABLE \"public$v2\".notes")
        .await
        ;
    let (mut users, mut orders) = (users(), orders());
    users.columns.pop();
    orders.columns.pop();
    let loaded = load(&scratch.target, &path, &v2(), child(), &[users], &[orders]).await.unwrap();
    assert_eq!(
        loaded.homeless,
        [
            "public.people.settings (no longer there)",
            "public.orders.total (bigint now, saved as numeric(10,2))",
            "public.notes (no longer there)",
        ]
    );
    assert_eq!(
        scratch.ask("SELECT count(*) FROM public.users WHERE \"Nick \"\"name\" IS NOT NULL").await,
        ["1000"]
    );
    assert_eq!(scratch.ask("SELECT count(*) FROM \"public$v2\".orders").await, ["400"]);
}

#[tokio::test]
async fn rows_that_could_not_be_loaded_again_are_refused_by_name_and_nothing_is_written() {
    let (scratch, _folder, path) = published().await;
    let mut users = users();
    users.key.clear();
    let nothing = save(&scratch.target, &path, &v2(), &[users.clone()], &[]).await;
    assert_eq!(nothing.unwrap(), 0, "a table with nothing to save may be without a key");
    std::fs::remove_file(&path).unwrap();
    scratch.run("UPDATE public.users SET first = 'x' WHERE id = 3").await;
    let error = save(&scratch.target, &path, &v2(), &[users], &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(
        error.to_string(),
        "rows of these tables could not be loaded again: public.people (it has no primary key)"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn files_that_are_not_this_editions_archive_are_neither_overwritten_nor_loaded() {
    let (scratch, _folder, path) = published().await;
    std::fs::write(&path, "my thesis").unwrap();
    let error = save_all(&scratch, &path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "my thesis");
    let error = load_all(&scratch, &path).await.unwrap_err();
    assert!(error.to_string().ends_with("is not a whole archive of an edition"), "{error}");

    std::fs::remove_file(&path).unwrap();
    save_all(&scratch, &path).await.unwrap();
    save_all(&scratch, &path).await.unwrap();
    let other = EditionName::new("v3").unwrap();
    let error = load(&scratch.target, &path, &other, child(), &[users()], &[]).await.unwrap_err();
    assert!(error.to_string().ends_with("was saved from edition v2, not from v3"), "{error}");
    assert_eq!(mode_of(&path), 0o600);

    // A file that was cut changes nothing, however late the cut.
    scratch.run(WRITTEN).await;
    save_all(&scratch, &path).await.unwrap();
    scratch.run(ROLLBACK).await;
    scratch.run(PUBLISH).await;
    let before = contents(&scratch).await;
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    assert_eq!(load_all(&scratch, &path).await.unwrap_err().kind(), ErrorKind::Refused);
    assert_eq!(contents(&scratch).await, before);
}

fn mode_of(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A key of an extension's type has its equality outside the search path of our sessions.
#[tokio::test]
async fn keys_of_an_extensions_type_and_odd_names_work() {
    let scratch = Scratch::empty().await;
    scratch.admin().await.batch_execute("CREATE EXTENSION citext SCHEMA public").await.unwrap();
    scratch
        .run(
            "CREATE TABLE public.\"T \"\"1\" (\"K 1\" public.citext, b int, src text, val text, stamp timestamptz, PRIMARY KEY (b, \"K 1\"));
             INSERT INTO public.\"T \"\"1\" VALUES ('Ab', 1, 's', 'kept', '2026-01-01 00:00+00'), ('cd', 1, 's', 'kept', NULL)",
        )
        .await;
    let table = ArchivedTable {
        physical: qualified("public", "T \"1"),
        logical: qualified("public", "T \"1"),
        key: vec![column("b"), column("K 1")],
        sources: vec![name("src"), name("stamp")],
        columns: vec![column("val")],
        recomputed: Sql::trusted("edition_row.val IS NULL"),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd");
    assert_eq!(save(&scratch.target, &path, &v2(), std::slice::from_ref(&table), &[]).await.unwrap(), 2);
    scratch.run("UPDATE public.\"T \"\"1\" SET val = NULL").await;
    scratch.set_for_all_sessions("TimeZone", "Asia/Tokyo").await;
    let loaded = load(&scratch.target, &path, &v2(), child(), &[table], &[]).await.unwrap();
    assert_eq!((loaded.rows, loaded.skipped), (2, 0));
    assert_eq!(scratch.ask("SELECT count(*) FROM public.\"T \"\"1\" WHERE val = 'kept'").await, ["2"]);
}
