//! What can be typed: global options and the list of verbs.

use std::path::PathBuf;

use catalog::Result;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::command::{self, Context};

/// Old and new versions of an application at the same time, each with its own edition of the schema, over one set of data.
///
/// An edition is drafted with plain DDL (`create`), shown before it is done (`plan`), opened while everything runs (`publish`), and
/// taken back (`rollback`) or made the only one (`retire`) when you like. Every command may be run again: it does what is left to do.
#[derive(Debug, Parser)]
#[command(name = "edition", version, max_term_width = 110, after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Examples:
  edition init                                       adopt the database of PGHOST, PGDATABASE …
  edition create v2 --from up.sql                    draft a new version of the schema
  edition plan v2                                    see what publishing it would do
  edition publish v2                                 open it, next to v1
  edition retire v1                                  end v1 when nobody uses it any more";

const AFTER_LONG_HELP: &str = "\
Examples:
  edition init                                       adopt the database of PGHOST, PGDATABASE …
  edition create v2 --from up.sql                    draft a new version of the schema
  edition plan v2                                    see what publishing it would do
  edition publish v2                                 open it, next to v1
  edition retire v1                                  end v1 when nobody uses it any more

Exit codes:
  0   done, or nothing left to do
  1   refused: the request does not fit the present state; nothing was changed
  2   the command line, or a file that it names, could not be understood
  3   the database said no, or the connection was lost
  4   a program, file or server that is needed is not there
  5   busy: another runner or sessions are in the way; try again later
  6   paused; the same command resumes
  7   plan: a finding needs a word (--allow, --allow-file) before publish goes on
  8   doctor: something goes around editions
  130 publish: ended by a second Ctrl-C; the same command resumes
  70  a bug in edition";

/// Options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The database, as a libpq URI or key=value string; what it leaves out comes from PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSWORD, PGSSL* and ~/.pgpass. The server's own, not the proxy's
    /// [env: EDITION_DATABASE_URL, DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,

    /// The server that holds the blueprints, if it is another one
    #[arg(long, global = true, value_name = "URL", env = "EDITION_BLUEPRINT_URL", hide_env_values = true)]
    pub(crate) blueprint_url: Option<String>,

    /// The folder with PostgreSQL's programs (default: the newest found) [env: EDITION_PGBIN]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) pg_bin: Option<PathBuf>,

    /// One JSON document on stdout; progress and errors as JSON lines on stderr
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Colours: on a terminal only, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(crate) color: Color,

    /// Say more about what is going on (-vv: much more)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// The verbs, in the order in which a newcomer meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Dev(command::dev::Dev),
    Init(command::init::Init),
    Create(command::create::Create),
    Transform(command::transform::Transform),
    Diff(command::diff::Diff),
    Plan(command::plan::Plan),
    Explain(command::explain::Explain),
    Publish(command::publish::Publish),
    Default(command::default::Default),
    Url(command::url::Url),
    List(command::list::List),
    Status(command::status::Status),
    Sessions(command::sessions::Sessions),
    Log(command::log::Log),
    Doctor(command::doctor::Doctor),
    Sync(command::sync::Sync),
    Rollback(command::rollback::Rollback),
    Retire(command::retire::Retire),
    Drop(command::drop::Drop),
    Deinit(command::deinit::Deinit),
    Completions(command::completions::Completions),
}

impl Command {
    /// Runs the verb and says how the process should end.
    pub(crate) async fn run(self, context: &Context) -> Result<std::process::ExitCode> {
        match self {
            Self::Dev(verb) => verb.run(context).await?,
            Self::Init(verb) => verb.run(context).await?,
            Self::Create(verb) => verb.run(context).await?,
            Self::Transform(verb) => verb.run(context).await?,
            Self::Diff(verb) => verb.run(context).await?,
            Self::Plan(verb) => return verb.run(context).await,
            Self::Explain(verb) => verb.run(context)?,
            Self::Publish(verb) => verb.run(context).await?,
            Self::Default(verb) => verb.run(context).await?,
            Self::Url(verb) => verb.run(context).await?,
            Self::List(verb) => verb.run(context).await?,
            Self::Status(verb) => verb.run(context).await?,
            Self::Sessions(verb) => verb.run(context).await?,
            Self::Log(verb) => verb.run(context).await?,
            Self::Doctor(verb) => return verb.run(context).await,
            Self::Sync(verb) => return verb.run(context).await,
            Self::Rollback(verb) => verb.run(context).await?,
            Self::Retire(verb) => verb.run(context).await?,
            Self::Drop(verb) => verb.run(context).await?,
            Self::Deinit(verb) => verb.run(context).await?,
            Self::Completions(verb) => verb.run()?,
        }
        Ok(std::process::ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_has_an_example() {
        for verb in Arguments::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(&format!("edition {}", verb.get_name())), "{} lacks one", verb.get_name());
        }
    }
}
