//! The events of an operation as they come: bars on a terminal, plain lines in a log, JSON lines for a program.

use std::{
    collections::HashMap,
    io::Write,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use catalog::event::{Event, Events};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use owo_colors::OwoColorize;

/// Between two lines about the same backfill.
const LINE_EVERY: Duration = Duration::from_secs(1);
/// A lock try that held others up for less than this is not worth a line.
const HELD_WORTH_A_LINE: Duration = Duration::from_millis(50);

/// A sink for events; see the module's doc.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<Form>);

#[derive(Debug)]
enum Form {
    Bars { screen: MultiProgress, now: ProgressBar, tables: HashMap<String, ProgressBar> },
    Lines { step: String, last: HashMap<String, Instant> },
    Json,
}

impl Progress {
    /// For a terminal.
    pub(super) fn bars() -> Self {
        let screen = MultiProgress::new();
        let now = screen.add(ProgressBar::new_spinner());
        now.enable_steady_tick(Duration::from_millis(120));
        Self(Mutex::new(Form::Bars { screen, now, tables: HashMap::new() }))
    }

    /// For a file or pipe that people read.
    pub(super) fn lines() -> Self {
        Self(Mutex::new(Form::Lines { step: String::new(), last: HashMap::new() }))
    }

    /// For a program.
    pub(super) fn json() -> Self {
        Self(Mutex::new(Form::Json))
    }

    /// Takes what moves off the screen; what was said stays.
    pub(crate) fn finish(&self) {
        if let Form::Bars { now, tables, .. } = &*self.form() {
            now.finish_and_clear();
            tables.values().for_each(ProgressBar::finish_and_clear);
        }
    }

    /// Shows a line above the bars.
    pub(crate) fn say(&self, text: &str) {
        match &*self.form() {
            Form::Bars { screen, .. } => {
                let _ = screen.println(text);
            }
            Form::Lines { .. } => to_stderr(text),
            Form::Json => {}
        }
    }

    fn form(&self) -> std::sync::MutexGuard<'_, Form> {
        // a panic while drawing must not stop the work that is drawn
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events for Progress {
    fn emit(&self, event: Event) {
        match &mut *self.form() {
            Form::Bars { screen, now, tables } => draw(screen, now, tables, &event),
            Form::Lines { step, last } => write_line(step, last, &event),
            Form::Json => {
                if let Ok(line) = serde_json::to_string(&event) {
                    to_stderr(&line);
                }
            }
        }
    }
}

fn draw(screen: &MultiProgress, now: &ProgressBar, tables: &mut HashMap<String, ProgressBar>, event: &Event) {
    match event {
        Event::StepStarted { step, of, title } => now.set_message(format!("[{step}/{of}] {title}")),
        Event::StepDone { elapsed, .. } => {
            for (_, bar) in tables.drain() {
                bar.finish_and_clear();
            }
            let done = now.message();
            let _ = screen.println(format!(
                "{} {done} {}",
                "✓".green(),
                format!("({})", brief(*elapsed)).dimmed()
            ));
        }
        Event::BackfillProgress { table, blocks_done, blocks_total, .. } => {
            let bar = tables.entry(table.clone()).or_insert_with(|| screen.add(table_bar()));
            bar.set_length(*blocks_total);
            bar.set_position(*blocks_done);
            bar.set_message(backfill_text(event));
        }
        Event::Waiting { what } => now.set_message(format!("waiting for {what}")),
        other => {
            if let Some(text) = remark(other) {
                let _ = screen.println(text);
            }
        }
    }
}

fn table_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  {bar:24.cyan} {percent:>3} % {msg}") {
        bar.set_style(style);
    }
    bar
}

fn write_line(step: &mut String, last: &mut HashMap<String, Instant>, event: &Event) {
    match event {
        Event::StepStarted { step: number, of, title } => {
            *step = format!("[{number}/{of}] {title}");
            to_stderr(step);
        }
        Event::StepDone { elapsed, .. } if *elapsed >= LINE_EVERY => {
            to_stderr(&format!("{step}: done in {}", brief(*elapsed)));
        }
        Event::StepDone { .. } => {}
        Event::BackfillProgress { table, blocks_done, blocks_total, .. } => {
            let whole = blocks_done >= blocks_total;
            if whole || last.get(table).is_none_or(|said| said.elapsed() >= LINE_EVERY) {
                last.insert(table.clone(), Instant::now());
                to_stderr(&backfill_text(event));
            }
        }
        Event::Waiting { what } => to_stderr(&format!("waiting for {what}")),
        other => {
            if let Some(text) = remark(other) {
                to_stderr(&text);
            }
        }
    }
}

/// `public.users: 120,000 of 1,000,000 rows, 85,000 rows/s, 10 s left`
fn backfill_text(event: &Event) -> String {
    let Event::BackfillProgress { table, rows_done, rows_total, rows_per_second, eta, throttled, .. } = event
    else {
        return String::new();
    };
    // an estimate may be passed; "110 of 100 rows" would only confuse
    let total = (*rows_total).max(*rows_done);
    let mut text = format!("{table}: {} of {} rows", thousands(*rows_done), thousands(total));
    if *rows_per_second >= 1.0 {
        text.push_str(&format!(", {} rows/s", whole(*rows_per_second)));
    }
    if let Some(eta) = eta {
        text.push_str(&format!(", {} left", brief(*eta)));
    }
    if let Some(reason) = throttled {
        text.push_str(&format!(" (waiting: {reason})"));
    }
    text
}

/// The events that are a remark on their own.
fn remark(event: &Event) -> Option<String> {
    match event {
        Event::LockRetry { relation, attempt, blocker } => {
            let by = blocker.as_deref().map(|who| format!(", held by {who}")).unwrap_or_default();
            Some(format!("  lock on {relation} not free{by}; gave way, try {}", attempt + 1))
        }
        Event::LockHeld { relation, held } if *held >= HELD_WORTH_A_LINE => {
            Some(format!("  lock on {relation} held others up for {}", brief(*held)))
        }
        Event::Note { text } => Some(text.clone()),
        _ => None,
    }
}

fn to_stderr(text: &str) {
    // stderr is the last resort: when it is gone, there is nobody to tell
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A duration in two significant units at most: `12 ms`, `3.4 s`, `5 min 10 s`, `2 h 5 min`.
pub(crate) fn brief(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 if duration < Duration::from_millis(10) => format!("{:.1} ms", duration.as_secs_f64() * 1000.0),
        0 => format!("{} ms", duration.as_millis()),
        1..=9 => format!("{:.1} s", duration.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    group(&digits)
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    group(&number.to_string())
}

fn group(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_durations_are_short() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(brief(Duration::from_micros(340)), "0.3 ms");
        assert_eq!(brief(Duration::from_millis(12)), "12 ms");
        assert_eq!(brief(Duration::from_millis(3400)), "3.4 s");
        assert_eq!(brief(Duration::from_secs(310)), "5 min 10 s");
        assert_eq!(brief(Duration::from_secs(7500)), "2 h 5 min");
    }

    #[test]
    fn a_backfill_line_never_shows_more_rows_than_there_are() {
        let event = Event::BackfillProgress {
            table: "public.users".to_owned(),
            blocks_done: 1,
            blocks_total: 2,
            rows_changed: 10,
            rows_done: 1100,
            rows_total: 1000,
            rows_per_second: 85_000.4,
            eta: Some(Duration::from_secs(10)),
            throttled: Some("replica lag 12 s".to_owned()),
        };
        let expected =
            "public.users: 1,100 of 1,100 rows, 85,000 rows/s, 10 s left (waiting: replica lag 12 s)";
        assert_eq!(backfill_text(&event), expected);
    }
}
