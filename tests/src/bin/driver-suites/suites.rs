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
        runner: Runner::Python("-m pytest -p no:cacheprovider -q -rA --tb=short tests"),
        reasons: &[],
    },
    Suite {
        name: "psycopg",
        tables: Tables::Own,
        database: "suites",
        folder: "psycopg",
        // slow ones wait on the clock; typing asks mypy, the pool has nothing of its own with servers
        runner: Runner::Python(
            "-m pytest -q -rA --tb=short -m not\u{a0}slow tests --ignore tests/test_typing.py --ignore tests/crdb --ignore tests/pool",
        ),
        reasons: &[],
    },
    Suite {
        name: "asyncpg",
        tables: Tables::Own,
        database: "suites",
        folder: "asyncpg",
        runner: Runner::Python(
            "-m pytest -p no:cacheprovider -q -rA --tb=short -k not\u{a0}on_large_db tests",
        ),
        reasons: &[(
            "test_introspection_on_large_db",
            "left out on both sides: it is a race against a clock",
        )],
    },
    Suite {
        name: "node-postgres",
        tables: Tables::Own,
        database: "suites",
        folder: "node-postgres/node_modules/pg",
        runner: Runner::Node("test/integration"),
        reasons: &[],
    },
    Suite {
        name: "sqlalchemy",
        tables: Tables::KeptBySchema,
        database: "suites",
        folder: "sqlalchemy",
        runner: Runner::Python(
            "-m pytest -p no:cacheprovider -p no:logging -p suites_kept -q -rA --tb=short --maxfail=1000 \
             --dburi=postgresql+psycopg2://postgres@127.0.0.1:{port}/suites test/dialect/postgresql/test_query.py \
             test/dialect/postgresql/test_on_conflict.py test/sql/test_query.py test/sql/test_returning.py \
             test/sql/test_insert_exec.py",
        ),
        reasons: &[],
    },
    Suite {
        name: "django",
        tables: Tables::Kept,
        database: "test_suites",
        folder: "django/tests",
        runner: Runner::Python(DJANGO),
        reasons: &[],
    },
];

/// What judges models, queries, transactions and introspection; not what judges migrations and the schema editor (migrations, schema …),
/// which is DDL all through, what needs PostGIS or extensions, and forms, views, sessions and the admin site, which use what is judged here.
const DJANGO: &str = "runtests.py --settings=suites_settings --keepdb --parallel=1 -v 2 \
             aggregation aggregation_regress annotations backends basic bulk_create composite_pk constraints custom_columns \
             custom_lookups custom_managers custom_methods custom_pk datatypes dates datetimes db_functions db_utils defer \
             defer_regress delete delete_regress distinct_on_fields expressions expressions_case expressions_window \
             extra_regress field_defaults filtered_relation fixtures fixtures_regress force_insert_update foreign_object \
             from_db_value generic_relations generic_relations_regress get_earliest_or_latest get_or_create indexes \
             inspectdb introspection known_related_objects lookup m2m_and_m2o m2m_intermediary m2m_multiple m2m_recursive \
             m2m_regress m2m_signals m2m_through m2m_through_regress m2o_recursive managers_regress many_to_many \
             many_to_one many_to_one_null model_fields model_indexes model_inheritance model_inheritance_regress \
             model_regress multiple_database mutually_referential nested_foreign_keys null_fk null_fk_ordering null_queries \
             one_to_one or_lookups order_with_respect_to ordering prefetch_related proxy_model_inheritance proxy_models \
             queries queryset_pickle raw_query reserved_names reverse_lookup save_delete_hooks select_for_update \
             select_related select_related_onetoone select_related_regress signals timezones transaction_hooks transactions \
             unmanaged_models update update_only_fields validation xor_lookups";
