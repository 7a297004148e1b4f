//! Scripts, and what is found in them.

use super::*;

fn shown(text: &str) -> Vec<String> {
    let expressions = |list: &[(Name, Expression)]| {
        list.iter()
            .map(|(name, e)| format!("{} = {}", name.as_str(), e.text()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    data_statements(text)
        .iter()
        .map(|statement| {
            let change = match &statement.change {
                DataChange::Update { assignments, condition, alias } => format!(
                    "set {} where {} alias {:?}",
                    expressions(assignments),
                    condition.as_ref().map_or("", Expression::text),
                    alias.as_ref().map(Name::as_str)
                ),
                DataChange::Columns { usings, changes } => {
                    format!("using {} and {}", expressions(usings), changes.len())
                }
                DataChange::Other { runs_alone, reads, .. } => {
                    format!("other {runs_alone} {}", reads.len())
                }
            };
            format!("{}: {change}", statement.table.1.as_str())
        })
        .collect()
}

#[test]
fn statements_that_change_data_are_found_in_a_script() {
    let script = "CREATE TABLE x (a int); -- UPDATE no\n
        UPDATE users SET first = split_part(name, ' ', 1), b = a IS DISTINCT FROM c WHERE x IN (1, 2) RETURNING id;
        UPDATE ONLY public.users AS u SET n = u.m;
        ALTER TABLE t ALTER COLUMN a TYPE int USING (a::int), ADD b text, ALTER c SET DATA TYPE date USING to_date(c, 'x,y');
        ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES b; CREATE INDEX i ON t USING gin (a);
        UPDATE t SET a = b.c FROM b; UPDATE t SET a = (SELECT 1); UPDATE t SET (a, b) = (1, 2);
        DELETE FROM t WHERE a = $1; INSERT INTO t VALUES (1); INSERT INTO t SELECT 1; INSERT INTO t SELECT a FROM s;
        CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'UPDATE t SET a = 1; DELETE FROM t'";
    assert_eq!(
        shown(script),
        [
            "users: set first = split_part(name, ' ', 1), b = a IS DISTINCT FROM c where x IN (1, 2) alias None",
            "users: set n = u.m where  alias Some(\"u\")",
            "t: using a = (a::int), c = to_date(c, 'x,y') and 1",
            "t: other true 1",
            "t: other true 0",
            "t: other true 0",
            "t: other false 0",
            "t: other true 1",
        ]
    );
    assert_eq!(shown("UPDATE t SET a ="), [""; 0]);
}

#[test]
fn what_a_routine_will_do_is_not_done_yet() {
    let script = "CREATE PROCEDURE reset() LANGUAGE sql BEGIN ATOMIC UPDATE t SET a = 0; UPDATE t SET b = CASE WHEN a = 1 THEN 2 END; DELETE FROM t; END;
        CREATE OR REPLACE FUNCTION f(a int DEFAULT (1)) RETURNS int BEGIN ATOMIC; UPDATE t SET c = 1; SELECT 1; END; UPDATE t SET d = 1;
        BEGIN; UPDATE t SET e = 1; CREATE TABLE begin_case (a int); UPDATE t SET f = 1; END; UPDATE t SET g = 1";
    let set = ["d", "e", "f", "g"].map(|column| format!("t: set {column} = 1 where  alias None"));
    assert_eq!(shown(script), set);
}

#[test]
fn what_changes_rows_in_another_way_is_found_too() {
    let script = "TRUNCATE a, s.b; MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN DELETE; CREATE TABLE c AS SELECT * FROM t;
        SELECT 1 INTO d FROM t; CREATE TEMP TABLE e AS SELECT * FROM t; CREATE TABLE f AS SELECT 1; CREATE TABLE g AS TABLE t WITH NO DATA;
        WITH gone AS (DELETE FROM t RETURNING *) SELECT count(*) FROM gone; PREPARE p AS UPDATE t SET a = 1;
        INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2; INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING;
        INSERT INTO t SELECT a FROM s ON CONFLICT (a) DO UPDATE SET a = 2;
        WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x; CREATE MATERIALIZED VIEW m AS SELECT * FROM t; SELECT 1";
    assert_eq!(
        shown(script),
        [
            "a: other false 0",
            "b: other false 0",
            "t: other true 1",
            "c: other true 1",
            "d: other true 1",
            "t: other false 0",
            "t: other false 0",
            "t: other false 0",
            "t: other true 1",
        ]
    );
}

#[test]
fn a_table_that_is_made_of_a_query_is_filled_by_an_insert() {
    let filled = |text: &str| data_statements(text).into_iter().map(|found| found.text).collect::<Vec<_>>();
    let made = "CREATE UNLOGGED TABLE IF NOT EXISTS x AS SELECT 1 FROM t";
    assert_eq!(filled(made), [made]);
    assert_eq!(
        filled(
            "CREATE TABLE s.\"X y\" (a, \"as\") WITH (fillfactor = 70) AS WITH q AS (SELECT * FROM t) SELECT a, b AS c FROM q -- all\nWITH DATA; SELECT 1"
        ),
        ["INSERT INTO \"s\".\"X y\" WITH q AS (SELECT * FROM t) SELECT a, b AS c FROM q"]
    );
    assert_eq!(filled("CREATE TABLE x AS TABLE t"), ["INSERT INTO \"x\" TABLE t"]);
    assert_eq!(
        filled(
            "WITH q AS (TABLE t) SELECT 'into', \"into\" /* INTO */ INTO UNLOGGED TABLE s . \"X y\" FROM q UNION (SELECT a, b FROM into_too)"
        ),
        [
            "INSERT INTO \"s\".\"X y\" WITH q AS (TABLE t) SELECT 'into', \"into\" /* INTO */  FROM q UNION (SELECT a, b FROM into_too)"
        ]
    );
    assert_eq!(
        filled("(SELECT a INTO x FROM t) UNION ALL TABLE u; SELECT a INTO TEMP y FROM t; SELECT 1 INTO z"),
        ["INSERT INTO \"x\" (SELECT a  FROM t) UNION ALL TABLE u"]
    );
    assert_eq!(
        filled(
            "CREATE TABLE x AS EXECUTE p; CREATE TABLE x AS SELECT 1; CREATE TABLE x AS SELECT * FROM t WITH NO DATA"
        ),
        [""; 0]
    );
}

#[test]
fn names_are_followed_to_the_end_of_the_text() {
    let script = "UPDATE t SET a = b; ALTER TABLE t RENAME a TO c; ALTER TABLE public.t RENAME c TO d; ALTER TABLE t ADD a int, ADD x int, DROP COLUMN x;
        UPDATE t SET a = 1; ALTER TABLE t RENAME TO u; ALTER TABLE u SET SCHEMA s; UPDATE v SET a = 1; DROP TABLE o, s.v; CREATE TABLE v ()";
    let later: Vec<String> = data_statements(script)
        .iter()
        .map(|statement| {
            let name = |name: &Option<Name>| name.as_ref().map_or("-", Name::as_str).to_owned();
            let table = statement.later.table.as_ref();
            let table =
                table.map_or_else(|| "gone".to_owned(), |(s, n)| format!("{}.{}", name(s), n.as_str()));
            let columns = statement.later.columns.iter();
            let columns: Vec<String> =
                columns.map(|(now, then)| format!("{} was {}", now.as_str(), name(then))).collect();
            format!("{table} {}", columns.join(", "))
        })
        .collect();
    assert_eq!(later, ["s.u d was a, a was -", "s.u ", "s.u ", "gone "]);
}
