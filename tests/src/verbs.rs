//! The verbs of `edition`, called in the library with options that tests want.

use std::time::Duration;

use catalog::{
    Error,
    event::{Events, Silent},
    model::{EditionName, Name, OnError},
    operation::{
        self, CreateOptions, DeinitOptions, InitOptions, KeepData, Patience, Programs, PublishOptions,
        Published, Retired, RollbackOptions, RolledBack, TransformOptions,
    },
    plan::{Allowances, Code, Plan},
    target::Target,
};

/// How long a test waits for anything before it fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// Everything that a verb needs.
#[derive(Clone, Debug)]
pub struct Verbs {
    /// The database, as its owner.
    pub target: Target,
    /// `pg_dump` and `psql`.
    pub programs: Programs,
    /// The editioned schemas.
    pub schemas: Vec<Name>,
}

impl Verbs {
    /// `edition init --name v1`.
    pub async fn init(&self) {
        self.init_as("v1").await;
    }

    /// `edition init --name ROOT`.
    pub async fn init_as(&self, root: &str) {
        let options = self.init_options(root);
        must("init", operation::init(&self.target, &options, &Silent).await);
    }

    /// What [`Verbs::init_as`] says.
    pub fn init_options(&self, root: &str) -> InitOptions {
        InitOptions {
            root: edition(root),
            schemas: self.schemas.clone(),
            proxy_roles: vec![name("proxy")],
            programs: self.programs.clone(),
        }
    }

    /// `edition deinit`.
    pub async fn deinit(&self) {
        must("deinit", operation::deinit(&self.target, &DeinitOptions::default(), &Silent).await);
    }

    /// `edition create NAME`, and the error if it fails.
    pub async fn try_create(&self, draft: &str) -> Result<(), Error> {
        self.make(draft, false).await
    }

    /// `edition create NAME --with-rows`.
    pub async fn create_with_rows(&self, draft: &str) {
        must("create", self.make(draft, true).await);
    }

    async fn make(&self, draft: &str, with_rows: bool) -> Result<(), Error> {
        let options = CreateOptions {
            name: edition(draft),
            from: Vec::new(),
            with_rows,
            comment: None,
            programs: self.programs.clone(),
        };
        operation::create(&self.target, &options, &Silent).await.map(|_| ())
    }

    /// `edition create NAME`.
    pub async fn create(&self, draft: &str) {
        must("create", self.try_create(draft).await);
    }

    /// `edition transform NAME TABLE --forward … --reverse … --on-error …`, and the error if it fails.
    pub async fn try_transform(
        &self,
        draft: &str,
        table: &str,
        forward: &str,
        reverse: &str,
        on_error: OnError,
    ) -> Result<(), Error> {
        let given = |text: &str| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        let options = TransformOptions {
            edition: edition(draft),
            table: table.to_owned(),
            forward: given(forward),
            reverse: given(reverse),
            on_error,
            replace: false,
        };
        operation::transform(&self.target, &options).await.map(|_| ())
    }

    /// `edition transform NAME TABLE --forward … --reverse …`; an empty text is not given.
    pub async fn transform(&self, draft: &str, table: &str, forward: &str, reverse: &str) {
        must("transform", self.try_transform(draft, table, forward, reverse, OnError::Reject).await);
    }

    /// `edition plan NAME`.
    pub async fn plan(&self, draft: &str) -> Plan {
        must("plan", operation::plan(&self.target, &edition(draft)).await)
    }

    /// The usual options of `edition publish`, with these codes allowed.
    pub fn publish_options(&self, allow: &[&str]) -> PublishOptions {
        PublishOptions {
            allow: Allowances::of(allow.iter().map(|code| known_code(code))),
            batch_size: 1000,
            patience: patience(PATIENCE),
            ..PublishOptions::default()
        }
    }

    /// `edition publish NAME --allow …`, and the error if it fails.
    pub async fn try_publish(
        &self,
        draft: &str,
        allow: &[&str],
        events: &dyn Events,
    ) -> Result<Published, Error> {
        operation::publish(&self.target, &edition(draft), &self.publish_options(allow), events).await
    }

    /// `edition publish NAME --allow …`.
    pub async fn publish(&self, draft: &str, allow: &[&str]) -> Published {
        let published = self.try_publish(draft, allow, &Silent).await;
        if let Err(error) = &published
            && let Ok(plan) = operation::plan(&self.target, &edition(draft)).await
        {
            panic!("publish {draft}: {} {:#?}", told(error), plan.findings);
        }
        must("publish", published)
    }

    /// The usual options of `edition rollback`.
    pub fn rollback_options(&self, keep: KeepData) -> RollbackOptions {
        RollbackOptions { keep, patience: patience(PATIENCE) }
    }

    /// `edition rollback NAME --discard`, and the error if it fails.
    pub async fn try_rollback(&self, leaf: &str, events: &dyn Events) -> Result<RolledBack, Error> {
        operation::rollback(&self.target, &edition(leaf), &self.rollback_options(KeepData::Discard), events)
            .await
    }

    /// `edition rollback NAME --discard`.
    pub async fn rollback(&self, leaf: &str) -> RolledBack {
        must("rollback", self.try_rollback(leaf, &Silent).await)
    }

    /// `edition default NAME`.
    pub async fn default(&self, live: &str) {
        must("default", operation::set_default(&self.target, &edition(live)).await);
    }

    /// `edition retire NAME`, and the error if it fails.
    pub async fn try_retire(&self, root: &str, events: &dyn Events) -> Result<Retired, Error> {
        operation::retire(&self.target, &edition(root), patience(PATIENCE), events).await
    }

    /// `edition retire NAME`.
    pub async fn retire(&self, root: &str) -> Retired {
        must("retire", self.try_retire(root, &Silent).await)
    }
}

fn known_code(text: &str) -> Code {
    Code::parse(text).unwrap_or_else(|| panic!("no finding has the code {text}"))
}

/// The value, or a panic with the whole chain of the error.
#[track_caller]
fn must<T>(what: &str, result: Result<T, Error>) -> T {
    result.unwrap_or_else(|error| panic!("{what}: {}", told(&error)))
}

/// The error, its causes and its hint.
pub fn told(error: &Error) -> String {
    let mut text = format!("{error}");
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!("\n  because {inner} {inner:?}"));
        cause = inner.source();
    }
    match error.hint() {
        Some(hint) => format!("{text}\n  hint: {hint}"),
        None => text,
    }
}

/// An identifier.
pub fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

/// An edition's name.
pub fn edition(text: &str) -> EditionName {
    EditionName::new(text).unwrap()
}

/// Sessions and proxies get as long as a busy machine may take; a lock try as short as ever.
pub fn patience(waiting: Duration) -> Patience {
    Patience { locks: waiting, proxies: waiting, drain: Some(waiting), ..Patience::default() }
}
