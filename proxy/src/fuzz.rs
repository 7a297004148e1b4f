//! What the fuzzers call: any bytes, at each place where the bytes of a peer first mean something. A function returns when all is well, and
//! panics when a promise is broken. `tests/it/fuzzing.rs` runs them over the corpora in `fuzz/corpus` and over what is like these.

use std::sync::LazyLock;

use crate::{
    report::{self, Vocabulary},
    rewrite::{self, sample},
    wire::{
        frame::{HEADER_BYTES, Need, Step, Stepper},
        message, options,
        startup::FirstPacket,
    },
};

/// A place where bytes come in.
pub type Target = fn(&[u8]);

/// All of them, by the names of their corpora.
pub const TARGETS: &[(&str, Target)] = &[
    ("frames", frames),
    ("startup", startup),
    ("options", options),
    ("reports", reports),
    ("statements", rewrite::fuzz_entry),
];

/// A stream of messages that arrives in pieces: whatever is passed on is what came, in its order.
pub fn frames(data: &[u8]) {
    let Some((piece, stream)) = data.split_first() else { return };
    let piece = usize::from(*piece).max(1);
    let (mut stepper, mut held, mut passed) = (Stepper::default(), Vec::new(), Vec::new());
    for arrived in stream.chunks(piece) {
        held.extend_from_slice(arrived);
        let mut at = 0;
        while let Some(rest) = held.get(at..).filter(|rest| !rest.is_empty()) {
            match stepper.step(rest, |tag, len| match tag {
                b'B' => Need::Front(64),
                _ => Need::whole_if(tag.is_ascii_uppercase() && len < 1 << 20),
            }) {
                Step::Rest(len) | Step::Begin { len, .. } => {
                    assert!((1..=rest.len()).contains(&len), "{len} of {}", rest.len());
                    at += len;
                }
                Step::Whole { len, .. } => {
                    assert!((HEADER_BYTES..=rest.len()).contains(&len), "{len} of {}", rest.len());
                    look_at(rest.get(..len).unwrap_or_default());
                    at += len;
                }
                Step::Hold(need) => {
                    assert!(need > rest.len(), "held although there was enough");
                    break;
                }
                Step::Malformed => return,
            }
        }
        passed.extend(held.drain(..at));
    }
    passed.extend(held);
    assert_eq!(passed, stream);
}

/// Everything that reads a whole frame.
fn look_at(frame: &[u8]) {
    let body = frame.len().saturating_sub(HEADER_BYTES);
    if let Some((name, text, types)) = message::parse_parts(frame) {
        assert_eq!(name.len() + text.len() + 1 + types.len(), body);
    }
    assert!(message::query_text(frame).is_none_or(|text| text.len() < body));
    let bound = message::bound(frame).unzip();
    let parts = [
        bound.0,
        bound.1,
        message::executed_portal(frame),
        message::named_statement(frame),
        message::named_portal(frame),
        message::report_field(frame, b'M'),
    ];
    for part in parts {
        assert!(part.is_none_or(|part| part.len() <= body));
    }
    for (at, _) in message::column_origins(frame) {
        assert!(at + message::Origin::BYTES < frame.len());
    }
    if let Some((name, value)) = message::parameter(frame) {
        assert_eq!(name.len() + value.len() + 2, body);
    }
}

/// The first packet of a connection: one that is understood means the same when we write it.
pub fn startup(data: &[u8]) {
    let Ok(FirstPacket::Startup(startup)) = FirstPacket::parse(data) else { return };
    let written = startup.encode();
    match FirstPacket::parse(written.get(4..).unwrap_or_default()) {
        Ok(FirstPacket::Startup(again)) => assert_eq!(again, startup),
        other => panic!("{other:?}"),
    }
}

/// The parameter `options`: a setting that was taken out is gone, and nothing else is.
pub fn options(data: &[u8]) {
    let settings = options::settings(data);
    for setting in &settings {
        let kept = options::without(data, &settings, &setting.name);
        assert!(kept.len() <= data.len());
        let again = options::settings(&kept);
        let others = |settings: &[options::Setting]| {
            let others = settings.iter().filter(|other| !other.name.eq_ignore_ascii_case(&setting.name));
            others.map(|other| (other.name.clone(), other.value.clone())).collect::<Vec<_>>()
        };
        assert_eq!(others(&again), others(&settings), "without {}", setting.name);
    }
}

/// An error or notice of the server, after its header: what becomes of it is one, too, as long as it says.
pub fn reports(data: &[u8]) {
    static VOCABULARY: LazyLock<Option<Vocabulary>> = LazyLock::new(|| {
        let snapshot = sample::snapshot().ok()?;
        Vocabulary::new(snapshot.edition_by_id(sample::VIEWED)?)
    });
    let said = message::frame(message::server::ERROR, data);
    let Some(heard) = report::translate(&said, VOCABULARY.as_ref(), None) else { return };
    assert_eq!(heard.first(), said.first());
    assert_eq!(message::frame(message::server::ERROR, heard.get(HEADER_BYTES..).unwrap_or_default()), heard);
    // One that had nothing but a context of ours has no field left; a server's own always has a severity, a code and a message.
    let has_fields = heard.len() > HEADER_BYTES + 1;
    assert!(heard.ends_with(if has_fields { &[0, 0] } else { &[0] }), "a report ends with an empty field");
}
