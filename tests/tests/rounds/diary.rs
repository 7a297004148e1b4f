//! What the operations told, with the time, so that a stall can be laid at the step that ran.

use std::{
    sync::Mutex,
    time::{Duration, SystemTime},
};

use catalog::event::{Event, Events};

/// All events of one verb.
#[derive(Debug)]
pub(crate) struct Diary {
    entries: Mutex<Vec<(SystemTime, Event)>>,
}

impl Diary {
    pub(crate) fn new() -> Self {
        Self { entries: Mutex::new(Vec::new()) }
    }

    fn entries(&self) -> Vec<(SystemTime, Event)> {
        self.entries.lock().unwrap().clone()
    }

    /// The longest that one lock try held others up, and in which step.
    pub(crate) fn longest_lock(&self) -> (Duration, String) {
        let mut step = String::new();
        let mut longest = (Duration::ZERO, String::new());
        for (_, event) in self.entries() {
            match event {
                Event::StepStarted { title, .. } => step = title,
                Event::LockHeld { held, .. } if held > longest.0 => longest = (held, step.clone()),
                _ => {}
            }
        }
        longest
    }

    /// How many lock tries gave way.
    pub(crate) fn retries(&self) -> usize {
        self.entries().iter().filter(|(_, event)| matches!(event, Event::LockRetry { .. })).count()
    }

    /// The steps that ran in this span of time.
    pub(crate) fn steps_between(&self, start: SystemTime, end: SystemTime) -> Vec<String> {
        let mut steps = Vec::new();
        let mut open: Option<(SystemTime, String)> = None;
        for (time, event) in self.entries() {
            match event {
                Event::StepStarted { title, .. } => open = Some((time, title)),
                Event::StepDone { .. } => {
                    steps.extend(
                        open.take()
                            .filter(|(begun, _)| *begun <= end && time >= start)
                            .map(|(_, title)| title),
                    );
                }
                _ => {}
            }
        }
        steps.extend(open.filter(|(begun, _)| *begun <= end).map(|(_, title)| title));
        steps
    }
}

impl Events for Diary {
    fn emit(&self, event: Event) {
        self.entries.lock().unwrap().push((SystemTime::now(), event));
    }
}
