//! Stepping over frames (a tag, four bytes of length, a body) where they lie in the read buffer. A frame that
//! nobody wants to look at is passed on in whatever pieces it arrives; one that somebody does is held until it
//! is whole.

/// A tag and a length.
pub(crate) const HEADER_BYTES: usize = 5;

/// What stands at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many bytes of a frame that began in an earlier buffer: pass them on.
    Rest(usize),
    /// A frame that need not be whole begins; so many of its bytes are here: pass them on.
    Begin {
        /// Its tag.
        tag: u8,
        /// Its bytes in this buffer, header included.
        len: usize,
    },
    /// A frame that was asked for, whole.
    Whole {
        /// Its tag.
        tag: u8,
        /// Its bytes, header included.
        len: usize,
    },
    /// Not enough bytes to go on: keep them and come back with at least so many.
    Hold(usize),
    /// Not a frame: the two sides no longer agree where frames begin.
    Malformed,
}

/// How much of a frame somebody looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Nothing,
    /// So many bytes at its front, or all of it if it has fewer; then it is passed on in pieces.
    Front(usize),
    Whole,
}

impl Need {
    pub(crate) fn whole_if(needed: bool) -> Self {
        if needed { Self::Whole } else { Self::Nothing }
    }
}

/// Where in a stream of frames one direction of a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stepper {
    /// Bytes of the present frame that are still to come and are passed on unseen.
    rest: usize,
}

impl Stepper {
    /// Whether a message of our own may be put in here.
    pub(crate) fn at_boundary(self) -> bool {
        self.rest == 0
    }

    /// How much of the front of `buffer` is whole frames with this tag, back to back: the rows of a result, which nobody looks at.
    /// They are most of what a proxy carries, so a row costs a comparison and an addition.
    #[inline]
    pub(crate) fn run_of(self, expected: u8, buffer: &[u8]) -> usize {
        if self.rest > 0 {
            return 0;
        }
        let mut at = 0;
        while let Some((&[tag, a, b, c, d], _)) =
            buffer.get(at..).and_then(|rest| rest.split_first_chunk::<HEADER_BYTES>())
            && tag == expected
            && let Some(end) = frame_len([a, b, c, d]).and_then(|len| at.checked_add(len))
            && end <= buffer.len()
        {
            at = end;
        }
        at
    }

    /// Looks at the front of `buffer`, which must not be empty. `need` is told tag and length (header
    /// included) of a frame that begins there.
    #[inline]
    pub(crate) fn step(&mut self, buffer: &[u8], need: impl FnOnce(u8, usize) -> Need) -> Step {
        if self.rest > 0 {
            let here = self.rest.min(buffer.len());
            self.rest -= here;
            return Step::Rest(here);
        }
        if buffer.len() < HEADER_BYTES {
            return Step::Hold(HEADER_BYTES);
        }
        let Some((tag, len)) = first(buffer) else { return Step::Malformed };
        match need(tag, len) {
            Need::Whole if buffer.len() < len => return Step::Hold(len),
            Need::Whole => return Step::Whole { tag, len },
            Need::Front(bytes) if buffer.len() < bytes.min(len) => return Step::Hold(bytes.min(len)),
            Need::Front(_) | Need::Nothing => {}
        }
        let here = len.min(buffer.len());
        self.rest = len - here;
        Step::Begin { tag, len: here }
    }
}

/// The tag of the frame at the front of `buffer`, and its length, whether it is whole or not.
pub(crate) fn first(buffer: &[u8]) -> Option<(u8, usize)> {
    let (&[tag, a, b, c, d], _) = buffer.split_first_chunk::<HEADER_BYTES>()?;
    Some((tag, frame_len([a, b, c, d])?))
}

/// The length of a whole frame whose length field is this; None if no frame can have it.
fn frame_len(field: [u8; 4]) -> Option<usize> {
    let body = usize::try_from(i32::from_be_bytes(field)).ok()?;
    (body >= 4).then_some(body + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(tag: u8, body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        bytes.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    /// Feeds `pieces` one after the other, as a connection would; gives back the tags seen, the whole frames
    /// and all bytes passed on.
    fn feed(pieces: &[&[u8]]) -> (Vec<u8>, Vec<Vec<u8>>, Vec<u8>) {
        let (mut stepper, mut held, mut tags, mut whole, mut passed) =
            (Stepper::default(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for piece in pieces {
            held.extend_from_slice(piece);
            let mut at = 0;
            while at < held.len() {
                match stepper.step(&held[at..], |tag, _| match tag {
                    b'Q' => Need::Whole,
                    b'B' => Need::Front(8),
                    _ => Need::Nothing,
                }) {
                    Step::Rest(len) => {
                        passed.extend(&held[at..at + len]);
                        at += len;
                    }
                    Step::Begin { tag, len } => {
                        let (_, whole) = first(&held[at..]).unwrap();
                        assert!(tag != b'B' || len >= whole.min(8), "not the front that was asked for");
                        tags.push(tag);
                        passed.extend(&held[at..at + len]);
                        at += len;
                    }
                    Step::Whole { tag, len } => {
                        tags.push(tag);
                        whole.push(held[at..at + len].to_vec());
                        passed.extend(&held[at..at + len]);
                        at += len;
                    }
                    Step::Hold(need) => {
                        assert!(need > held.len() - at, "held although there was enough");
                        break;
                    }
                    Step::Malformed => panic!("malformed"),
                }
            }
            held.drain(..at);
        }
        assert!(held.is_empty());
        (tags, whole, passed)
    }

    proptest! {
        #[test]
        fn cutting_the_stream_anywhere_changes_nothing(
            frames in prop::collection::vec((prop::sample::select(b"QPBDZS".to_vec()), prop::collection::vec(any::<u8>(), 0..40)), 1..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let stream: Vec<u8> = frames.iter().flat_map(|(tag, body)| frame(*tag, body)).collect();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            places.extend([0, stream.len()]);
            places.sort_unstable();
            let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            let (tags, whole, passed) = feed(&pieces);
            prop_assert_eq!(tags, frames.iter().map(|(tag, _)| *tag).collect::<Vec<_>>());
            prop_assert_eq!(passed, stream);
            let asked: Vec<Vec<u8>> = frames.iter().filter(|(tag, _)| *tag == b'Q').map(|(tag, body)| frame(*tag, body)).collect();
            prop_assert_eq!(whole, asked);
        }
    }

    proptest! {
        #[test]
        fn a_run_is_what_stepping_would_have_passed_on(
            frames in prop::collection::vec((prop::sample::select(b"DDDDZ".to_vec()), prop::collection::vec(any::<u8>(), 0..20)), 0..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut stream: Vec<u8> = frames.iter().flat_map(|(tag, body)| frame(*tag, body)).collect();
            stream.truncate(cut.index(stream.len() + 1));
            let (mut stepper, mut at) = (Stepper::default(), 0);
            while at < stream.len()
                && let Step::Whole { len, .. } = stepper.step(&stream[at..], |tag, _| Need::whole_if(tag == b'D'))
            {
                at += len;
            }
            prop_assert_eq!(Stepper::default().run_of(b'D', &stream), at);
            prop_assert_eq!(Stepper { rest: 1 }.run_of(b'D', &stream), 0);
        }
    }

    #[test]
    fn a_length_that_no_frame_can_have_is_malformed() {
        for field in [0_i32, 3, -1, i32::MIN] {
            let mut bytes = vec![b'Q'];
            bytes.extend(field.to_be_bytes());
            assert_eq!(Stepper::default().step(&bytes, |_, _| Need::Nothing), Step::Malformed);
        }
    }
}
