//! One direction of a session: what was read and cannot be judged yet, what was to be written and was not taken.

use std::{
    io::{self, IoSlice},
    ops::Range,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::super::stream::Stream;
use crate::wire::frame::Stepper;

/// Pieces that one call hands to the kernel; more go out with the next.
const SLICES_MAX: usize = 64;

/// What one read becomes: runs of the buffer as they came, and messages put in between.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pieces: Vec<Piece>,
}

#[derive(Debug)]
enum Piece {
    Raw(Range<usize>),
    Own(Vec<u8>),
}

impl Outgoing {
    /// Forgets what a session that ended in between left here.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Passes a stretch of the buffer on; joins it to the stretch before.
    #[inline]
    pub(super) fn raw(&mut self, range: Range<usize>) {
        match self.pieces.last_mut() {
            Some(Piece::Raw(last)) if last.end == range.start => last.end = range.end,
            _ => self.pieces.push(Piece::Raw(range)),
        }
    }

    /// Puts a message of our own here.
    pub(super) fn own(&mut self, message: Vec<u8>) {
        self.pieces.push(Piece::Own(message));
    }
}

impl Piece {
    fn bytes<'a>(&'a self, buffer: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Raw(range) => buffer.get(range.clone()).unwrap_or_default(),
            Self::Own(message) => message,
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Flow {
    pub(super) stepper: Stepper,
    /// The beginning of a frame that must be whole, or what waits while the direction is held.
    held: BytesMut,
    /// How long `held` must become before it is worth a look.
    need: usize,
    /// For the destination, which did not take it yet. While there is any, nothing more is read.
    unsent: BytesMut,
    /// How much the destination has taken.
    taken: u64,
    /// The destination was given something and has not taken all of it.
    waits: bool,
    source_ended: bool,
    end_passed_on: bool,
    bytes: u64,
}

/// What a direction has to work on.
pub(super) enum Input {
    /// So many bytes in the thread's buffer.
    Fresh(usize),
    /// Bytes held earlier, with what was read now behind them.
    Held(BytesMut),
    /// Nothing now.
    Nothing,
    /// The source has closed.
    Ended,
}

impl Flow {
    /// A direction whose first bytes were read before.
    pub(super) fn starting_with(held: BytesMut) -> Self {
        Self { held, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How much the destination has taken, if it is waited for to take more.
    pub(super) fn untaken(&self) -> Option<u64> {
        self.waits.then_some(self.taken)
    }

    /// How much the source has sent, if it is waited for to send the rest of a frame.
    pub(super) fn unfinished(&self) -> Option<u64> {
        let is_amid = !self.stepper.at_boundary() || !self.held.is_empty();
        (is_amid && !self.waits && !self.source_ended).then_some(self.bytes)
    }

    /// Nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.stepper.at_boundary() && self.held.is_empty() && self.unsent.is_empty()
    }

    /// Whether the destination has had whole frames only.
    pub(super) fn at_boundary(&self) -> bool {
        self.stepper.at_boundary() && self.unsent.is_empty()
    }

    /// Writes what the destination did not take before. False: it still does not take all of it.
    #[inline]
    pub(super) fn flush(&mut self, cx: &mut Context<'_>, to: &mut Stream) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            match Pin::new(&mut *to).poll_write(cx, &self.unsent) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(written)) => {
                    self.taken += written as u64;
                    self.unsent.advance(written);
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => {
                    self.waits = true;
                    return Ok(false);
                }
            }
            if self.unsent.is_empty() {
                self.unsent = BytesMut::new();
            }
        }
        let handed_over = to.poll_hand_over(cx);
        self.waits = handed_over.is_pending();
        match handed_over {
            Poll::Ready(handed_over) => handed_over.map(|()| true),
            Poll::Pending => Ok(false),
        }
    }

    /// What there is to work on: held bytes that are enough, or a read.
    #[inline]
    pub(super) fn input(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Stream,
        buffer: &mut [u8],
    ) -> io::Result<Input> {
        if !self.held.is_empty() && self.held.len() >= self.need {
            return Ok(Input::Held(std::mem::take(&mut self.held)));
        }
        if self.source_ended {
            return Ok(Input::Ended);
        }
        let read = match from.poll_read_into(cx, buffer) {
            Poll::Pending => return Ok(Input::Nothing),
            Poll::Ready(read) => read?,
        };
        if read == 0 {
            self.source_ended = true;
            return Ok(Input::Ended);
        }
        self.bytes += read as u64;
        if self.held.is_empty() {
            return Ok(Input::Fresh(read));
        }
        self.held.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if self.held.len() < self.need {
            return Ok(Input::Fresh(0));
        }
        Ok(Input::Held(std::mem::take(&mut self.held)))
    }

    /// Keeps bytes until there are `need`.
    pub(super) fn hold(&mut self, bytes: &[u8], need: usize) {
        self.held.reserve(need.max(bytes.len()));
        self.held.extend_from_slice(bytes);
        self.need = need;
    }

    /// Puts a message of our own behind everything that was sent; whole frames only must have been.
    pub(super) fn put(&mut self, message: &[u8]) {
        self.unsent.extend_from_slice(message);
    }

    /// Hands `outgoing` to the destination in one call; what it does not take is kept.
    #[inline]
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Stream,
        buffer: &[u8],
        outgoing: &mut Outgoing,
    ) -> io::Result<()> {
        let written = match outgoing.pieces.as_slice() {
            [] => return Ok(()),
            [only] => Pin::new(to).poll_write(cx, only.bytes(buffer)),
            several => {
                let slices: Vec<IoSlice<'_>> =
                    several.iter().take(SLICES_MAX).map(|piece| IoSlice::new(piece.bytes(buffer))).collect();
                Pin::new(to).poll_write_vectored(cx, &slices)
            }
        };
        let mut written = match written {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        self.taken += written as u64;
        for piece in outgoing.pieces.drain(..) {
            let bytes = piece.bytes(buffer);
            let taken = written.min(bytes.len());
            written -= taken;
            self.unsent.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        }
        Ok(())
    }

    /// Passes the source's end on, once.
    pub(super) fn pass_end_on(&mut self, cx: &mut Context<'_>, to: &mut Stream) {
        if !self.end_passed_on {
            self.end_passed_on = Pin::new(to).poll_shutdown(cx).is_ready();
        }
    }
}
