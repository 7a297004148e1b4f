//! An operation that is held at each of its moments, so that a test can look around.

use std::sync::{Mutex, mpsc};

use catalog::event::{Event, Events};
use tokio::task::JoinHandle;

use crate::Verbs;

/// Holds an operation whenever it tells that a step begins or has ended, or is being undone.
#[derive(Debug)]
pub struct Holding {
    moment: mpsc::Sender<String>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Events for Holding {
    fn emit(&self, event: Event) {
        let moment = match event {
            Event::StepStarted { title, .. } => format!("before \"{title}\""),
            Event::StepDone { step, .. } => format!("after step {step}"),
            Event::Note { text } => text,
            _ => return,
        };
        // Nobody listens any more if the test has failed.
        let _ = self.moment.send(moment);
        let _ = tokio::task::block_in_place(|| self.go_on.lock().unwrap().recv());
    }
}

/// Runs the operation, and `look` at each of its moments, whose names it is given; gives these. Needs a runtime of several threads.
pub async fn at_every_moment<F>(
    verbs: &Verbs,
    operation: impl FnOnce(Verbs, Holding) -> F,
    mut look: impl AsyncFnMut(&str),
) -> Vec<String>
where
    F: Future<Output = ()> + Send + 'static,
{
    let ((moment, moments), (go_on, held)) = (mpsc::channel(), mpsc::channel());
    let holding = Holding { moment, go_on: Mutex::new(held) };
    let running: JoinHandle<()> = tokio::spawn(operation(verbs.clone(), holding));
    let mut met = Vec::new();
    while let Ok(moment) = tokio::task::block_in_place(|| moments.recv()) {
        look(&moment).await;
        met.push(moment);
        go_on.send(()).unwrap();
    }
    running.await.unwrap();
    met
}
