//! The suites, and how each is run.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::bed::Result;

/// For one run of one suite.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What a suite needs of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// It makes and drops its own: they live in a schema that is not editioned, in a database in which another schema is.
    Own,
    /// It keeps what an earlier run made: that is adopted, and a child edition changes every table.
    Kept,
}

/// A suite.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) tables: Tables,
    /// The database that its tests use.
    pub(crate) database: &'static str,
    /// The folder below that of the suites.
    folder: &'static str,
    /// Arguments for Python.
    arguments: &'static [&'static str],
}

/// All suites. Files that are left out judge something else than PostgreSQL (`fast_executemany` and the like have no session), or
/// need another server than the one at hand (replication, several clusters).
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "psycopg2",
        tables: Tables::Own,
        database: "suites",
        folder: "psycopg2",
        arguments: &["-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", "--tb=short", "tests"],
    },
    Suite {
        name: "asyncpg",
        tables: Tables::Own,
        database: "suites",
        folder: "asyncpg",
        // test_introspection_on_large_db is a race against a clock
        arguments: &[
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-q",
            "-rA",
            "--tb=short",
            "-k",
            "not on_large_db",
            "tests",
        ],
    },
    Suite {
        name: "sqlalchemy",
        tables: Tables::Own,
        database: "suites",
        folder: "sqlalchemy",
        arguments: &[
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:logging",
            "-q",
            "-rA",
            "--tb=short",
            "--maxfail=1000",
            "--dburi=postgresql+psycopg2://postgres@127.0.0.1:{port}/suites",
            "test/dialect/postgresql/test_query.py",
            "test/dialect/postgresql/test_on_conflict.py",
            "test/sql/test_query.py",
            "test/sql/test_returning.py",
        ],
    },
    Suite {
        name: "django",
        tables: Tables::Kept,
        database: "test_suites",
        folder: "django/tests",
        arguments: &[
            "runtests.py",
            "--settings=suites_settings",
            "--keepdb",
            "--parallel=1",
            "-v",
            "2",
            "admin_changelist",
            "admin_filters",
            "admin_inlines",
            "admin_utils",
            "admin_views",
            "aggregation",
            "aggregation_regress",
            "annotations",
            "async",
            "auth_tests",
            "backends",
            "basic",
            "bulk_create",
            "cache",
            "composite_pk",
            "constraints",
            "contenttypes_tests",
            "custom_columns",
            "custom_lookups",
            "custom_managers",
            "custom_methods",
            "custom_pk",
            "datatypes",
            "dates",
            "datetimes",
            "db_functions",
            "db_typecasts",
            "db_utils",
            "defer",
            "defer_regress",
            "delete",
            "delete_regress",
            "distinct_on_fields",
            "empty",
            "empty_models",
            "expressions",
            "expressions_case",
            "expressions_window",
            "extra_regress",
            "field_defaults",
            "filtered_relation",
            "fixtures",
            "fixtures_model_package",
            "fixtures_regress",
            "flatpages_tests",
            "force_insert_update",
            "foreign_object",
            "from_db_value",
            "generic_inline_admin",
            "generic_relations",
            "generic_relations_regress",
            "generic_views",
            "get_earliest_or_latest",
            "get_object_or_404",
            "get_or_create",
            "indexes",
            "inline_formsets",
            "inspectdb",
            "introspection",
            "known_related_objects",
            "lookup",
            "m2m_and_m2o",
            "m2m_intermediary",
            "m2m_multiple",
            "m2m_recursive",
            "m2m_regress",
            "m2m_signals",
            "m2m_through",
            "m2m_through_regress",
            "m2o_recursive",
            "managers_regress",
            "many_to_many",
            "many_to_one",
            "many_to_one_null",
            "max_lengths",
            "model_fields",
            "model_forms",
            "model_formsets",
            "model_formsets_regress",
            "model_indexes",
            "model_inheritance",
            "model_inheritance_regress",
            "model_options",
            "model_regress",
            "multiple_database",
            "mutually_referential",
            "nested_foreign_keys",
            "null_fk",
            "null_fk_ordering",
            "null_queries",
            "one_to_one",
            "or_lookups",
            "order_with_respect_to",
            "ordering",
            "pagination",
            "prefetch_related",
            "properties",
            "proxy_model_inheritance",
            "proxy_models",
            "queries",
            "queryset_pickle",
            "raw_query",
            "redirects_tests",
            "reserved_names",
            "reverse_lookup",
            "save_delete_hooks",
            "select_for_update",
            "select_related",
            "select_related_onetoone",
            "select_related_regress",
            "serializers",
            "sessions_tests",
            "signals",
            "sites_framework",
            "sites_tests",
            "string_lookup",
            "swappable_models",
            "syndication_tests",
            "test_client_regress",
            "timezones",
            "transaction_hooks",
            "transactions",
            "unmanaged_models",
            "update",
            "update_only_fields",
            "validation",
            "validators",
            "xor_lookups",
        ],
    },
];

/// The settings of Django's suite.
const DJANGO: &str = "\
import os
database = {
    'ENGINE': 'django.db.backends.postgresql', 'NAME': 'suites', 'USER': 'postgres',
    'HOST': '127.0.0.1', 'PORT': os.environ['PGPORT'],
}
DATABASES = {
    'default': database,
    'other': database | {'NAME': 'other', 'TEST': {'NAME': 'test_other'}},
}
SECRET_KEY = 'none'
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
DEFAULT_AUTO_FIELD = 'django.db.models.AutoField'
USE_TZ = False
";

impl Suite {
    /// Runs it against a server on this port; gives what it printed. `only_prepare`: runs one test, for the sake of the
    /// tables that are made before it.
    pub(crate) async fn run(&self, suites: &Path, port: u16, only_prepare: bool) -> Result<String> {
        let folder = suites.join(self.folder);
        if self.name == "django" {
            std::fs::write(folder.join("suites_settings.py"), DJANGO)?;
        }
        let port = port.to_string();
        let mut arguments: Vec<String> =
            self.arguments.iter().map(|argument| argument.replace("{port}", &port)).collect();
        if only_prepare {
            // the shortest of those that touch the database
            arguments.extend([
                "-k".to_owned(),
                "test_objects_attribute_is_only_available_on_the_class_itself".to_owned(),
            ]);
        }
        let mut command = Command::new(suites.join("python/bin/python"));
        command
            .args(arguments)
            .current_dir(&folder)
            .envs([
                ("PGHOST", "127.0.0.1"),
                ("PGPORT", &port),
                ("PGUSER", "postgres"),
                ("PGDATABASE", self.database),
            ])
            .envs([
                ("PSYCOPG2_TESTDB", self.database),
                ("PSYCOPG2_TESTDB_HOST", "127.0.0.1"),
                ("PSYCOPG2_TESTDB_PORT", &port),
                ("PSYCOPG2_TESTDB_USER", "postgres"),
            ])
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output())
            .await
            .map_err(|_| format!("{} takes too long", self.name))??;
        let printed = [output.stdout, output.stderr].concat();
        Ok(String::from_utf8_lossy(&printed).into_owned())
    }
}
