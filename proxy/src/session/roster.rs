//! The sessions of one worker thread, as the rest of the thread sees them.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeSet, HashMap},
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use catalog::model::{EditionId, EditionState};
use tokio::time::{Instant, sleep};

use crate::{
    catalogue::{Database, Drain, Reading},
    wire::message::Report,
};

/// How often it is looked whether sessions have settled.
const SETTLING_LOOKED_AT: Duration = Duration::from_millis(2);

/// What is told to the catalogue of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionRow {
    pub(crate) backend_pid: i32,
    pub(crate) edition: EditionId,
    pub(crate) user: String,
    pub(crate) application: String,
    pub(crate) client: String,
    /// Seconds since 1970.
    pub(crate) connected_at: f64,
}

/// Where a session of an adopted database is.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) database: Arc<Database>,
    pub(crate) edition: EditionId,
    /// Whether it is in the edition's blueprint.
    pub(crate) is_draft: bool,
}

/// What others want of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// To end when idle outside a transaction, with this report.
    EndAtIdle(Report),
    /// To end at once, with this report.
    EndNow(Report),
}

/// A client that the server waits for in the middle of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does not take what is sent to it; so much it has taken.
    Taking(u64),
    /// It does not send the rest of a message; so much it has sent.
    Sending(u64),
}

/// One session as others see it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) place: RefCell<Option<Place>>,
    row: RefCell<Option<SessionRow>>,
    order: RefCell<Option<Order>>,
    ordered: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// Where the client stands still, as the session last saw it.
    standing: Cell<Option<Standing>>,
    /// The same as it was last looked at, and since when it is so.
    still_since: Cell<Option<(Standing, Instant)>>,
    /// Answers that are due for what was sent to the server, and answers that have come, since the login.
    progress: Cell<(u64, u64)>,
}

impl Seat {
    /// Takes note of what was sent to the server and what it has answered, and of a client that stands still.
    #[inline]
    pub(crate) fn progressed(&self, progress: (u64, u64), standing: Option<Standing>) {
        self.progress.set(progress);
        self.standing.set(standing);
    }

    /// Whether the client has stood still for that long, by looking now and then.
    fn is_stalled(&self, patience: Duration) -> Option<Standing> {
        let standing = self.standing.get()?;
        match self.still_since.get() {
            Some((seen, since)) if seen == standing => (since.elapsed() >= patience).then_some(standing),
            _ => {
                self.still_since.set(Some((standing, Instant::now())));
                None
            }
        }
    }

    /// From now on the catalogue is told of this session.
    pub(crate) fn report(&self, row: SessionRow) {
        self.row.replace(Some(row));
        self.sessions_changed();
    }

    /// The session has gone over to another edition.
    pub(crate) fn moved_to(&self, edition: EditionId) {
        if let Some(place) = self.place.borrow_mut().as_mut() {
            place.edition = edition;
        }
        if let Some(row) = self.row.borrow_mut().as_mut() {
            row.edition = edition;
        }
        self.sessions_changed();
    }

    fn sessions_changed(&self) {
        if let Some(place) = self.place.borrow().as_ref() {
            place.database.sessions_changed();
        }
    }

    /// Whether others want anything; one load, for the hot path.
    #[inline]
    pub(crate) fn is_ordered(&self) -> bool {
        self.ordered.get()
    }

    /// What others want.
    pub(crate) fn order(&self) -> Option<Order> {
        self.order.borrow().clone()
    }

    /// Waits until others want the session to end at once; for its login, which looks at nothing else meanwhile.
    pub(crate) async fn ended_now(&self) -> Report {
        poll_fn(|cx| {
            if let Some(Order::EndNow(report)) = self.order() {
                return Poll::Ready(report);
            }
            self.wake_me(cx.waker());
            Poll::Pending
        })
        .await
    }

    pub(crate) fn give_order(&self, order: Option<Order>) {
        // Nothing takes back that a session is to end.
        if *self.order.borrow() == order || matches!(*self.order.borrow(), Some(Order::EndNow(_))) {
            return;
        }
        self.ordered.set(order.is_some());
        self.order.replace(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Remembers whom to wake for an order.
    #[inline]
    pub(crate) fn wake_me(&self, waker: &Waker) {
        let mut present = self.waker.borrow_mut();
        if !present.as_ref().is_some_and(|present| present.will_wake(waker)) {
            *present = Some(waker.clone());
        }
    }
}

/// All sessions of a thread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roster {
    seats: Rc<RefCell<HashMap<u64, Rc<Seat>>>>,
    /// Who has not logged in yet, by whether they have said what they want, then by age.
    logins: Rc<RefCell<BTreeSet<(bool, u64)>>>,
    next: Rc<Cell<u64>>,
}

/// A session's stay; it leaves the roster when this is dropped.
#[derive(Debug)]
pub(crate) struct Stay {
    id: u64,
    pub(crate) seat: Rc<Seat>,
    roster: Roster,
}

impl Roster {
    /// A session begins (its login). If that makes more than `logins_max`, the oldest login ends.
    pub(crate) fn enter(&self, logins_max: usize) -> Stay {
        if self.logins.borrow().len() >= logins_max.max(1) {
            self.end_oldest_login();
        }
        let id = self.next.get();
        self.next.set(id + 1);
        let seat = Rc::new(Seat {
            place: RefCell::default(),
            row: RefCell::default(),
            order: RefCell::default(),
            ordered: Cell::default(),
            standing: Cell::default(),
            still_since: Cell::default(),
            waker: RefCell::default(),
            progress: Cell::default(),
        });
        self.seats.borrow_mut().insert(id, seat.clone());
        self.logins.borrow_mut().insert((false, id));
        Stay { id, seat, roster: self.clone() }
    }

    fn end_oldest_login(&self) {
        let oldest = self.logins.borrow_mut().pop_first();
        if let Some((_, id)) = oldest
            && let Some(seat) = self.seats.borrow().get(&id)
        {
            let report = Report::fatal("53300", "too many connections are waiting to log in");
            seat.give_order(Some(Order::EndNow(report)));
        }
    }

    /// Ends the sessions whose clients have kept the server waiting in the middle of a message for that long.
    pub(crate) fn end_stalled(&self, patience: Duration) {
        for seat in self.seats.borrow().values() {
            let what = match seat.is_stalled(patience) {
                None => continue,
                Some(Standing::Taking(_)) => "does not take what is sent to it",
                Some(Standing::Sending(_)) => "does not send the rest of a message",
            };
            let message = format!("terminating connection because the client {what}");
            seat.give_order(Some(Order::EndNow(Report::fatal("08006", message))));
        }
    }

    /// The rows of `database`'s sessions. On the way each is told whether its edition wants it to end.
    pub(crate) fn rows(&self, database: &Arc<Database>) -> Vec<SessionRow> {
        let reading = database.reading();
        let seats = self.seats.borrow();
        let here = seats.values().filter_map(|seat| {
            let place = seat.place.borrow();
            let place = place.as_ref().filter(|place| Arc::ptr_eq(&place.database, database))?;
            seat.give_order(order_of(place, &reading));
            seat.row.borrow().clone()
        });
        here.collect()
    }

    /// Waits until the server has answered what `database`'s sessions have sent it by now, or for `patience`. A server process
    /// that is idle begins with a message at once, so what takes longer has found the meaning of its names long since.
    pub(crate) async fn settle(self, database: Arc<Database>, patience: Duration) {
        let mut unsettled: Vec<(Rc<Seat>, u64)> = {
            let seats = self.seats.borrow();
            let here = seats.values().filter(|seat| {
                seat.place.borrow().as_ref().is_some_and(|place| Arc::ptr_eq(&place.database, &database))
            });
            here.map(|seat| (seat.clone(), seat.progress.get().0)).collect()
        };
        let end = Instant::now() + patience;
        loop {
            // a session that has ended is known by nobody else any more
            unsettled.retain(|(seat, due)| seat.progress.get().1 < *due && Rc::strong_count(seat) > 1);
            if unsettled.is_empty() || Instant::now() >= end {
                return;
            }
            sleep(SETTLING_LOOKED_AT).await;
        }
    }

    /// Everybody out.
    pub(crate) fn end_all(&self, report: &Report) {
        for seat in self.seats.borrow().values() {
            seat.give_order(Some(Order::EndNow(report.clone())));
        }
    }
}

impl Stay {
    /// The client has said what it wants.
    pub(crate) fn asks(&self) {
        let mut logins = self.roster.logins.borrow_mut();
        if logins.remove(&(false, self.id)) {
            logins.insert((true, self.id));
        }
    }

    /// The client has logged in.
    pub(crate) fn logged_in(&self) {
        let mut logins = self.roster.logins.borrow_mut();
        for has_asked in [false, true] {
            logins.remove(&(has_asked, self.id));
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.logged_in();
        self.roster.seats.borrow_mut().remove(&self.id);
        if self.seat.row.borrow().is_some() {
            self.seat.sessions_changed();
        }
    }
}

fn order_of(place: &Place, reading: &Reading) -> Option<Order> {
    let drain = reading.drain(place.edition, place.is_draft)?;
    let report = leaving(place, reading);
    Some(match drain {
        Drain::Idle => Order::EndAtIdle(report),
        Drain::Now => Order::EndNow(report),
    })
}

/// Why sessions of an edition end.
fn leaving(place: &Place, reading: &Reading) -> Report {
    let edition = reading.snapshot.edition_by_id(place.edition);
    let name = edition.map_or_else(|| place.edition.to_string(), |edition| edition.name.to_string());
    let fate = match edition.map(|edition| edition.state) {
        Some(EditionState::RollingBack | EditionState::Draft) => "rolled back",
        Some(EditionState::Publishing | EditionState::Live) => "published",
        Some(EditionState::Retiring | EditionState::Retired) | None => "retired",
    };
    Report::fatal("57P01", format!("terminating connection because edition \"{name}\" is being {fate}"))
}
