//! A build's output in pieces, as the engine hands it over.
#![no_main]

use arbitrary::Arbitrary;
use kiisrv_fuzz::promises;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Output<'a> {
    cap: u16,
    pieces: Vec<Piece<'a>>,
}

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Bytes(&'a [u8]),
    /// The longest lines and the cap are beyond what is thought up byte by byte.
    Many {
        byte: u8,
        times: u16,
    },
}

fuzz_target!(|output: Output<'_>| {
    let pieces: Vec<Vec<u8>> = output
        .pieces
        .iter()
        .take(16)
        .map(|piece| match piece {
            Piece::Bytes(bytes) => bytes.to_vec(),
            Piece::Many { byte, times } => vec![*byte; usize::from(*times)],
        })
        .collect();
    promises::of_a_log(u64::from(output.cap), &pieces);
});
