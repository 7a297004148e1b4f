//! PostgreSQL's own drivers of its suites, `pg_regress` and `pg_isolation_regress`, run twice: direct and through the proxy. What psql
//! and `isolationtester` print must be the same.
//!
//! Where the database is adopted, DDL that a live edition does not take stands in DO blocks, for both sides alike.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Stdio,
};

use edition_cli::server::PrivateServer;
use editiond::rewrite::{SessionTraits, TEXT_BYTES_MAX};
use tempfile::TempDir;

use crate::{
    bed::{Bed, Result, admin},
    editions::{PARENT, adopt, judge},
    lockstep::{Judge, Side, hidden},
    script::{Item, Script},
};

/// One of PostgreSQL's suites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Suite {
    /// Files of SQL that psql runs.
    Regression,
    /// Specifications that several sessions run, one step after the other.
    Isolation,
}

impl Suite {
    fn folder(self) -> &'static str {
        match self {
            Self::Regression => "src/test/regress",
            Self::Isolation => "src/test/isolation",
        }
    }

    /// The driver, from the folder of the server's extension building files.
    fn driver(self) -> &'static str {
        match self {
            Self::Regression => "../lib/pgxs/src/test/regress/pg_regress",
            Self::Isolation => "../lib/pgxs/src/test/isolation/pg_isolation_regress",
        }
    }

    /// The folder of what is run, and what its files end in.
    fn inputs(self) -> (&'static str, &'static str) {
        match self {
            Self::Regression => ("sql", "sql"),
            Self::Isolation => ("specs", "spec"),
        }
    }

    /// The tests, a line for those that run together.
    fn schedule(self, folder: &Path) -> Result<Vec<Vec<String>>> {
        let name = match self {
            Self::Regression => "parallel_schedule",
            Self::Isolation => "isolation_schedule",
        };
        let text = fs::read_to_string(folder.join(name))?;
        let lines = text.lines().filter_map(|line| line.strip_prefix("test: "));
        Ok(lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect())
    }
}

/// What became of one suite.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// For each test: the lines of the direct run's output, and the hunks of `diff`.
    tests: BTreeMap<String, (usize, String)>,
}

impl Comparison {
    /// Whether all is the same.
    pub(crate) fn is_clean(&self) -> bool {
        self.tests.values().all(|(_, hunks)| hunks.is_empty())
    }

    /// The figures, then the hunks.
    pub(crate) fn told(&self, title: &str) -> (String, String) {
        let same = self.tests.values().filter(|(_, hunks)| hunks.is_empty()).count();
        let lines: usize = self.tests.values().map(|(lines, _)| lines).sum();
        let changed = |hunks: &str| {
            hunks.lines().filter(|line| line.starts_with('-') && !line.starts_with("---")).count()
        };
        let differing: usize = self.tests.values().map(|(_, hunks)| changed(hunks)).sum();
        let mut figures = format!(
            "## {title}\n\n- files: {same} of {} identical\n- lines of output: {differing} of {lines} differ\n",
            self.tests.len()
        );
        let mut details = String::new();
        for (test, (_, hunks)) in self.tests.iter().filter(|(_, (_, hunks))| !hunks.is_empty()) {
            let count = hunks.lines().filter(|line| line.starts_with("@@")).count();
            figures.push_str(&format!("- {test}: {count} hunks\n"));
            details.push_str(&format!("== {title} | {test}\n{hunks}\n"));
        }
        (figures, details)
    }
}

/// Runs a suite on both sides; `only` names tests if not all are wanted.
pub(crate) async fn compare(bed: &Bed, suite: Suite, adopted: bool, only: &[String]) -> Result<Comparison> {
    let database = match suite {
        Suite::Regression => "regression",
        Suite::Isolation => "isolation_regression",
    };
    let source = bed.root().join(suite.folder());
    let mut schedule = suite.schedule(&source)?;
    let work = TempDir::new()?;
    fs::set_permissions(work.path(), fs::Permissions::from_mode(0o777))?;
    bed.drop(database).await?;
    for server in [&bed.direct, &bed.live] {
        make_database(server, database).await?;
    }
    let mut input = source.clone();
    let edition = adopted.then(|| PARENT.to_owned());
    let direct = bed.direct_side(database);
    let proxied = Side { edition, ..bed.proxied_side(database, PARENT)? };
    if suite == Suite::Regression {
        // what all others need; it changes the database's settings and grants, which are frozen later
        let (setup, live) = (schedule.remove(0), bed.live_side(database));
        for (side, server) in [(&direct, &bed.direct), (&live, &bed.live)] {
            drive(bed, suite, server, side, &input, &work.path().join("setup"), std::slice::from_ref(&setup))
                .await?;
        }
    }
    if !only.is_empty() {
        schedule = vec![only.to_vec()];
    }
    if adopted {
        let verbs = bed.verbs(database)?;
        adopt(&verbs).await?;
        input = work.path().join("input");
        hide_ddl(suite, &source, &input, &judge(&verbs, PARENT).await?, &bed.environment())?;
    }
    // The same folder for both, since its path turns up in what is printed.
    let output = work.path().join("output");
    for (side, server, name) in [(&direct, &bed.direct, "direct"), (&proxied, &bed.live, "proxied")] {
        drive(bed, suite, server, side, &input, &output, &schedule).await?;
        fs::rename(&output, work.path().join(name))?;
    }
    let mut comparison = Comparison::default();
    for test in schedule.into_iter().flatten() {
        let of = |side: &str| work.path().join(side).join("results").join(format!("{test}.out"));
        let lines = fs::read(of("direct")).map_or(0, |text| text.split(|byte| *byte == b'\n').count());
        let hunks = difference(&of("direct"), &of("proxied")).await?;
        comparison.tests.insert(test, (lines, hunks));
    }
    bed.drop(database).await?;
    Ok(comparison)
}

/// As `pg_regress` makes its own.
async fn make_database(server: &PrivateServer, database: &str) -> Result<()> {
    let admin = admin(server, "postgres").await?;
    admin.run(&format!("CREATE DATABASE {database} TEMPLATE template0")).await;
    for setting in ["lc_messages", "lc_monetary", "lc_numeric", "lc_time"]
        .map(|name| format!("{name} TO 'C'"))
        .into_iter()
        .chain(["bytea_output TO 'hex'".to_owned(), "timezone_abbreviations TO 'Default'".to_owned()])
    {
        admin.run(&format!("ALTER DATABASE {database} SET {setting}")).await;
    }
    Ok(())
}

/// Runs the suite's driver. That outputs are not what PostgreSQL's authors expect is no matter here.
async fn drive(
    bed: &Bed,
    suite: Suite,
    server: &PrivateServer,
    side: &Side,
    input: &Path,
    output: &Path,
    schedule: &[Vec<String>],
) -> Result<()> {
    fs::create_dir_all(output.join("results"))?;
    // test files make the server write into these folders
    for folder in [output.to_owned(), output.join("results")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777))?;
    }
    let list = output.join("schedule");
    let lines: Vec<String> = schedule.iter().map(|tests| format!("test: {}\n", tests.join(" "))).collect();
    fs::write(&list, lines.concat())?;
    let bin = server.installation().bin();
    let mut command = tokio::process::Command::new(bin.join(suite.driver()));
    command
        .args(["--use-existing", "--host=127.0.0.1", "--user=postgres"])
        .arg(format!("--port={}", side.port))
        .arg(format!("--dbname={}", side.database))
        .arg(format!("--bindir={}", bin.display()))
        .arg(format!("--inputdir={}", input.display()))
        .arg(format!("--outputdir={}", output.display()))
        .arg(format!("--dlpath={}", bed.root().display()))
        .arg(format!("--schedule={}", list.display()))
        .current_dir(output)
        .stdin(Stdio::null())
        .stdout(fs::File::create(output.join("log"))?)
        .stderr(fs::File::create(output.join("complaints"))?)
        .kill_on_drop(true);
    match &side.edition {
        Some(edition) => command.env("PGOPTIONS", format!("-c edition={edition}")),
        None => command.env_remove("PGOPTIONS"),
    };
    // 0: as expected; 1: some test was not; 2: could not be run
    match command.status().await?.code() {
        Some(0 | 1) => Ok(()),
        _ => Err(format!(
            "{suite:?}: {}{}",
            fs::read_to_string(output.join("log"))?,
            fs::read_to_string(output.join("complaints"))?
        )
        .into()),
    }
}

async fn difference(left: &Path, right: &Path) -> Result<String> {
    let output = tokio::process::Command::new("diff")
        .args(["-a", "-U3", "--label=direct", "--label=proxied"])
        .arg(left)
        .arg(right)
        .output()
        .await?;
    match output.status.code() {
        Some(0 | 1) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// A copy of the suite in which DDL that a live edition does not take stands in DO blocks.
fn hide_ddl(
    suite: Suite,
    source: &Path,
    target: &Path,
    judge: &Judge,
    environment: &HashMap<String, String>,
) -> Result<()> {
    let (folder, ending) = suite.inputs();
    fs::create_dir_all(target.join(folder))?;
    for shared in ["data", "expected", "resultmap"] {
        if source.join(shared).exists() {
            std::os::unix::fs::symlink(source.join(shared), target.join(shared))?;
        }
    }
    let mut files: Vec<PathBuf> = Vec::new();
    for file in fs::read_dir(source.join(folder))? {
        files.push(file?.path());
    }
    for file in files.iter().filter(|file| file.extension().is_some_and(|found| found == ending)) {
        let bytes = fs::read(file)?;
        let Some(name) = file.file_name() else { continue };
        // a file in another encoding holds no DDL worth hiding
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(other) => {
                fs::write(target.join(folder).join(name), other.into_bytes())?;
                continue;
            }
        };
        let hidden = match suite {
            Suite::Regression => hide_in_script(&text, judge, environment),
            Suite::Isolation => hide_in_specification(&text, judge),
        };
        fs::write(target.join(folder).join(name), hidden)?;
    }
    Ok(())
}

/// psql looks for variables outside of strings only, so a statement that has some is made too long for the proxy to look into.
fn hide_in_script(text: &str, judge: &Judge, environment: &HashMap<String, String>) -> String {
    let mut traits = SessionTraits::starting_with(["public"]);
    let mut script = Script::new(text.to_owned(), environment.clone());
    let (mut result, mut copied) = (String::new(), 0);
    while let Some(item) = script.next() {
        let Item::Statement { texts: [statement, _], .. } = item else { continue };
        let end = script.position();
        let begin = end.saturating_sub(statement.len());
        let is_as_written = text.get(begin..end) == Some(statement.as_str());
        let before_end = end.saturating_sub(1);
        if judge.freezes(&statement, &mut traits) {
            if is_as_written {
                result.push_str(text.get(copied..begin).unwrap_or_default());
                result.push_str(&hidden(&statement));
                result.push(';');
                copied = end;
            } else if text.get(before_end..end) == Some(";") {
                result.push_str(text.get(copied..before_end).unwrap_or_default());
                result.push_str(&format!(" /*{}*/", " ".repeat(TEXT_BYTES_MAX)));
                copied = before_end;
            }
        } else if is_copy_from_stdin(&statement)
            && let Some((_, behind)) = script.copy_lines()
        {
            script.skip_to(behind);
        }
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

fn is_copy_from_stdin(statement: &str) -> bool {
    let words = statement.to_ascii_lowercase();
    words.trim_start().starts_with("copy") && words.contains("from stdin")
}

/// In a specification SQL stands in braces.
fn hide_in_specification(text: &str, judge: &Judge) -> String {
    let (mut result, mut rest) = (String::new(), text);
    while let Some(open) = rest.find('{') {
        let Some(length) = rest.get(open..).and_then(|block| block.find('}')) else { break };
        let (before, block) =
            (rest.get(..=open).unwrap_or_default(), rest.get(open + 1..open + length).unwrap_or_default());
        result.push_str(before);
        let mut script = Script::new(block.to_owned(), HashMap::new());
        // steps run in whatever order, so what one of them made temporary may be another's table
        let mut traits = SessionTraits::starting_with(["public"]);
        while let Some(item) = script.next() {
            let Item::Statement { texts: [statement, _], .. } = item else { continue };
            if judge.freezes(&statement, &mut traits) {
                result.push_str(&hidden(&statement));
                result.push(';');
            } else {
                result.push_str(&statement);
            }
            result.push('\n');
        }
        result.push('}');
        rest = rest.get(open + length + 1..).unwrap_or_default();
    }
    result.push_str(rest);
    result
}
