//! Values that cannot be computed or stored.

use super::*;

#[tokio::test]
async fn a_row_whose_value_cannot_be_computed_is_named() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.\"Odd \"\"table\" (a int, \"b c\" text, amount int, share int, ratio int, PRIMARY KEY (a, \"b c\"));
             INSERT INTO public.\"Odd \"\"table\" SELECT i, 'k''' || i, CASE WHEN i = 17345 THEN 0 ELSE i END FROM generate_series(1, 30000) i",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "Odd \"table"),
        child: child(),
        assignments: vec![
            (name("share"), Sql::trusted("edition_row.amount + 1")),
            (name("ratio"), Sql::trusted("1000 / edition_row.amount")),
        ],
        null_on_error: vec![],
        pending: Sql::trusted("edition_row.ratio IS NULL"),
        primary_key: vec![name("a"), name("b c")],
    };
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"ratio\" of public.Odd \"table cannot be filled in for the row (a, b c)=(17345, k'17345): division by zero"
    );
    assert_eq!(error.kind(), ErrorKind::Database);
    let row = FailingRow::of(&error).unwrap();
    assert_eq!((row.column.clone(), row.sqlstate.as_str()), (Some(name("ratio")), "22012"));
    // Once the row is mended (and its columns set, as the triggers of a publication would), the same call goes on to the end.
    scratch
        .run("UPDATE public.\"Odd \"\"table\" SET amount = 1, share = 2, ratio = 1000 WHERE a = 17345")
        .await;
    assert_eq!(fill(&scratch, operation, &spec).await.unwrap().rows_changed, 29_999);
    assert_eq!(scratch.ask("SELECT count(*) FROM public.\"Odd \"\"table\" WHERE ratio IS NULL").await, ["0"]);
}

#[tokio::test]
async fn a_value_that_a_constraint_refuses_is_named_without_a_primary_key() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.plain (name text, first varchar(5), last text, CONSTRAINT last_given CHECK (last <> '') NOT VALID);
             INSERT INTO public.plain SELECT 'Ada L' || i FROM generate_series(1, 900) i;
             INSERT INTO public.plain VALUES ('Plato')",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let mut spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "plain"),
        child: child(),
        assignments: vec![
            (name("first"), Sql::trusted("split_part(edition_row.name, ' ', 1)")),
            (name("last"), Sql::trusted("split_part(edition_row.name, ' ', 2)")),
        ],
        null_on_error: vec![],
        pending: Sql::trusted("edition_row.last IS NULL"),
        primary_key: vec![],
    };
    let ctid = scratch.ask("SELECT ctid FROM public.plain WHERE name = 'Plato'").await.pop().unwrap();
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "column \"last\" of public.plain cannot be filled in for the row (ctid)=({ctid}): \
             new row for relation \"plain\" violates check constraint \"last_given\""
        )
    );
    // Too long a value fails at the assignment, not in the expression.
    scratch.run("UPDATE public.plain SET name = 'Aristoteles the second' WHERE name = 'Plato'").await;
    spec.pending = Sql::trusted("true");
    let error = run(&scratch.target, operation, 4, &spec, &options(), &Silent).await.unwrap_err();
    let row = FailingRow::of(&error).unwrap();
    assert_eq!(row.column, Some(name("first")));
    assert_eq!(row.message, "value too long for type character varying(5)");
}

/// `--on-error null`: only the columns that were given so become NULL, only where they fail, and the others still name their row.
#[tokio::test]
async fn a_column_may_be_null_where_its_value_cannot_be_computed() {
    let scratch = Scratch::adopted().await;
    scratch
        .run(
            "CREATE TABLE public.readings (id int PRIMARY KEY, raw text, value int, short varchar(4), twice int);
             INSERT INTO public.readings SELECT i, CASE WHEN i % 100 = 7 THEN 'n/a' ELSE i::text END FROM generate_series(1, 12000) i",
        )
        .await;
    let operation = scratch.begin_publish().await;
    let mut spec = BackfillSpec {
        search_path: Vec::new(),
        table: qualified("public", "readings"),
        child: child(),
        assignments: vec![
            (name("value"), Sql::trusted("edition_row.raw::int")),
            (name("short"), Sql::trusted("edition_row.raw")),
            (name("twice"), Sql::trusted("edition_row.id * 2")),
        ],
        null_on_error: vec![name("value"), name("short")],
        pending: Sql::trusted("edition_row.twice IS NULL"),
        primary_key: vec![name("id")],
    };
    assert_eq!(fill(&scratch, operation, &spec).await.unwrap().rows_changed, 12_000);
    let wrong = "SELECT count(*) FROM public.readings WHERE twice IS DISTINCT FROM id * 2 \
                 OR value IS DISTINCT FROM CASE WHEN raw <> 'n/a' THEN raw::int END \
                 OR short IS DISTINCT FROM CASE WHEN length(raw) <= 4 THEN raw END";
    assert_eq!(scratch.ask(wrong).await, ["0"]);

    scratch.run("UPDATE public.readings SET twice = NULL").await;
    spec.assignments.pop();
    spec.assignments.push((name("twice"), Sql::trusted("1 / (edition_row.id - 4321)")));
    let error = run(&scratch.target, operation, 4, &spec, &options(), &Silent).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"twice\" of public.readings cannot be filled in for the row (id)=(4321): division by zero"
    );
}

/// What is wrong with the statement itself is not blamed on a row.
#[tokio::test]
async fn a_column_that_is_not_there_is_no_rows_fault() {
    let scratch = accounts(10).await;
    let operation = scratch.begin_publish().await;
    let mut spec = accounts_spec();
    spec.assignments = vec![(name("cents"), Sql::trusted("edition_row.nothing"))];
    let error = fill(&scratch, operation, &spec).await.unwrap_err();
    assert!(FailingRow::of(&error).is_none());
    assert_eq!(
        error.to_string(),
        "the backfill of public.accounts failed: column edition_row.nothing does not exist"
    );
}
