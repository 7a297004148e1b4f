//! The configuration file (TOML). Every key is optional; an unknown one is an error that shows its line.

use std::{num::NonZeroUsize, path::Path, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    Config, ConfigError, Control, LogFormat, Replication, SessionAttributes, address,
    tls::{ClientTlsOptions, ServerTlsOptions},
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<Vec<String>>,
    server: Option<Vec<String>>,
    threads: Option<NonZeroUsize>,
    target_session_attrs: Option<SessionAttributes>,
    replication: Option<Replication>,
    #[serde(default, deserialize_with = "permissions")]
    socket_mode: Option<u32>,
    max_sessions: Option<usize>,
    max_logins: Option<usize>,
    #[serde(default, deserialize_with = "duration")]
    login_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    stall_timeout: Option<Duration>,
    #[serde(default, deserialize_with = "duration")]
    drain_timeout: Option<Duration>,
    #[serde(default)]
    tls: ClientTlsOptions,
    #[serde(default)]
    server_tls: ServerTlsOptions,
    #[serde(default)]
    control: ControlTable,
    #[serde(default)]
    log: LogTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlTable {
    url: Option<String>,
    user: Option<String>,
    password_file: Option<std::path::PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogTable {
    format: Option<LogFormat>,
    level: Option<String>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(|error| D::Error::custom(format!("{error}, such as \"30s\"")))
}

fn permissions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    address::permissions(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

/// Lays the file over `config`; gives what it says of TLS to clients, which flags complete.
pub(super) fn apply(config: &mut Config, path: &Path) -> Result<ClientTlsOptions, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.display().to_string(), source })?;
    apply_text(config, &text)
        .map_err(|message| ConfigError::File { path: path.display().to_string(), message })
}

fn apply_text(config: &mut Config, text: &str) -> Result<ClientTlsOptions, String> {
    let file: File = toml::from_str(text).map_err(|error| told(text, &error))?;
    let addresses = |texts: Vec<String>| texts.iter().map(|text| text.parse()).collect::<Result<Vec<_>, _>>();
    if let Some(listen) = file.listen {
        config.listen = addresses(listen).map_err(|error| format!("listen: {error}"))?;
    }
    if let Some(servers) = file.server {
        config.servers = addresses(servers).map_err(|error| format!("server: {error}"))?;
    }
    if let Some(url) = &file.control.url {
        config.control = Control::parse(url).map_err(|error| format!("control.url: {error}"))?;
    }
    if let Some(user) = &file.control.user {
        config.control.set_user(user);
    }
    if let Some(path) = &file.control.password_file {
        config.control.read_password(path).map_err(|error| format!("control.password_file: {error}"))?;
    }
    config.threads = file.threads.unwrap_or(config.threads);
    config.max_sessions = file.max_sessions.unwrap_or(config.max_sessions);
    config.max_logins = file.max_logins.unwrap_or(config.max_logins);
    config.target_session_attrs = file.target_session_attrs.unwrap_or(config.target_session_attrs);
    config.replication = file.replication.unwrap_or(config.replication);
    config.socket_mode = file.socket_mode.unwrap_or(config.socket_mode);
    config.stall_timeout = file.stall_timeout.unwrap_or(config.stall_timeout);
    config.login_timeout = file.login_timeout.unwrap_or(config.login_timeout);
    config.drain_timeout = file.drain_timeout.unwrap_or(config.drain_timeout);
    config.log_format = file.log.format.unwrap_or(config.log_format);
    if let Some(level) = file.log.level {
        config.log_level = level;
    }
    file.server_tls.apply(config);
    Ok(file.tls)
}

/// What is wrong, and in which line; never the line itself, which can hold a password.
fn told(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let line = before.map_or_else(String::new, |before| format!("line {}: ", before.split('\n').count()));
    line + error.message()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_settings() {
        let mut config = Config::default();
        let text = "listen = [\"127.0.0.1:6432\"]\nserver = [\"/run/postgresql\"]\ndrain_timeout = \"2m\"\n\
                    target_session_attrs = \"prefer-standby\"\nreplication = \"pass\"\nsocket_mode = \"0770\"\n\
                    [control]\nuser = \"ann\"\n[log]\nformat = \"json\"\n";
        apply_text(&mut config, text).unwrap();
        assert_eq!(config.listen, ["127.0.0.1:6432".parse().unwrap()]);
        assert_eq!(config.drain_timeout, Duration::from_secs(120));
        assert_eq!(config.target_session_attrs, SessionAttributes::PreferStandby);
        assert_eq!((config.replication, config.socket_mode), (Replication::Pass, 0o770));
        assert_eq!(config.log_format, LogFormat::Json);
        assert!(config.control.has_user());
    }

    #[test]
    fn an_unknown_key_and_a_bad_value_are_shown_with_their_line() {
        let fails = |text: &str| apply_text(&mut Config::default(), text).unwrap_err();
        let message = fails("threads = 1\nthread = 2\n");
        assert!(message.contains("line 2") && message.contains("unknown field `thread`"), "{message}");
        let message = fails("\n\ndrain_timeout = \"soon\"\n");
        assert!(message.contains("line 3"), "{message}");
        assert!(fails("socket_mode = \"rwx\"").contains("\"rwx\" is no octal mode such as 0770"));
        assert!(fails("server = [\"a b\"]").contains("server: \"a b\" is not an address"));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_not_repeated() {
        for line in
            ["ulr = \"postgres://ann:secret@db/app\"", "url = \"postgres://ann:secret@db/app", "url secret"]
        {
            let message =
                apply_text(&mut Config::default(), &format!("threads = 2\n[control]\n{line}\n")).unwrap_err();
            assert!(message.starts_with("line 3: ") && !message.contains("secret"), "{message}");
        }
    }
}
