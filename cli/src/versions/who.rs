//! Who is at the keyboard, for the audit.

use std::fs;

/// `name@host`, or `uid@host` where the user has no name, as in an empty container.
pub(crate) fn is_here() -> String {
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = name_of(&uid, &users).unwrap_or(&uid);
    format!("{name}@{}", worker::run::host_name())
}

/// The name of this user in the text of `/etc/passwd`.
fn name_of<'a>(uid: &str, users: &'a str) -> Option<&'a str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users = "root:x:0:0:root:/root:/bin/sh\nkiisrv:x:1000:100::/:/bin/false\nbroken\n";
        assert_eq!(name_of("1000", users), Some("kiisrv"));
        assert_eq!(name_of("100", users), None);
    }
}
