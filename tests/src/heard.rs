//! Keeps what an operation tells.

use std::{sync::Mutex, time::Duration};

use catalog::event::{Event, Events};

/// All events so far.
#[derive(Debug, Default)]
pub struct Heard(Mutex<Vec<Event>>);

impl Heard {
    /// A copy of them.
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// The longest that a lock try held up others.
    pub fn longest_lock(&self) -> Duration {
        let held = |event: &Event| match event {
            Event::LockHeld { held, .. } => Some(*held),
            _ => None,
        };
        self.events().iter().filter_map(held).max().unwrap_or_default()
    }
}

impl Events for Heard {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}
