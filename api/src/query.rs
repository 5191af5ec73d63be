//! Numbers in queries, and wherever else a request writes one in digits.

/// A whole number. One with more digits than fit is greater than everything that it is compared with.
pub(crate) fn whole_number(digits: &str) -> Option<u64> {
    let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_made_of_digits_however_many() {
        assert_eq!(whole_number("0"), Some(0));
        assert_eq!(whole_number("007"), Some(7));
        assert_eq!(whole_number(&"9".repeat(40)), Some(u64::MAX));
        for none in ["", "+1", "-1", "1.0", "1e3", " 1", "x"] {
            assert_eq!(whole_number(none), None, "{none}");
        }
    }
}
