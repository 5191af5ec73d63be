//! Parts of a file, and files that the client has already: `Range`, `If-Range`, `If-None-Match`.

use warp::http::{HeaderMap, header};

use crate::query::whole_number;

/// Which bytes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of them. Also where the header cannot be understood or wants several parts, as one may.
    Whole,
    /// These, both included.
    Part {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// None that there are.
    Nothing,
}

/// Which of `length` bytes a request asks for. `etag` is the file's, with its quotes.
pub(crate) fn wanted(headers: &HeaderMap, etag: Option<&str>, length: u64) -> Wanted {
    let range = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok());
    let Some(range) = range else {
        return Wanted::Whole;
    };
    // A part of another file would not fit to what the client has. A date is never equal to a tag.
    let condition = headers.get(header::IF_RANGE).map(|tag| tag.as_bytes());
    if condition.is_some_and(|tag| Some(tag) != etag.map(str::as_bytes)) {
        return Wanted::Whole;
    }
    part(range, length).unwrap_or(Wanted::Whole)
}

/// `None` where it is no range of bytes, or more than one.
fn part(range: &str, length: u64) -> Option<Wanted> {
    let (first, last) = range
        .trim()
        .strip_prefix("bytes=")?
        .trim()
        .split_once('-')?;
    let end = length.checked_sub(1);
    let (first, last) = match (first, last) {
        ("", suffix) => {
            let suffix = whole_number(suffix)?;
            let first = if suffix == 0 {
                length
            } else {
                length.saturating_sub(suffix)
            };
            (first, end)
        }
        (first, "") => (whole_number(first)?, end),
        (first, last) => {
            let (first, last) = (whole_number(first)?, whole_number(last)?);
            if first > last {
                return None;
            }
            (first, end.map(|end| last.min(end)))
        }
    };
    Some(match last {
        Some(last) if first <= last => Wanted::Part { first, last },
        _ => Wanted::Nothing,
    })
}

/// Whether the client has this very file already. `etag` is with its quotes.
pub(crate) fn has_it(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_far_as_the_file_goes() {
        for (range, expected) in [
            ("bytes=0-0", Some((0, 0))),
            ("bytes=2-5", Some((2, 5))),
            ("bytes=2-", Some((2, 9))),
            ("bytes=2-99", Some((2, 9))),
            ("bytes=-3", Some((7, 9))),
            ("bytes=-99", Some((0, 9))),
            ("bytes=0-99999999999999999999999", Some((0, 9))),
        ] {
            let expected = expected.map(|(first, last)| Wanted::Part { first, last });
            assert_eq!(part(range, 10), expected, "{range}");
        }
        for range in ["bytes=10-", "bytes=-0", "bytes=10-11"] {
            assert_eq!(part(range, 10), Some(Wanted::Nothing), "{range}");
        }
        for range in [
            "bytes=5-2",
            "bytes=0-1,3-4",
            "lines=1-2",
            "bytes=a-b",
            "bytes=-",
            "bytes=+1-2",
        ] {
            assert_eq!(part(range, 10), None, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Wanted::Nothing));
    }

    #[test]
    fn a_part_of_another_file_is_not_sent() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, "bytes=0-1".parse().unwrap());
        headers.insert(header::IF_RANGE, "\"a\"".parse().unwrap());
        assert_eq!(wanted(&headers, Some("\"b\""), 10), Wanted::Whole);
        assert_eq!(wanted(&headers, None, 10), Wanted::Whole);
        let part = Wanted::Part { first: 0, last: 1 };
        assert_eq!(wanted(&headers, Some("\"a\""), 10), part);
    }

    #[test]
    fn a_known_tag_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, "\"x\", W/\"y\"".parse().unwrap());
        assert!(has_it(&headers, "\"y\""));
        assert!(!has_it(&headers, "\"z\""));
    }
}
