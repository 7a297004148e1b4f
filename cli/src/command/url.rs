//! `edition url`.

use catalog::{
    Error, Result,
    model::{EditionName, EditionState},
    operation,
};
use clap::Args;
use serde::Serialize;

use super::Context;
use crate::connection::{host_text, port};

/// Print connection strings of an edition, to paste
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  edition url v2
  psql \"$(edition url v2 --json | jq -r .libpq)\"
  edition url v2 --proxy db-proxy.example:6432")]
pub(crate) struct Url {
    /// The edition: live, or a draft
    name: EditionName,

    /// Where the proxy listens (default: a proxy that serves the database now)
    #[arg(long, value_name = "HOST:PORT", value_parser = Address::parse)]
    proxy: Option<Address>,
}

impl Url {
    pub(crate) async fn run(self, context: &Context) -> Result<()> {
        let target = context.target()?;
        let status = operation::status(&target).await?;
        let known = |state| matches!(state, EditionState::Live | EditionState::Draft);
        if !status.editions.iter().any(|edition| edition.name == self.name && known(edition.state)) {
            return Err(Error::refused(format!("there is no live edition or draft \"{}\"", self.name))
                .with_hint("edition list shows the editions there are"));
        }
        let mut serving = status.proxies.iter().filter(|proxy| proxy.has_lease);
        let Some(address) = self.proxy.or_else(|| serving.find_map(|proxy| first_address(&proxy.address)))
        else {
            if status.proxies.iter().any(|proxy| proxy.has_lease) {
                return Err(Error::refused("the proxies of this database listen on Unix sockets only")
                    .with_hint(
                        "the socket's folder is the host of a connection string; or say --proxy HOST:PORT",
                    ));
            }
            let (host, port) = (host_text(target.config()), port(target.config()));
            return Err(Error::refused("no proxy serves this database at the moment").with_hint(format!(
                "start one (editiond --listen 127.0.0.1:6432 --server {host}:{port}), or name it with --proxy HOST:PORT"
            )));
        };
        let user = target.config().get_user().unwrap_or_default();
        let place = Place { address, user, database: target.database() };
        context.output.show(&Urls::new(&place, &self.name), Urls::text)
    }
}

/// A proxy may listen on several addresses, and says them all; those of Unix sockets are of its machine only.
fn first_address(addresses: &str) -> Option<Address> {
    addresses.split(", ").find_map(|address| Address::parse(address).ok())
}

/// Where a proxy listens.
#[derive(Clone, Debug)]
struct Address {
    host: String,
    port: String,
    /// Whether it listens on all addresses of its machine.
    is_everywhere: bool,
}

/// Where clients connect.
struct Place<'a> {
    address: Address,
    user: &'a str,
    database: &'a str,
}

impl Address {
    fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .filter(|(_, port)| port.parse::<u16>().is_ok())
            .ok_or_else(|| format!("\"{text}\" is not HOST:PORT"))?;
        // a proxy that listens everywhere is reached anywhere; the nearest is here
        let is_everywhere = matches!(host, "0.0.0.0" | "[::]" | "");
        let host = if is_everywhere { "localhost" } else { host };
        Ok(Self { host: host.to_owned(), port: port.to_owned(), is_everywhere })
    }
}

/// The same connection in the words of different clients. None holds a password.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Urls {
    libpq: String,
    database_suffix: String,
    jdbc: String,
    environment: Vec<(&'static str, String)>,
    /// What must be changed before they are pasted on another machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

impl Urls {
    fn new(place: &Place<'_>, edition: &EditionName) -> Self {
        let Place { address: Address { host, port, is_everywhere }, user, database } = place;
        // the backslash is what separates words of `options` (PostgreSQL docs, 34.1.2); names hold no white space
        let options = format!("-c edition={}", edition.as_str().replace('\\', "\\\\"));
        let (user_, database_, options_) = (percent(user), percent(database), percent(&options));
        let suffixed = percent(&format!("{database}@{edition}"));
        Self {
            libpq: format!("postgres://{user_}@{host}:{port}/{database_}?options={options_}"),
            database_suffix: format!("postgres://{user_}@{host}:{port}/{suffixed}"),
            jdbc: format!("jdbc:postgresql://{host}:{port}/{database_}?user={user_}&options={options_}"),
            environment: vec![
                ("PGHOST", host.trim_matches(['[', ']']).to_owned()),
                ("PGPORT", port.clone()),
                ("PGUSER", (*user).to_owned()),
                ("PGDATABASE", (*database).to_owned()),
                ("PGOPTIONS", options),
            ],
            note: is_everywhere.then_some(
                "the proxy listens on all addresses: elsewhere put its machine's name for localhost, or say --proxy HOST:PORT",
            ),
        }
    }

    fn text(&self) -> String {
        let variables: Vec<_> =
            self.environment.iter().map(|(name, value)| format!("{name}={}", shell_word(value))).collect();
        let note = self.note.map(|note| format!("\n{note}")).unwrap_or_default();
        format!(
            "libpq        {}\nany driver   {}\nJDBC         {}\nenvironment  {}{note}",
            self.libpq,
            self.database_suffix,
            self.jdbc,
            variables.join(" ")
        )
    }
}

/// Percent-encodes all but RFC 3986's unreserved characters.
pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
        encoded
    })
}

/// A word that a shell takes as it is.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':');
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(address: &str, user: &str, database: &str, edition: &str) -> Urls {
        let place = Place { address: Address::parse(address).unwrap(), user, database };
        Urls::new(&place, &EditionName::new(edition).unwrap())
    }

    #[test]
    fn strings_to_paste_survive_odd_names() {
        let pasted = urls("127.0.0.1:6432", "an n", "Äpp", "v\\'2");
        insta::assert_snapshot!(pasted.text(), @r"
        libpq        postgres://an%20n@127.0.0.1:6432/%C3%84pp?options=-c%20edition%3Dv%5C%5C%272
        any driver   postgres://an%20n@127.0.0.1:6432/%C3%84pp%40v%5C%272
        JDBC         jdbc:postgresql://127.0.0.1:6432/%C3%84pp?user=an%20n&options=-c%20edition%3Dv%5C%5C%272
        environment  PGHOST=127.0.0.1 PGPORT=6432 PGUSER='an n' PGDATABASE='Äpp' PGOPTIONS='-c edition=v\\'\''2'
        ");
    }

    #[test]
    fn libpq_and_the_postgres_crate_agree_on_the_uri() {
        let pasted = urls("[::1]:6432", "ann", "my app", "v2");
        let config: tokio_postgres::Config = pasted.libpq.parse().unwrap();
        assert_eq!((config.get_dbname(), config.get_options()), (Some("my app"), Some("-c edition=v2")));
        let config: tokio_postgres::Config = pasted.database_suffix.parse().unwrap();
        assert_eq!((config.get_dbname(), config.get_user()), (Some("my app@v2"), Some("ann")));
    }
}
