//! The hot path: one future that polls both directions of a session. Frames are found by their headers in a
//! buffer that all sessions of the thread share; what nobody looks at is passed on from that buffer by one
//! write for each read. A session owns memory only while a frame is incomplete or a peer is slow. No timer, no
//! clock, no lock and no allocation for a frame that is passed on.

mod flow;
mod from_client;
mod from_server;
mod turn;

use std::{
    cell::RefCell,
    future::poll_fn,
    io,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::BytesMut;

use super::{
    draft::InDraft,
    edition::InEdition,
    roster::{Order, Seat, Standing},
    stream::Stream,
};
use crate::wire::message::Report;
use flow::{Flow, Outgoing};
pub(super) use turn::Turn;

/// One read is at most this long; also the size of the thread's buffer.
const READ_BYTES: usize = 64 * 1024;
/// So many reads in one go, then other sessions get their turn.
const READS_IN_A_ROW: usize = 16;

/// How a session ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The client said goodbye or closed.
    Client,
    /// The server closed.
    Server,
    /// A connection broke.
    Broken(Side, io::Error),
    /// A side sent what is not a frame.
    Malformed(Side),
    /// We were told to end it.
    Ordered(Report),
}

/// One of the two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// The buffers that all sessions of a thread share; in use only within one poll.
struct Scratch {
    read: Box<[u8]>,
    out: Outgoing,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { read: vec![0; READ_BYTES].into_boxed_slice(), out: Outgoing::default() });
}

/// Where a session is: in a live edition, in a draft, or (neither) in a database without editions.
pub(crate) struct Inside {
    pub(in super::super) edition: Option<InEdition>,
    pub(in super::super) draft: Option<InDraft>,
}

/// A session after its login.
pub(crate) struct Relay {
    pub(crate) client: Stream,
    pub(crate) server: Stream,
    seat: Rc<Seat>,
    /// None: nothing is looked at for the sake of a live edition.
    edition: Option<InEdition>,
    draft: Option<InDraft>,
    /// From the client to the server.
    up: Flow,
    /// From the server to the client.
    down: Flow,
    turn: Turn,
    /// The client has sent Terminate or closed.
    said_goodbye: bool,
}

impl Relay {
    /// Starts with what the login has read but not passed on; the server's begins with its first ReadyForQuery.
    pub(crate) fn new(
        client: Stream,
        server: Stream,
        seat: Rc<Seat>,
        inside: Inside,
        from_client: BytesMut,
        from_server: BytesMut,
    ) -> Self {
        Self {
            client,
            server,
            seat,
            edition: inside.edition,
            draft: inside.draft,
            up: Flow::starting_with(from_client),
            down: Flow::starting_with(from_server),
            turn: Turn::default(),
            said_goodbye: false,
        }
    }

    /// Bytes from the client and from the server so far.
    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.up.bytes(), self.down.bytes())
    }

    /// Whether a message of our own may be sent to that side.
    pub(crate) fn may_speak_to(&self, side: Side) -> bool {
        match side {
            Side::Client => self.down.at_boundary(),
            Side::Server => self.up.at_boundary(),
        }
    }

    /// Whether the server is at work for this session.
    pub(crate) fn is_busy(&self) -> bool {
        self.turn.is_busy()
    }

    /// Carries bytes until the session ends.
    pub(crate) async fn run(&mut self) -> End {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.seat.wake_me(cx.waker());
        SCRATCH.with_borrow_mut(|scratch| {
            // A direction that had nothing has left its waker behind; polling it again would only cost.
            let (mut down, mut up) = (true, true);
            for _ in 0..READS_IN_A_ROW {
                if self.seat.is_ordered()
                    && let Some(end) = self.obey()
                {
                    return Poll::Ready(end);
                }
                let was_held = self.is_client_held();
                if down {
                    down = match self.pump_down(cx, scratch) {
                        Ok(moved) => moved,
                        Err(end) => return Poll::Ready(end),
                    };
                }
                // What the server has answered may be what the client is held for.
                if up || (down && was_held) {
                    up = match self.pump_up(cx, scratch) {
                        Ok(moved) => moved,
                        Err(end) => return Poll::Ready(end),
                    };
                }
                if !down && !up {
                    self.seat.progressed(self.turn.progress(), self.standing());
                    return Poll::Pending;
                }
            }
            self.seat.progressed(self.turn.progress(), None);
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Whether the client is waited for in the middle of a message.
    #[inline]
    fn standing(&self) -> Option<Standing> {
        if let Some(taken) = self.down.untaken() {
            return Some(Standing::Taking(taken));
        }
        let unfinished = self.up.unfinished()?;
        (!self.is_client_held()).then_some(Standing::Sending(unfinished))
    }

    fn obey(&self) -> Option<End> {
        match self.seat.order()? {
            Order::EndNow(report) => Some(End::Ordered(report)),
            Order::EndAtIdle(report) => {
                let is_idle = self.turn.is_idle() && self.up.is_empty() && self.down.is_empty();
                is_idle.then_some(End::Ordered(report))
            }
        }
    }
}
