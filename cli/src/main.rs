//! The `edition` command: one file a verb in [`command`], over `catalog`; this file only parses, runs and exits.

mod arguments;
mod command;
mod connection;
mod output;
mod pgpass;

use std::process::ExitCode;

use clap::Parser;

use crate::{
    arguments::{Arguments, Color},
    command::Context,
    output::Output,
};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return not_understood(&error),
    };
    let output = Output::new(arguments.global.json, arguments.global.color);
    start_log(arguments.global.verbose, output);
    match run(arguments, output) {
        Ok(code) => code,
        Err(error) => output.fail(&error),
    }
}

/// `--json` holds for a command line that cannot be read, too.
fn not_understood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !std::env::args_os().any(|argument| argument == "--json") {
        error.exit()
    }
    let text = error.render().to_string();
    // below a blank line, clap says how the verb is used
    let said = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect::<Vec<_>>().join(" ");
    let message = said.strip_prefix("error: ").unwrap_or(&said);
    let error = catalog::Error::new(catalog::ErrorKind::Usage, message);
    Output::new(true, Color::Never).fail(&error.with_hint("edition --help tells what can be typed"))
}

fn run(arguments: Arguments, output: Output) -> catalog::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| {
        catalog::Error::new(catalog::ErrorKind::Environment, format!("cannot start the runtime: {error}"))
    })?;
    let context = Context { global: arguments.global, output };
    let code = runtime.block_on(arguments.command.run(&context));
    // a connection that is still being torn down must not hold the command up
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    code
}

/// Our own log goes to stderr: warnings, and more with each `-v`; `EDITION_LOG` takes a filter for experts.
fn start_log(verbose: u8, output: Output) {
    let level = match verbose {
        0 => "warn",
        1 => "info,tokio_postgres=warn",
        2 => "debug,tokio_postgres=info",
        _ => "trace",
    };
    let filter = std::env::var("EDITION_LOG").unwrap_or_else(|_| level.to_owned());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    if output.is_json() {
        log.json().flatten_event(true).init();
    } else {
        log.with_ansi(output::has_colors_on_stderr()).init();
    }
}
