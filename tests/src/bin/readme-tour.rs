//! Runs the tour in README.md, so that it cannot rot: every `sh` block below a `<!-- tour -->` comment, in order, in one shell;
//! a block below `<!-- tour: background -->` is started beside it and stopped by Ctrl-C at the end. The `text` block that
//! follows a command shows what it prints: each of its lines must turn up, in that order; `…` stands for anything, and
//! white space only separates words.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

type Result<T> = std::result::Result<T, String>;

/// For a background command to show what it should, and for all of the tour.
const PATIENCE: Duration = Duration::from_secs(120);

/// One command of the tour and what it should print.
#[derive(Debug, Default, PartialEq, Eq)]
struct Block {
    line: usize,
    background: bool,
    script: String,
    expected: Vec<String>,
}

fn main() -> ExitCode {
    let outcome = std::fs::read_to_string("README.md")
        .map_err(|error| format!("cannot read README.md here: {error}"))
        .and_then(|text| tour(&blocks(&text)?));
    match outcome {
        Ok(blocks) => {
            say(&format!("the README's tour holds: {blocks} blocks"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&format!("README tour: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn say(text: &str) {
    // when nobody reads, the exit code still tells
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Finds the blocks.
fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = text.lines().enumerate();
    let mut marked = None;
    while let Some((index, line)) = lines.next() {
        let mut body = || -> Vec<String> {
            lines.by_ref().map(|(_, line)| line.to_owned()).take_while(|line| line != "```").collect()
        };
        match (line, marked) {
            ("<!-- tour -->", _) => marked = Some(false),
            ("<!-- tour: background -->", _) => marked = Some(true),
            ("```sh", Some(background)) => {
                blocks.push(Block {
                    line: index + 2,
                    background,
                    script: body().join("\n"),
                    expected: Vec::new(),
                });
                marked = None;
            }
            ("```text", None) => {
                if let Some(block) = blocks.last_mut() {
                    block.expected = body().into_iter().filter(|line| !line.trim().is_empty()).collect();
                }
            }
            (other, _) if other.starts_with("```") => drop(body()),
            _ => {}
        }
    }
    if blocks.is_empty() { Err("no block is marked <!-- tour -->".to_owned()) } else { Ok(blocks) }
}

/// Runs them all; returns how many.
fn tour(blocks: &[Block]) -> Result<usize> {
    let mut beside = Vec::new();
    for block in blocks.iter().filter(|block| block.background) {
        beside.push(Background::start(block)?);
    }
    let foreground: Vec<_> = blocks.iter().filter(|block| !block.background).collect();
    run_in_one_shell(&foreground)?;
    for background in beside {
        background.stop()?;
    }
    Ok(blocks.len())
}

/// A shell that finds our own programs first.
fn shell(script: &str) -> Result<Command> {
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let ours = here.parent().unwrap_or(Path::new(".")).to_owned();
    let path = std::env::join_paths([ours].into_iter().chain(std::env::split_paths(&folders)));
    let mut command = Command::new("bash");
    command.args(["-c", script]).env("PATH", path.map_err(|error| error.to_string())?).stdin(Stdio::null());
    for variable in
        ["DATABASE_URL", "EDITION_DATABASE_URL", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS"]
    {
        command.env_remove(variable);
    }
    command.env("PAGER", "cat").env("PSQLRC", "/dev/null");
    Ok(command)
}

fn run_in_one_shell(blocks: &[&Block]) -> Result<()> {
    let mut script = "exec 2>&1; set -euo pipefail\n".to_owned();
    for block in blocks {
        let _ = writeln!(script, "echo '@@ {}'\n{}", block.line, block.script);
    }
    let (ended, text) = Collected::start(shell(&script)?)?.wait()?;
    // each section: the mark's line number, then what the block printed
    let mut sections = text.split("@@ ").skip(1).peekable();
    for block in blocks {
        let Some((_, printed)) = sections.next().and_then(|section| section.split_once('\n')) else { break };
        say(&format!("$ {}\n{}", block.script, printed.trim_end()));
        let failed = !ended && sections.peek().is_none();
        match missing(&block.expected, printed) {
            _ if failed => return Err(format!("README.md:{}: the command failed", block.line)),
            Some(line) => return Err(format!("README.md:{}: the output lacks the line: {line}", block.line)),
            None => {}
        }
    }
    if ended { Ok(()) } else { Err("the shell failed".to_owned()) }
}

/// The first expected line that does not follow in the output.
fn missing<'a>(expected: &'a [String], printed: &str) -> Option<&'a str> {
    let mut lines = printed.lines();
    expected.iter().map(String::as_str).find(|wanted| !lines.any(|line| matches(wanted, line)))
}

/// Whether a line is the wanted one, `…` and white space aside.
fn matches(wanted: &str, line: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (wanted, line) = (words(wanted), words(line));
    let mut rest = line.as_str();
    let parts: Vec<_> = wanted.split('…').collect();
    for (index, part) in parts.iter().enumerate() {
        let (first, last) = (index == 0, index + 1 == parts.len());
        let found = match (first, last) {
            (true, true) => return rest == *part,
            (true, false) => rest.strip_prefix(part),
            (false, true) => rest.ends_with(part).then_some(""),
            (false, false) => rest.find(part).and_then(|at| rest.get(at + part.len()..)),
        };
        match found {
            Some(left) => rest = left,
            None => return false,
        }
    }
    true
}

/// A process whose output is gathered as it comes.
struct Collected {
    child: Child,
    text: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Collected {
    fn start(mut command: Command) -> Result<Self> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().map_err(|error| format!("cannot run bash: {error}"))?;
        let stdout = child.stdout.take().ok_or("a process without output")?;
        let text = Arc::new(Mutex::new(String::new()));
        let gathered = Arc::clone(&text);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                let mut text = gathered.lock().unwrap_or_else(PoisonError::into_inner);
                text.push_str(&line);
                text.push('\n');
            }
        });
        Ok(Self { child, text, reader: Some(reader) })
    }

    fn so_far(&self) -> String {
        self.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for its end; returns whether it succeeded, and all that it printed.
    fn wait(&mut self) -> Result<(bool, String)> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().map_err(|error| error.to_string())? {
                if let Some(reader) = self.reader.take() {
                    reader.join().map_err(|_| "reading the output failed")?;
                }
                let text = self.so_far();
                return Ok((status.success(), text));
            }
            if started.elapsed() > PATIENCE {
                return Err(format!("not done after {} s:\n{}", PATIENCE.as_secs(), self.so_far()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Collected {
    fn drop(&mut self) {
        // after a failure it may still run; a server of ours ends with its owner
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that runs beside the others.
struct Background(Collected);

impl Background {
    /// Starts it and waits until it has printed what it should.
    fn start(block: &Block) -> Result<Self> {
        let mut running = Collected::start(shell(&format!("exec 2>&1; exec {}", block.script))?)?;
        let started = Instant::now();
        while let Some(line) = missing(&block.expected, &running.so_far()) {
            let ended = running.child.try_wait().map_err(|error| error.to_string())?.is_some();
            if ended || started.elapsed() > PATIENCE {
                let text = running.so_far();
                return Err(format!("README.md:{}: the output lacks the line: {line}\n{text}", block.line));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        say(&format!("$ {} &\n{}", block.script, running.so_far().trim_end()));
        Ok(Self(running))
    }

    /// Ctrl-C.
    fn stop(mut self) -> Result<()> {
        if let Some(pid) = i32::try_from(self.0.child.id()).ok().and_then(Pid::from_raw) {
            kill_process(pid, Signal::INT).map_err(|error| error.to_string())?;
        }
        let (succeeded, text) = self.0.wait()?;
        if succeeded { Ok(()) } else { Err(format!("the background command failed at its end:\n{text}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_are_found_with_what_they_print() {
        let text = "<!-- tour: background -->\n```sh\nserve\n```\n```text\nready\n```\n\
                    ```sh\nnot marked\n```\n<!-- tour -->\n```sh\na\nb\n```\nprose\n```text\n\none\ntwo\n```\n";
        let found = blocks(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].background, found[0].expected.as_slice()),
            (true, ["ready".to_owned()].as_slice())
        );
        assert_eq!((found[1].script.as_str(), found[1].expected.len()), ("a\nb", 2));
        assert!(blocks("nothing").is_err());
    }

    #[test]
    fn lines_match_with_gaps_and_any_white_space() {
        assert!(matches("v1  live …", "v1       live   yes  2026"));
        assert!(matches("… rows, …", "about 3 rows, 1 s"));
        assert!(matches("exact", " exact "));
        assert!(!matches("exact", "exactly"));
        assert!(!matches("a … b", "a x"));
        let expected = ["one".to_owned(), "two".to_owned()];
        assert_eq!(missing(&expected, "one\nand\ntwo\n"), None);
        assert_eq!(missing(&expected, "two\none\n"), Some("two"));
    }
}
