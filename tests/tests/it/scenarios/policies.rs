//! Row-level security: each edition's sessions meet the policies of their edition, whatever else is live on the same table.

use edition_tests::CLERK;

use super::story;

const BASE: &str = "CREATE TABLE notes (id int PRIMARY KEY, owner_name text, body text, rank int);
    INSERT INTO notes VALUES (1, 'app', 'a', 1), (2, 'clerk', 'b', 2), (3, 'app', 'c', 30);
    GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO app, clerk;";

const SECURED: &str = "CREATE TABLE notes (id int PRIMARY KEY, owner_name text, body text, rank int);
    INSERT INTO notes VALUES (1, 'app', 'a', 1), (2, 'clerk', 'b', 2), (3, 'app', 'c', 30);
    GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO app, clerk;
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (owner_name = current_user);
    CREATE POLICY low ON notes AS RESTRICTIVE FOR SELECT TO app USING (rank < 20); COMMENT ON POLICY low ON notes IS 'for a while';";

#[tokio::test]
async fn policies_are_added_changed_and_dropped_for_one_edition_only() {
    story(SECURED)
        .draft(
            "v2",
            "DROP POLICY low ON notes; ALTER POLICY own ON notes RENAME TO mine; COMMENT ON POLICY mine ON notes IS 'what I wrote';
             CREATE POLICY short ON notes FOR SELECT TO clerk USING (length(body) = 1)",
        )
        .draft("v3", "DROP POLICY short ON notes; CREATE POLICY not_b ON notes AS RESTRICTIVE USING (body <> 'b')")
        .see("v1", "SELECT id FROM notes ORDER BY id", &["1"])
        .see("v2", "SELECT id FROM notes ORDER BY id", &["1", "3"])
        .see("v3", "SELECT id FROM notes ORDER BY id", &["1", "3"])
        .see("v1", "SELECT id FROM notes ORDER BY id", &["2"])
        .by(CLERK)
        .see("v2", "SELECT id FROM notes ORDER BY id", &["1", "2", "3"])
        .by(CLERK)
        .see("v3", "SELECT id FROM notes ORDER BY id", &[])
        .by(CLERK)
        .fail("v3", "INSERT INTO notes VALUES (4, 'app', 'b', 1)", "42501")
        .run("v2", "INSERT INTO notes VALUES (4, 'app', 'b', 1)")
        .fail("v2", "INSERT INTO notes VALUES (5, 'clerk', 'b', 1)", "42501")
        .at_rest("SELECT id FROM notes ORDER BY id", &["1", "3"])
        .tell()
        .await;
}

#[tokio::test]
async fn row_security_is_enabled_for_the_newer_edition_only() {
    story(BASE)
        .draft(
            "v2",
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON notes USING (owner_name = current_user);
             CREATE POLICY low ON notes AS RESTRICTIVE USING (rank < 20)",
        )
        .allow("row-security-switched")
        .see("v1", "SELECT id FROM notes ORDER BY id", &["1", "2", "3"])
        .see("v2", "SELECT id FROM notes ORDER BY id", &["1"])
        .run("v1", "INSERT INTO notes VALUES (4, 'clerk', 'd', 50)")
        .run("v1", "UPDATE notes SET rank = 60 WHERE id = 4")
        .fail("v2", "INSERT INTO notes VALUES (5, 'app', 'd', 50)", "42501")
        .run("v1", "DELETE FROM notes WHERE id = 3")
        .tell()
        .await;
}

#[tokio::test]
async fn row_security_is_disabled_and_enabled_again_along_a_chain() {
    story(SECURED)
        .draft("v2", "ALTER TABLE notes DISABLE ROW LEVEL SECURITY")
        .allow("row-security-switched")
        .draft("v3", "ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ALTER POLICY own ON notes USING (owner_name <> 'clerk')")
        .allow("row-security-switched")
        .see("v1", "SELECT id FROM notes ORDER BY id", &["1"])
        .see("v2", "SELECT id FROM notes ORDER BY id", &["1", "2", "3"])
        .see("v3", "SELECT id FROM notes ORDER BY id", &["1"])
        .see("v3", "SELECT id FROM notes ORDER BY id", &["1", "3"])
        .by(CLERK)
        .tell()
        .await;
}

/// The application's role owns the table, as it often does.
#[tokio::test]
async fn the_owner_is_under_the_policies_of_one_edition_only() {
    story(
        "CREATE TABLE notes (id int PRIMARY KEY, body text); INSERT INTO notes VALUES (1, 'a'), (2, 'b');
         ALTER TABLE notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON notes TO app; CREATE POLICY a ON notes USING (body = 'a');
         CREATE POLICY one ON notes AS RESTRICTIVE USING (id < 2)",
    )
    .draft("v2", "ALTER TABLE notes FORCE ROW LEVEL SECURITY; DROP POLICY one ON notes; CREATE POLICY one ON notes AS RESTRICTIVE USING (id < 3)")
    .allow("policies-not-comparable")
    .see("v1", "SELECT id FROM notes ORDER BY id", &["1", "2"])
    .by(edition_tests::OWNER)
    .see("v2", "SELECT id FROM notes ORDER BY id", &["1"])
    .by(edition_tests::OWNER)
    .see("v1", "SELECT id FROM notes ORDER BY id", &["1"])
    .see("v2", "SELECT id FROM notes ORDER BY id", &["1"])
    .tell()
    .await;
}

#[tokio::test]
async fn policies_are_over_the_columns_tables_and_functions_of_their_edition() {
    story(
        "CREATE TABLE members (name text PRIMARY KEY, team int); CREATE TABLE docs (id int PRIMARY KEY, team int);
         CREATE FUNCTION limit_of() RETURNS int LANGUAGE sql STABLE AS 'SELECT 10';
         INSERT INTO members VALUES ('app', 1), ('clerk', 2); INSERT INTO docs VALUES (1, 1), (2, 2), (3, 1), (20, 1);
         ALTER TABLE docs ENABLE ROW LEVEL SECURITY; GRANT ALL ON members, docs TO app, clerk;
         CREATE POLICY by_team ON docs USING (team IN (SELECT m.team FROM members m WHERE m.name = current_user) AND id < limit_of())",
    )
    .draft(
        "v2",
        "DROP POLICY by_team ON docs; ALTER TABLE docs RENAME TO documents; ALTER TABLE documents ALTER team TYPE text; ALTER TABLE members ALTER team TYPE text;
         ALTER TABLE members RENAME name TO who; ALTER TABLE documents RENAME id TO number;
         CREATE OR REPLACE FUNCTION limit_of() RETURNS int LANGUAGE sql STABLE BEGIN ATOMIC SELECT 18 + count(*)::int FROM members; END;
         CREATE POLICY by_team ON documents USING (team IN (SELECT m.team FROM members m WHERE m.who = current_user) AND number <= limit_of());
         CREATE TABLE secrets (id int, who text); INSERT INTO secrets VALUES (1, 'app'), (2, 'clerk'); GRANT SELECT ON secrets TO app;
         ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; ALTER TABLE secrets FORCE ROW LEVEL SECURITY; CREATE POLICY own ON secrets USING (who = current_user)",
    )
    .allow("policies-not-comparable")
    .draft("v3", "DROP POLICY own ON secrets")
    .see("v1", "SELECT id FROM docs ORDER BY id", &["1", "3"])
    .see("v2", "SELECT number FROM documents ORDER BY number", &["1", "3", "20"])
    .see("v3", "SELECT number FROM documents ORDER BY number", &["1", "3", "20"])
    .see("v2", "SELECT id FROM secrets", &["1"])
    .see("v3", "SELECT id FROM secrets", &[])
    .at_rest("SELECT number FROM documents ORDER BY number", &["1", "3", "20"])
    .tell()
    .await;
}

/// Policies of younger editions let the owner pass: they change with it at a retire, before columns get their names.
#[tokio::test]
async fn an_owner_changes_under_the_policy_of_a_younger_edition() {
    story(
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t VALUES (1, 1), (2, -1); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
         CREATE POLICY p ON t USING (true); GRANT SELECT ON t TO clerk; GRANT CREATE ON SCHEMA public TO keeper",
    )
    .draft("v2", "ALTER TABLE t RENAME a TO b; ALTER TABLE t OWNER TO keeper")
    .draft("v3", "CREATE POLICY r ON t AS RESTRICTIVE USING (b > 0); COMMENT ON POLICY r ON t IS 'none below'")
    .see("v2", "SELECT id FROM t ORDER BY id", &["1", "2"])
    .by(CLERK)
    .see("v3", "SELECT id FROM t ORDER BY id", &["1"])
    .by(CLERK)
    .tell()
    .await;
}
