//! Which suites there are, what each needs and what is known of it.

use crate::suite::{Runner, Suite, Tables};

/// All suites. Files that are left out judge something else than PostgreSQL, or need another server than the one at hand (replication,
/// several clusters, CockroachDB).
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "psycopg2",
        tables: Tables::Own,
        database: "suites",
        folder: "psycopg2",
        runner: Runner::Python("-m pytest -p no:cacheprovider -q -rA --tb=short"),
        parts: "tests",
        reasons: &[],
    },
    Suite {
        name: "psycopg",
        tables: Tables::Own,
        database: "suites",
        folder: "psycopg",
        // slow ones wait on the clock; typing asks mypy, the pool has nothing of its own with servers
        runner: Runner::Python(
            "-m pytest -q -rA --tb=short -m not\u{a0}slow --ignore tests/test_typing.py --ignore tests/crdb --ignore tests/pool",
        ),
        parts: "tests",
        reasons: &[],
    },
    Suite {
        name: "asyncpg",
        tables: Tables::Own,
        database: "suites",
        folder: "asyncpg",
        // test_introspection_on_large_db is a race against a clock
        runner: Runner::Python("-m pytest -p no:cacheprovider -q -rA --tb=short -k not\u{a0}on_large_db"),
        parts: "tests",
        reasons: &[],
    },
    Suite {
        name: "node-postgres",
        tables: Tables::Own,
        database: "suites",
        folder: "node-postgres/node_modules/pg",
        runner: Runner::Node,
        parts: "test/integration",
        reasons: &[(
            "connection-pool/error-tests.js",
            "it ends every idle session of the server, also that by which the proxy knows what the editions are",
        )],
    },
    Suite {
        name: "sqlalchemy",
        tables: Tables::KeptBySchema,
        database: "suites",
        folder: "sqlalchemy",
        runner: Runner::Python(
            "-m pytest -p no:cacheprovider -p no:logging -p suites_kept -q -rA --tb=short --maxfail=1000 \
             --dburi=postgresql+psycopg2://postgres@127.0.0.1:{port}/suites",
        ),
        parts: "test/dialect/postgresql/test_query.py test/dialect/postgresql/test_on_conflict.py test/sql/test_query.py \
                test/sql/test_returning.py test/sql/test_insert_exec.py",
        reasons: &[],
    },
    Suite {
        name: "django",
        tables: Tables::Kept,
        database: "test_suites",
        folder: "django/tests",
        runner: Runner::Python("runtests.py --settings=suites_settings --keepdb --parallel=1 -v 2"),
        parts: DJANGO,
        reasons: &[(
            "test_foreign_data_wrapper",
            "its foreign table is refused, and in the child its server is there still from the run in the parent",
        )],
    },
];

/// Applications that judge models, queries, transactions and introspection; not those that judge migrations and the schema editor, which is
/// DDL all through.
const DJANGO: &str = "\
    basic aggregation aggregation_regress annotations bulk_create constraints custom_columns datetimes defer delete \
    distinct_on_fields expressions foreign_object get_or_create indexes introspection inspectdb lookup many_to_many \
    many_to_one model_fields ordering queries raw_query select_for_update select_related transactions update validation";
