//! What a build leaves: its zip and its output.

use std::io::{Cursor, Write};

use harness::promises;
use proptest::{collection::vec, prelude::*, sample::Index};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::one_in;

const MUST_HOLD: [&str; 2] = ["log/build.log", "kiibohd.dfu.bin"];

/// Names that no zip may hold.
const LEAD_ELSEWHERE: [&str; 2] = ["../../up", "/etc/passwd"];

/// The longest line that a log keeps whole.
const LINE: usize = 16 * 1024;

fn zip_with(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Some of the members that there must be, and others, each name once.
fn members() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let others = ["a.json", "log/", "LOG/BUILD.LOG"];
    let names: Vec<_> = MUST_HOLD
        .iter()
        .chain(&others)
        .chain(&LEAD_ELSEWHERE)
        .map(|name| (*name).to_owned())
        .collect();
    let count = names.len();
    let chosen = prop::sample::subsequence(names, 0..=count);
    (chosen, vec(vec(any::<u8>(), 0..300), count))
        .prop_map(|(names, contents)| names.into_iter().zip(contents).collect())
}

/// Output as compilers and as attackers make it: text, lines about as long as the longest, bytes that are no text.
fn output() -> impl Strategy<Value = Vec<u8>> {
    let character = prop::sample::select(vec!["x", "é", "…", "🎹", "\u{1b}[2J", "\n", "\r\n"]);
    let part = prop_oneof![
        (character.clone(), 1_usize..9).prop_map(|(text, times)| text.repeat(times)),
        (character, LINE - 9..LINE + 9).prop_map(|(text, bytes)| text.repeat(bytes / text.len())),
    ];
    let part = prop_oneof![
        part.prop_map(String::into_bytes),
        vec(any::<u8>(), 0..9),
        vec(0x80..=0xff_u8, 0..9),
    ];
    vec(part, 0..7).prop_map(|parts| parts.concat())
}

fn in_pieces(bytes: &[u8], cuts: &[Index]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let ends = cuts.iter().copied().chain([bytes.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts
        .zip(ends)
        .map(|(start, end)| bytes[start..end].to_vec())
        .collect()
}

proptest! {
    #![proptest_config(one_in(1))]

    #[test]
    fn bytes_that_are_no_zip_are_not_published(bytes in vec(any::<u8>(), 0..400)) {
        prop_assert!(!promises::of_a_zip(&bytes, &MUST_HOLD));
    }

    #[test]
    fn a_zip_is_published_exactly_when_it_holds_what_it_must_and_nothing_that_it_may_not(members in members()) {
        let holds = |name: &&str| members.iter().any(|(held, _)| held == name);
        let is_fine = MUST_HOLD.iter().all(holds) && !LEAD_ELSEWHERE.iter().any(holds);
        prop_assert_eq!(promises::of_a_zip(&zip_with(&members), &MUST_HOLD), is_fine);
    }

    #[test]
    fn a_damaged_zip_is_published_whole_or_not_at_all(
        members in members(), damage in vec((any::<Index>(), any::<u8>()), 1..6), end in any::<Index>(),
    ) {
        let mut zip = zip_with(&members);
        for (at, byte) in damage {
            let at = at.index(zip.len());
            zip[at] = byte;
        }
        promises::of_a_zip(&zip, &MUST_HOLD);
        promises::of_a_zip(&zip[..end.index(zip.len())], &MUST_HOLD);
    }
}

proptest! {
    #![proptest_config(one_in(2))]

    #[test]
    fn a_log_is_the_same_however_it_comes(
        output in output(), cuts in vec(any::<Index>(), 0..6), small in 0_u64..60, large in 0_u64..50_000,
    ) {
        let pieces = in_pieces(&output, &cuts);
        for cap in [small, large, 1 << 20] {
            promises::of_a_log(cap, &pieces);
        }
    }

    #[test]
    fn a_log_that_comes_byte_by_byte_is_the_same(output in vec(any::<u8>(), 0..80), cap in 0_u64..60) {
        let pieces: Vec<_> = output.iter().map(|byte| vec![*byte]).collect();
        promises::of_a_log(cap, &pieces);
    }

    #[test]
    fn characters_are_cut_nowhere(text in "[x…é🎹\n]{0,80}", cap in 0_u64..90) {
        let pieces: Vec<_> = text.bytes().map(|byte| vec![byte]).collect();
        let log = promises::of_a_log(cap, &pieces);
        let log = std::str::from_utf8(&log).unwrap();
        let kept = log.split("kiisrv: ").next().unwrap();
        // Our own words begin a line, so that the newline before them may be ours.
        let kept = if text.starts_with(kept) { kept } else { kept.trim_end_matches('\n') };
        prop_assert!(text.starts_with(kept), "{:?} is no beginning of {:?}", kept, text);
        // The next character had no room.
        prop_assert!(kept.len() as u64 + 4 > cap || kept == text);
    }
}
