//! One row of the predecessor's requests: what of it is taken, and why it is not.

use std::net::IpAddr;

use rusqlite::{Row, types::ValueRef};

use super::{
    super::{Store, requests::client_name},
    source::text,
};
use crate::{keyboard::Keyboard, layout::name::safe_name};

/// The columns that are read, in the order of the functions below. The predecessor filled neither `uid` nor
/// `serial`, and no statistic asks for `success`.
pub(super) const COLUMNS: &str = "id, ip_addr, os, web, hash, board, variant, layers, container,
                                  request_time, build_duration";

/// The longest hash or container's name that is believed to be one.
const LONGEST: usize = 64;

/// Numbers beyond are no layers and no milliseconds, and would spoil the sums for ever.
const MOST_LAYERS: i64 = 10_000;
const LONGEST_BUILD: i64 = 7 * 24 * 3600 * 1000;

/// A time that is not known. No statistic asks for it, so that the row is worth more than its time.
const UNKNOWN_TIME: i64 = 0;

/// A request in our words.
pub(super) struct Request {
    pub(super) at: i64,
    /// The predecessor's name for what was built: the same text is the same build.
    pub(super) hash: String,
    pub(super) client: String,
    pub(super) os: String,
    pub(super) platform: &'static str,
    pub(super) keyboard: String,
    pub(super) layout: String,
    pub(super) layers: i64,
    /// As it stands there, `controller-057`: the statistics show it so.
    pub(super) container: String,
    pub(super) build_ms: i64,
    pub(super) joined: bool,
}

/// Why a row is not taken, or what was amended in one that is.
pub(super) type Reason = &'static str;

/// Reads a row. What the statistics are made of must be there; the rest may be amended, which is noted.
pub(super) fn read(
    row: &Row<'_>,
    store: &Store,
    amended: &mut Vec<Reason>,
) -> Result<Request, Reason> {
    let address = text(row, 1).ok_or("no address")?;
    let hash = word(text(row, 4)).ok_or("no hash")?;
    let board = text(row, 5).ok_or("no board")?;
    let layout = text(row, 6).ok_or("no layout (variant)")?;
    let container = word(text(row, 8)).ok_or("no container")?;
    let platform = match integer(row, 3) {
        Some(0) => "Desktop",
        // The predecessor read everything but zero as true.
        Some(_) => "Web",
        None => return Err("neither web nor desktop"),
    };
    let layers = integer(row, 7).filter(|layers| (0..=MOST_LAYERS).contains(layers));
    let mut amend = |reason| amended.push(reason);
    let (build_ms, joined) = duration(row, &mut amend);
    Ok(Request {
        at: time(row).unwrap_or_else(|| {
            amend("no time that can be read: the time is unknown");
            UNKNOWN_TIME
        }),
        hash: hash.to_owned(),
        client: store.client(&name_of(address)),
        os: word(text(row, 2)).map_or_else(
            || {
                amend("no operating system: Unknown");
                "Unknown".to_owned()
            },
            str::to_owned,
        ),
        platform,
        keyboard: Keyboard::parse(board)
            .and_then(|keyboard| keyboard.spelling(board))
            .map_or_else(|| safe_name(board), str::to_owned),
        layout: safe_name(layout),
        layers: layers.unwrap_or_else(|| {
            amend("no number of layers: 0");
            0
        }),
        container: container.to_owned(),
        build_ms,
        joined,
    })
}

/// Which row it is, without who sent it: that may have been blanked since the last import.
pub(super) fn identity(row: &Row<'_>) -> String {
    let values: Vec<_> = [0, 4, 5, 6, 8, 9]
        .into_iter()
        .map(|column| row.get_ref(column))
        .collect();
    format!("{values:?}")
}

/// The same name that a request from there gets now, so that one person is one user before and after.
fn name_of(address: &str) -> String {
    address
        .parse::<IpAddr>()
        .map_or_else(|_| address.to_owned(), client_name)
}

/// A duration is there where something was built; the others were answered from what was there.
fn duration(row: &Row<'_>, amend: &mut impl FnMut(Reason)) -> (i64, bool) {
    if matches!(row.get_ref(10), Ok(ValueRef::Null)) {
        return (0, true);
    }
    let known = integer(row, 10).filter(|took| (0..=LONGEST_BUILD).contains(took));
    let took = known.unwrap_or_else(|| {
        amend("no duration that can be: 0");
        0
    });
    (took, false)
}

/// The time of a request in milliseconds. Its library wrote text; seconds and milliseconds are understood too.
fn time(row: &Row<'_>) -> Option<i64> {
    // From 2001 to 2286, in each of the units.
    const SECONDS: std::ops::RangeInclusive<i64> = 1_000_000_000..=9_999_999_999;
    const MILLIS: std::ops::RangeInclusive<i64> = 1_000_000_000_000..=9_999_999_999_999;
    let at = match integer(row, 9) {
        Some(seconds) if SECONDS.contains(&seconds) => seconds * 1000,
        Some(other) => other,
        None => written_time(text(row, 9)?)?,
    };
    MILLIS.contains(&at).then_some(at)
}

fn written_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Some(time.as_millisecond());
    }
    // Without an offset it is UTC: the predecessor knew no other.
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(time.timestamp().as_millisecond())
}

fn integer(row: &Row<'_>, column: usize) -> Option<i64> {
    match row.get_ref(column) {
        Ok(ValueRef::Integer(number)) => Some(number),
        _ => None,
    }
}

/// Something short and printable, as a hash or the name of a system is.
pub(super) fn word(text: Option<&str>) -> Option<&str> {
    text.filter(|text| text.len() <= LONGEST && !text.chars().any(char::is_control))
}
