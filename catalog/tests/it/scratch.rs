//! A database of its own for each test.

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use catalog::{
    event::{Event, Events},
    model::{EditionId, EditionName, EditionState, Name, OperationId, QualifiedName},
    store,
    target::{Connection, Target},
};
use edition_cli::server::PrivateServer;
use serde_json::json;

use crate::cluster::{OWNER, server};

static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A fresh database, and the way to it as its owner.
pub(crate) struct Scratch {
    pub(crate) target: Target,
    admin: Target,
    name: String,
}

impl Scratch {
    /// An empty database.
    pub(crate) async fn empty() -> Self {
        Self::empty_on(server().await).await
    }

    async fn empty_on(server: &PrivateServer) -> Self {
        let name = format!("scratch_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let postgres = Target::new(server.config("postgres"), None).unwrap().connect().await.unwrap();
        postgres.batch_execute(&format!("CREATE DATABASE {name} OWNER {OWNER}")).await.unwrap();
        let mut config = server.config(&name);
        let admin = Target::new(config.clone(), None).unwrap();
        config.user(OWNER);
        let scratch = Self { target: Target::new(config, None).unwrap(), admin, name };
        scratch.admin().await.batch_execute(&format!("ALTER SCHEMA public OWNER TO {OWNER}")).await.unwrap();
        scratch
    }

    /// A database with a catalogue, a root `v1` and a child `v2` on its way from draft to live.
    pub(crate) async fn adopted() -> Self {
        Self::adopted_on(server().await).await
    }

    /// The same on a server of the test's own.
    pub(crate) async fn adopted_on(server: &PrivateServer) -> Self {
        let scratch = Self::empty_on(server).await;
        let mut owner = scratch.connect().await;
        let transaction = owner.transaction().await.unwrap();
        store::install(&transaction).await.unwrap();
        let mut parent = None;
        for (name, state) in [("v1", EditionState::Live), ("v2", EditionState::Publishing)] {
            let edition = EditionName::new(name).unwrap();
            let blueprint = edition.blueprint_for(&scratch.name).unwrap();
            let made =
                store::insert_edition(&transaction, &edition, parent, state, &blueprint, None).await.unwrap();
            parent = Some(made.id);
        }
        transaction.commit().await.unwrap();
        scratch
    }

    /// A connection as the owner; it names no edition, so it writes as the root.
    pub(crate) async fn connect(&self) -> Connection {
        self.target.connect().await.unwrap()
    }

    /// A connection as the superuser.
    pub(crate) async fn admin(&self) -> Connection {
        self.admin.connect().await.unwrap()
    }

    /// A setting of the database.
    pub(crate) async fn set_for_all_sessions(&self, setting: &str, value: &str) {
        let statement = format!("ALTER DATABASE {} SET {setting} = '{value}'", self.name);
        self.admin().await.batch_execute(&statement).await.unwrap();
    }

    /// Runs statements as the owner.
    pub(crate) async fn run(&self, statements: &str) {
        self.connect().await.batch_execute(statements).await.unwrap();
    }

    /// The first column of all rows, as text.
    pub(crate) async fn ask(&self, query: &str) -> Vec<String> {
        let messages = self.connect().await.simple_query(query).await.unwrap();
        let value = |message: &tokio_postgres::SimpleQueryMessage| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        };
        messages.iter().filter_map(value).collect()
    }

    /// Begins a publication of `v2`.
    pub(crate) async fn begin_publish(&self) -> OperationId {
        store::insert_operation(&*self.connect().await, child(), store::Verb::Publish, &json!([]))
            .await
            .unwrap()
    }
}

/// The id of `v2`.
pub(crate) fn child() -> EditionId {
    EditionId::new(2)
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn qualified(schema: &str, table: &str) -> QualifiedName {
    QualifiedName::new(name(schema), name(table))
}

/// Keeps all events.
#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<Event>>);

impl Heard {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

impl Events for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}
