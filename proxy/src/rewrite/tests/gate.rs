//! What is not looked at, and what is not parsed twice.

use catalog::model::EditionState;

use super::*;

/// Whether the scan hands the text on to what costs more.
fn is_cut(rewriter: &Rewriter, sql: &str) -> bool {
    let wanted = Asked { judged: true, may_change: false };
    rewriter.scan(sql.as_bytes(), &SessionTraits::default(), wanted).judged
}

#[test]
fn at_rest_ordinary_statements_are_not_even_cut() {
    let rewriter = rewriter(PLAIN);
    for sql in [
        "SELECT created_at, dropped, altered, editions_count FROM public.users WHERE id = $1",
        "INSERT INTO users (id) SELECT 1 ON CONFLICT DO NOTHING",
        "INSERT\n INTO users DEFAULT VALUES",
        "UPDATE public.users SET name = 'x' WHERE id = 1",
        "DELETE FROM users",
        "BEGIN",
        "COMMIT",
        "SET work_mem TO DEFAULT",
        "COPY users FROM STDIN",
        "TRUNCATE users",
        "RESET ALL",
    ] {
        assert!(!is_cut(&rewriter, sql), "{sql}");
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
    }
}

#[test]
fn with_views_unqualified_statements_are_not_even_cut() {
    let rewriter = rewriter(VIEWED);
    for sql in [
        "SELECT id, full_name FROM users JOIN orders USING (id) WHERE id = $1",
        "INSERT INTO users (id) VALUES (1)",
        "SELECT 'public' AS \"public\", public FROM t",
        "SELECT legacy_id, copy_of, truncated FROM users",
    ] {
        assert!(!is_cut(&rewriter, sql), "{sql}");
    }
}

#[test]
fn a_draft_is_left_alone() {
    let mut snapshot = sample::snapshot().unwrap();
    let mut draft = sample::edition(EditionId::new(3), &["public$v3"], sample::names().unwrap()).unwrap();
    draft.state = EditionState::Draft;
    snapshot.editions.push(draft);
    let rewriter = Rewriter::new(Arc::new(snapshot), EditionId::new(3));
    for sql in ["DROP TABLE users", "SELECT * FROM public.legacy", "SET search_path = public"] {
        assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), "=", "{sql}");
    }
    assert_eq!(judged(&rewriter, "SHOW EDITION", &SessionTraits::default()), "ShowEdition");
}

#[test]
fn strings_with_backslashes_are_cut_as_the_session_means_them() {
    let rewriter = rewriter(VIEWED);
    let sql = r"SELECT '\' FROM public.users --'";
    assert_eq!(judged(&rewriter, sql, &SessionTraits::default()), r#"SELECT '\' FROM "public$v2".users --'"#);
    let escapes = SessionTraits { standard_strings: false, ..SessionTraits::default() };
    assert_eq!(judged(&rewriter, sql, &escapes), "=");
}

#[test]
fn what_is_not_utf8_or_too_long_is_forwarded() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut long = b"SELECT 1 FROM public.users -- ".to_vec();
    assert!(matches!(rewriter.judge(&long, &cache, &mut SessionTraits::default()), Verdict::Rewrite(_)));
    long.resize(TEXT_BYTES_MAX + 1, b'x');
    assert_eq!(rewriter.judge(&long, &cache, &mut SessionTraits::default()), Verdict::Forward);
    assert_eq!(
        rewriter.judge(b"SELECT '\xff' FROM public.users", &cache, &mut SessionTraits::default()),
        Verdict::Forward
    );
}

/// The cache as a look-up that parses nothing: poisoned, it answers with the poison.
#[test]
fn texts_that_differ_in_literals_share_an_entry() {
    let rewriter = rewriter(VIEWED);
    let cache = VerdictCache::default();
    let mut session = SessionTraits::default();
    rewriter.judge(b"SELECT 1 FROM public.users WHERE name = 'a' AND age > 1.5", &cache, &mut session);
    assert_eq!(cache.len(), 1);
    let other = rewriter.judge("select 2".as_bytes(), &cache, &mut session);
    assert_eq!((other, cache.len()), (Verdict::Forward, 1));
    let same = rewriter.judge(
        "SELECT 22 /* c */ FROM public.users\tWHERE name = $$it's é$$ AND age > 1e9".as_bytes(),
        &cache,
        &mut session,
    );
    assert_eq!(
        shown(same),
        r#"SELECT 22 /* c */ FROM "public$v2".users	WHERE name = $$it's é$$ AND age > 1e9"#
    );
    assert_eq!(cache.len(), 1);
    rewriter.judge(b"SELECT 1 FROM public.users WHERE name = 'a' AND age > $1", &cache, &mut session);
    assert_eq!(cache.len(), 2);
}

/// Each within the stack of a runtime's thread, and in time that grows with the text alone.
#[test]
fn hostile_texts_are_judged_soon() {
    let repeated = |head: &str, part: &str, tail: &str| {
        format!("{head}{}{tail}", part.repeat(TEXT_BYTES_MAX / 8 / part.len()))
    };
    let numbered = |head: &str, part: &str, tail: &str| {
        let parts: Vec<String> = (0..20_000).map(|at| part.replace('#', &at.to_string())).collect();
        format!("{head}{}{tail}", parts.join(", "))
    };
    let texts = [
        repeated("SELECT public.total_of(1)", "(", ""),
        repeated("SELECT 1 FROM legacy WHERE ", "(", "1"),
        repeated("SELECT 1 FROM public.users WHERE 1", " + 1", ""),
        repeated("SELECT 1 FROM public.users WHERE x", "::int", ""),
        repeated("SELECT 1 FROM public.users WHERE true", " AND NOT x", ""),
        repeated("SELECT 1 FROM public.users", " UNION SELECT 1", ""),
        repeated("SELECT 1 FROM public.users", " , legacy_", ""),
        repeated("SELECT 1 FROM ", "public.users,", "legacy"),
        repeated("SET search_path = public", ", public", ""),
        repeated("SELECT set_config('search_path', 'public", ", public", "', true)"),
        repeated("/*", "/*", ""),
        repeated("SELECT 'public.users' ", "$a$ ", ""),
        repeated("SHOW EDITION", ";", ""),
        repeated("", "public ", ""),
        repeated("", "create into public.", ""),
        numbered("WITH ", "a# AS (SELECT 1)", " SELECT 1 FROM legacy"),
        numbered("WITH legacy AS (SELECT 1) SELECT 1 FROM ", "legacy l#", ""),
        numbered("CREATE TEMP TABLE a (a int); DROP TABLE ", "a", ""),
    ];
    let judge = move || {
        let rewriter = rewriter(VIEWED);
        let begun = std::time::Instant::now();
        for sql in texts {
            rewriter.judge(sql.as_bytes(), &VerdictCache::default(), &mut SessionTraits::default());
        }
        begun.elapsed()
    };
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(judge).unwrap();
    let elapsed = thread.join().unwrap();
    // a square of 20,000 would be minutes even on an idle machine
    assert!(elapsed < std::time::Duration::from_secs(60), "{elapsed:?}");
}
