//! Clients that do not speak UTF-8: their texts are judged and their errors told all the same, and what they sent stays byte for byte.

use crate::{
    raw::{Raw, frame, query, sync},
    world::{World, ask},
};

/// `items` of edition v2 is a view whose column `größe` is stored as `name`.
const ITEMS: &str = r#"
CREATE TABLE public.items (id int PRIMARY KEY, name text NOT NULL);
CREATE VIEW "public$v2".items WITH (security_invoker) AS SELECT id, name AS "größe" FROM public.items;
INSERT INTO edition.tables VALUES (2, 4711, 'public', 'items', 'public', 'items', 'public$v2');
INSERT INTO edition.columns VALUES (2, 4711, 1, 'id', 'id', 1), (2, 4711, 2, 'größe', 'name', 2);
"#;

async fn with_items() -> World {
    let world = World::adopted().await;
    world.change_catalogue(ITEMS).await;
    world
}

/// A session in edition v2 that speaks `encoding`, said in the startup packet or by `SET`.
async fn speaking(world: &World, encoding: &str, at_login: bool) -> Raw {
    let options = if at_login { format!(" -c client_encoding={encoding}") } else { String::new() };
    let mut raw = Raw::login(world.port(), &world.database, &format!("-c edition=v2{options}")).await;
    if !at_login {
        assert_eq!(raw.tags(&query(&format!("SET client_encoding = '{encoding}'"))).await, "CSZI");
    }
    raw
}

fn bytes_query(sql: &[u8]) -> Vec<u8> {
    frame(b'Q', &[sql, b"\0"].concat())
}

fn bytes_parse(name: &str, sql: &[u8]) -> Vec<u8> {
    frame(b'P', &[name.as_bytes(), b"\0", sql, b"\0\0\0"].concat())
}

/// The only column of the only row.
async fn value(raw: &mut Raw, sql: &[u8]) -> Vec<u8> {
    raw.send(&bytes_query(sql)).await;
    let mut rows = raw.until_ready().await.into_iter().filter(|(tag, _)| *tag == b'D');
    let (_, row) = rows.next().unwrap();
    assert!(rows.next().is_none());
    row.get(6..).unwrap().to_vec()
}

/// What is left of an error's fields.
async fn error(raw: &mut Raw, sql: &[u8]) -> Vec<u8> {
    raw.send(&bytes_query(sql)).await;
    raw.until_ready().await.into_iter().find(|(tag, _)| *tag == b'E').unwrap().1
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn names_and_values_of_latin_1() {
    let world = with_items().await;
    for at_login in [true, false] {
        let mut raw = speaking(&world, "LATIN1", at_login).await;
        let insert = b"INSERT INTO public.items (id, gr\xf6\xdfe) VALUES (1, 'caf\xe9')";
        assert_eq!(raw.tags(&bytes_query(insert)).await, "CZI");
        assert_eq!(
            value(&mut raw, b"SELECT gr\xf6\xdfe FROM public.items WHERE gr\xf6\xdfe = 'caf\xe9'").await,
            b"caf\xe9"
        );
        // Names that the client did not write: in the header of COPY, and in an error.
        raw.send(&query("COPY items TO STDOUT (FORMAT csv, HEADER)")).await;
        let copied: Vec<u8> = raw
            .until_ready()
            .await
            .into_iter()
            .filter(|(tag, _)| *tag == b'd')
            .flat_map(|(_, row)| row)
            .collect();
        assert_eq!(copied, b"id,gr\xf6\xdfe\n1,caf\xe9\n");
        let report = error(&mut raw, b"INSERT INTO public.items VALUES (2, NULL) -- \xe9").await;
        assert!(
            holds(&report, b"null value in column \"gr\xf6\xdfe\" of relation"),
            "{}",
            report.escape_ascii()
        );
        assert!(holds(&report, b"\0cgr\xf6\xdfe\0"), "{}", report.escape_ascii());
        // A refusal, which quotes the client, and points to where it wrote it.
        let report = error(&mut raw, b"SELECT '\xe9', \"nirgends\xe9\" FROM public.items").await;
        assert!(holds(&report, b"column \"nirgends\xe9\" does not exist"), "{}", report.escape_ascii());
        assert!(holds(&report, b"\0P13\0"), "{}", report.escape_ascii());
        assert_eq!(raw.tags(&query("TRUNCATE items")).await, "CZI");
    }
    world.end().await;
}

#[tokio::test]
async fn statements_prepared_in_another_encoding_follow_the_epoch() {
    let world = with_items().await;
    assert_eq!(
        ask(&world.session("-c edition=v2").await, "INSERT INTO items VALUES (1, 'é')").await.len(),
        0
    );
    let mut raw = speaking(&world, "WIN1252", false).await;
    let parse = bytes_parse("s", b"SELECT 'caf\xe9', id FROM public.items");
    assert_eq!(raw.tags(&[parse, sync()].concat()).await, "1ZI");
    world.change_catalogue("DELETE FROM edition.columns; DELETE FROM edition.tables").await;
    let run = [frame(b'B', b"\0s\0\0\0\0\0\0\0"), frame(b'E', b"\0\0\0\0\0"), sync()].concat();
    raw.send(&run).await;
    let messages = raw.until_ready().await;
    let row = messages.iter().find(|(tag, _)| *tag == b'D').unwrap();
    assert!(holds(&row.1, b"caf\xe9"), "{}", row.1.escape_ascii());
    assert!(holds(
        &value(&mut raw, b"SELECT statement FROM pg_prepared_statements").await,
        b"'caf\xe9', id FROM public.items"
    ));
    world.end().await;
}

#[tokio::test]
async fn encodings_whose_characters_hold_bytes_of_ascii() {
    let world = with_items().await;
    // The second byte is a backslash; the third text has it in front of a quote.
    let mut raw = speaking(&world, "SJIS", false).await;
    assert_eq!(raw.tags(&bytes_query(b"INSERT INTO public.items VALUES (1, '\x83\x5c')")).await, "CZI");
    assert_eq!(value(&mut raw, b"SELECT '\x83\x5c' || count(*) FROM public.items").await, b"\x83\x5c1");
    assert_eq!(raw.tags(&query("SET standard_conforming_strings = off")).await, "CSZI");
    assert_eq!(value(&mut raw, b"SELECT '\x83\x5c' FROM public.items -- '").await, b"\x83\x5c");
    // What the edition's names cannot be said in is refused; the session goes on.
    let report = error(&mut raw, b"SELECT ctid, id FROM items").await;
    assert!(holds(&report, b"C22P05\0"), "{}", report.escape_ascii());
    assert_eq!(value(&mut raw, b"SELECT id FROM public.items").await, b"1");
    // What is not of the encoding is the server's to refuse.
    let report = error(&mut raw, b"SELECT '\xff' FROM public.items").await;
    assert!(holds(&report, b"C22021\0"), "{}", report.escape_ascii());
    world.end().await;
}
