//! Two databases that begin alike: a live one under management, used without a proxy, and a plain one that never hears of editions.

use std::sync::atomic::{AtomicU32, Ordering};

use catalog::{
    event::Silent,
    model::Name,
    operation::{self, KeepData},
    snapshot::{Relation, Snapshot, SnapshotEdition},
    target::Target,
};

use crate::{
    Dump, OWNER, Session, Verbs, edition, name, server,
    verbs::told,
    world::{dump, dump_text},
};

static PAIRS: AtomicU32 = AtomicU32::new(1);

/// The two databases.
pub struct Pair {
    /// The live one.
    pub live: String,
    /// The plain one.
    pub plain: String,
    /// What the owner can do with the live one.
    pub verbs: Verbs,
}

/// A session of an edition as the proxy would open it, and where its names lead.
pub struct InEdition {
    /// The session.
    pub session: Session,
    edition: Option<SnapshotEdition>,
}

impl Pair {
    /// Both databases with what `sql` makes, the live one adopted as v1.
    pub async fn new(sql: &str) -> Result<Self, String> {
        let number = PAIRS.fetch_add(1, Ordering::Relaxed);
        let (live, plain) = (format!("live{number}"), format!("plain{number}"));
        let admin = Session::open(&server().await.config("postgres")).await.unwrap();
        admin.run(&format!("CREATE DATABASE {live} OWNER {OWNER}")).await;
        let mut config = server().await.config(&live);
        config.user(OWNER);
        let target = Target::new(config, None).unwrap();
        let pair = Self {
            live,
            plain,
            verbs: Verbs {
                target,
                programs: server().await.programs().unwrap(),
                schemas: vec![name("public")],
            },
        };
        open(&pair.live).await.try_ask(sql).await.map_err(|failure| format!("{failure:?}"))?;
        admin.run(&format!("CREATE DATABASE {} TEMPLATE {} OWNER {OWNER}", pair.plain, pair.live)).await;
        Ok(pair)
    }

    /// `edition init --name ROOT --schemas …`.
    pub async fn init(&self, root: &str, schemas: &[&str]) -> Result<(), String> {
        let mut options = self.verbs.init_options(root);
        options.schemas = schemas.iter().map(|schema| name(schema)).collect();
        operation::init(&self.verbs.target, &options, &Silent).await.map(|_| ()).map_err(|error| told(&error))
    }

    /// A session in the plain database.
    pub async fn in_plain(&self) -> Session {
        open(&self.plain).await
    }

    /// A session in the live database as the owner has it who knows nothing of editions.
    pub async fn in_live(&self) -> Session {
        open(&self.live).await
    }

    /// A superuser's session in the live database.
    pub async fn in_live_as_superuser(&self) -> Session {
        Session::open(&server().await.config(&self.live)).await.unwrap()
    }

    /// A session in an edition's blueprint.
    pub async fn in_blueprint(&self, of: &str) -> Session {
        open(&self.blueprint(of)).await
    }

    /// The name of an edition's blueprint.
    pub fn blueprint(&self, of: &str) -> String {
        edition(of).blueprint_for(&self.live).unwrap().as_str().to_owned()
    }

    /// A session in a live edition; path and marker as the proxy puts them into the startup packet.
    pub async fn in_edition(&self, of: &str) -> InEdition {
        let connection = self.verbs.target.connect().await.unwrap();
        let snapshot = Snapshot::load(&connection).await.unwrap();
        let edition = snapshot.edition(of).unwrap().clone();
        let ours = |schema: &str| edition.path.iter().find(|(name, _)| name.as_str() == schema);
        let own = ours("public").map(|(_, schemas)| schemas.as_slice()).unwrap_or_default();
        let path: Vec<String> =
            own.iter().map(|schema| schema.quoted().to_string()).chain(["public".to_owned()]).collect();
        let path = path.join(",").replace(' ', "\\ ");
        let mut config = server().await.config(&self.live);
        config.user(OWNER).options(format!("-c search_path={path} -c edition.id={}", edition.id));
        InEdition { session: Session::open(&config).await.unwrap(), edition: Some(edition) }
    }

    /// A session in the plain database, where names lead to what bears them.
    pub async fn writer_in_plain(&self) -> InEdition {
        InEdition { session: self.in_plain().await, edition: None }
    }

    /// Makes the live database anew as a copy of the plain one, rows and all; it has to be adopted again.
    pub async fn copy_plain(&self) {
        let admin = Session::open(&server().await.config("postgres")).await.unwrap();
        self.drop_live(&admin).await;
        self.copy(&self.plain, &self.live).await;
    }

    /// Remembers the plain database as it is now.
    pub async fn keep_plain(&self) {
        self.copy(&self.plain, &format!("{}_kept", self.plain)).await;
    }

    /// Makes the plain database what it was when it was last kept.
    pub async fn restore_plain(&self) {
        self.copy(&format!("{}_kept", self.plain), &self.plain).await;
    }

    /// A copy of the live database as it is now, to try something in; gives its name.
    pub async fn try_live(&self) -> String {
        let copy = format!("{}_tried", self.live);
        self.copy(&self.live, &copy).await;
        copy
    }

    /// A session in such a copy.
    pub async fn in_tried_live(&self) -> Session {
        open(&self.try_live().await).await
    }

    /// A session in a copy of an edition's blueprint: a plain database of that schema.
    pub async fn in_tried_blueprint(&self, of: &str) -> InEdition {
        let copy = format!("{}_tried", self.live);
        self.copy(&self.blueprint(of), &copy).await;
        InEdition { session: open(&copy).await, edition: None }
    }

    async fn copy(&self, from: &str, to: &str) {
        let admin = Session::open(&server().await.config("postgres")).await.unwrap();
        let terminate =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{from}'");
        admin.run(&terminate).await;
        admin.run(&format!("DROP DATABASE IF EXISTS {to} WITH (FORCE)")).await;
        admin.run(&format!("CREATE DATABASE {to} TEMPLATE \"{from}\" OWNER {OWNER}")).await;
    }

    async fn drop_live(&self, admin: &Session) {
        let all = "SELECT quote_ident(datname) FROM pg_database";
        let all = format!("{all} WHERE datname = '{0}' OR starts_with(datname, '{0}$')", self.live);
        for database in admin.ask(&all).await {
            admin.run(&format!("DROP DATABASE {database} WITH (FORCE)")).await;
        }
    }

    /// The live database's schema, without ours.
    pub async fn dump_live(&self) -> Dump {
        dump(&self.verbs.programs, &self.live, &["-N", "edition", "-N", "edition_catalog"]).await
    }

    /// The plain database's schema.
    pub async fn dump_plain(&self) -> Dump {
        dump(&self.verbs.programs, &self.plain, &[]).await
    }

    /// The plain database's schema as a script that makes it again.
    pub async fn script(&self) -> String {
        let script = dump_text(&self.verbs.programs, &self.plain, &["-O"]).await;
        script.lines().filter(|line| !line.starts_with('\\')).collect::<Vec<_>>().join("\n")
    }

    /// `edition rollback LEAF --discard`.
    pub async fn rollback(&self, leaf: &str) -> Result<(), String> {
        let options = self.verbs.rollback_options(KeepData::Discard);
        let outcome = operation::rollback(&self.verbs.target, &edition(leaf), &options, &Silent).await;
        outcome.map(|_| ()).map_err(|error| told(&error))
    }

    /// `edition drop DRAFT`.
    pub async fn drop_draft(&self, draft: &str) -> Result<(), String> {
        let outcome = operation::drop_draft(&self.verbs.target, &edition(draft), &Silent).await;
        outcome.map(|_| ()).map_err(|error| told(&error))
    }

    /// `edition default CHILD; edition retire ROOT`.
    pub async fn retire(&self, root: &str, child: &str) -> Result<(), String> {
        operation::set_default(&self.verbs.target, &edition(child)).await.map_err(|error| told(&error))?;
        self.verbs.try_retire(root, &Silent).await.map(|_| ()).map_err(|error| told(&error))
    }

    /// Drops both databases and the blueprints of the live one.
    pub async fn end(self) {
        let admin = Session::open(&server().await.config("postgres")).await.unwrap();
        self.drop_live(&admin).await;
        for database in [self.plain.clone(), format!("{}_kept", self.plain), format!("{}_tried", self.live)] {
            admin.run(&format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)")).await;
        }
    }
}

impl InEdition {
    /// Where a table of the edition is, for SQL text: what the proxy makes of a qualified name.
    pub fn relation(&self, schema: &str, table: &str) -> String {
        let known = Name::new(schema).ok().zip(Name::new(table).ok());
        let relation = known.as_ref().and_then(|key| self.edition.as_ref()?.names.relations.get(key));
        let schema = match relation {
            Some(Relation::View(view)) => &view.schema,
            Some(Relation::Moved { schema }) => schema,
            Some(Relation::Tombstone) | None => &name(schema),
        };
        format!("{}.{}", schema.quoted(), name(table).quoted())
    }
}

async fn open(database: &str) -> Session {
    let mut config = server().await.config(database);
    match Session::open(config.user(OWNER)).await {
        Ok(session) => session,
        Err(failure) => panic!("{database}: {failure:?}"),
    }
}
