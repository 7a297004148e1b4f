//! A client in an edition, as an application has it: text in, text out.

use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

/// A connection; its driver runs until this value is dropped.
#[derive(Debug)]
pub struct Session {
    client: Client,
}

/// What a query gave: column names, and rows whose fields are joined by `|`, NULL as `∅`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// In the order of the answer.
    pub columns: Vec<String>,
    /// In the order of the answer.
    pub rows: Vec<String>,
}

/// A statement that PostgreSQL or the proxy refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// SQLSTATE.
    pub code: String,
    /// The primary text.
    pub message: String,
    /// DETAIL and HINT.
    pub more: String,
}

impl Session {
    /// Connects.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let (client, connection) = config.connect(NoTls).await.map_err(|error| Failure::of(&error))?;
        tokio::spawn(connection);
        Ok(Self { client })
    }

    /// The driver's own client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs statements by the simple protocol; the rows are the last result's.
    pub async fn try_ask(&self, sql: &str) -> Result<Rows, Failure> {
        let messages = self.client.simple_query(sql).await.map_err(|error| Failure::of(&error))?;
        let mut answer = Rows::default();
        for message in messages {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    let columns = columns.iter().map(|column| column.name().to_owned()).collect();
                    answer = Rows { columns, rows: Vec::new() };
                }
                SimpleQueryMessage::Row(row) => {
                    let fields: Vec<&str> =
                        (0..row.len()).map(|index| row.get(index).unwrap_or("∅")).collect();
                    answer.rows.push(fields.join("|"));
                }
                _ => {}
            }
        }
        Ok(answer)
    }

    /// Rows of a query that must work.
    pub async fn ask(&self, sql: &str) -> Vec<String> {
        match self.try_ask(sql).await {
            Ok(answer) => answer.rows,
            Err(failure) => panic!("{sql}\n{failure:?}"),
        }
    }

    /// Runs statements that must work.
    pub async fn run(&self, sql: &str) {
        self.ask(sql).await;
    }

    /// Runs statements that must not work.
    pub async fn fail(&self, sql: &str) -> Failure {
        match self.try_ask(sql).await {
            Ok(answer) => panic!("should have failed: {sql}\n{answer:?}"),
            Err(failure) => failure,
        }
    }
}

impl Failure {
    fn of(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self {
                code: db.code().code().to_owned(),
                message: db.message().to_owned(),
                more: [db.detail(), db.hint()].into_iter().flatten().collect::<Vec<_>>().join("; "),
            },
            None => Self { code: String::new(), message: error.to_string(), more: format!("{error:?}") },
        }
    }
}
