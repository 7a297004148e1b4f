//! What must hold at every moment, seen from every edition in one snapshot, while all versions run.

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::{Result, bank::Bank};

/// Sums of one edition, in cents, and a hash over every account's balance that does not depend on the order.
#[derive(Debug, PartialEq, Eq)]
struct Books {
    accounts: String,
    tellers: String,
    branches: String,
    history: String,
    each_account: String,
}

/// Says what is wrong; nothing if the books agree.
pub(crate) async fn hold(bank: &Bank<'_>, versions: &[&str]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut snapshot: Option<String> = None;
    let mut first: Option<(&str, Books)> = None;
    // the snapshot lives as long as the transaction that exported it, so all stay open to the end
    let mut open = Vec::new();
    for version in versions {
        let (client, connection) = bank.config(version).connect(NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await?;
        match &snapshot {
            Some(id) => client.batch_execute(&format!("SET TRANSACTION SNAPSHOT '{id}'")).await?,
            None => snapshot = Some(one(&client, "SELECT pg_export_snapshot()").await?),
        }
        let books = read(&client, version).await?;
        wrong.extend(books.imbalance().map(|text| format!("{version}: {text}")));
        if *version != "v1" {
            let sql = "SELECT count(*) FROM pgbench_accounts WHERE overdrawn IS DISTINCT FROM (balance < 0)";
            let count = one(&client, sql).await?;
            if count != "0" {
                wrong.push(format!(
                    "{version}: {count} accounts are overdrawn and do not say so, or the other way round"
                ));
            }
        }
        match &first {
            None => first = Some((version, books)),
            Some((other, theirs)) if *theirs != books => {
                wrong.push(format!("{other} and {version} disagree: {theirs:?} and {books:?}"));
            }
            Some(_) => {}
        }
        open.push(client);
    }
    Ok(wrong)
}

async fn read(client: &Client, version: &str) -> Result<Books> {
    let (account, cents) =
        if version == "v1" { ("aid", "abalance") } else { ("account_id", "balance * 100") };
    let (branch_balance, branches) =
        if version == "v3" { ("balance", "branches") } else { ("bbalance", "pgbench_branches") };
    Ok(Books {
        accounts: one(client, &format!("SELECT sum({cents})::bigint FROM pgbench_accounts")).await?,
        tellers: one(client, "SELECT sum(tbalance)::bigint FROM pgbench_tellers").await?,
        branches: one(client, &format!("SELECT sum({branch_balance})::bigint FROM {branches}")).await?,
        history: one(client, "SELECT coalesce(sum(delta), 0)::bigint FROM pgbench_history").await?,
        each_account: one(
            client,
            &format!(
                "SELECT sum(hashint8extended({account}::bigint, ({cents})::bigint)) FROM pgbench_accounts"
            ),
        )
        .await?,
    })
}

impl Books {
    /// Every transaction moves the same amount in all four tables.
    fn imbalance(&self) -> Option<String> {
        let all = [&self.accounts, &self.tellers, &self.branches, &self.history];
        (all.iter().any(|sum| **sum != self.history)).then(|| {
            format!(
                "sums differ: accounts {}, tellers {}, branches {}, history {}",
                self.accounts, self.tellers, self.branches, self.history
            )
        })
    }
}

/// The one value of a query.
async fn one(client: &Client, sql: &str) -> Result<String> {
    let messages = client.simple_query(sql).await?;
    let value = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    value.ok_or_else(|| format!("no value: {sql}").into())
}
