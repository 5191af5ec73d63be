//! What is kept of a layout and of a visitor: in plain words, with the numbers of this service.

use std::time::Duration;

use askama::Template;
use shared::settings::{KeepSettings, PrivacySettings, Settings};

use super::page;
use crate::{error::Answer, state::State};

#[derive(Template)]
#[template(path = "privacy.html")]
struct Page {
    words: Vec<String>,
    of_layout: Vec<Kept>,
    of_visitor: Vec<Kept>,
    /// What all zips together may take.
    bound: Option<String>,
    contact: Option<String>,
    /// Where the contact leads, if it is an address.
    link: Option<String>,
}

/// Something that is kept.
struct Kept {
    what: &'static str,
    how_long: String,
}

/// `GET /privacy`
pub(crate) fn privacy(state: &State) -> Answer {
    page(&Page::of(&state.settings))
}

impl Page {
    fn of(settings: &Settings) -> Self {
        let (keep, privacy) = (&settings.keep, &settings.privacy);
        Self {
            words: paragraphs(privacy.words.as_deref().unwrap_or_default()),
            of_layout: of_layout(keep),
            of_visitor: of_visitor(keep, privacy),
            bound: keep.bytes.map(|bytes| format!("{} GiB", bytes >> 30)),
            contact: privacy.contact.clone(),
            link: privacy.contact.as_deref().and_then(link),
        }
    }
}

fn of_layout(keep: &KeepSettings) -> Vec<Kept> {
    vec![
        Kept {
            what: "The zip with the firmware, the layout and the log",
            how_long: days(keep.firmware),
        },
        Kept {
            what: "The zip of a build that failed, with the layout and the log",
            how_long: days(keep.failed),
        },
        Kept {
            what: "The log as it is",
            how_long: days(keep.logs),
        },
        Kept {
            what: "The layout as you sent it",
            how_long: match keep.layouts {
                Duration::ZERO => "a few minutes, beyond what is in the zip".to_owned(),
                longer => days(longer),
            },
        },
        Kept {
            what: "That it was built: keyboard, the layout’s name, version, times, how it ended, what the compiler complained of, and a code of the whole that does not lead back to it",
            how_long: days(keep.rows),
        },
    ]
}

fn of_visitor(keep: &KeepSettings, privacy: &PrivacySettings) -> Vec<Kept> {
    let record = |is_kept: bool| match (is_kept, keep.requests) {
        (false, _) => "not kept".to_owned(),
        (true, Duration::ZERO) => "a few minutes".to_owned(),
        (true, longer) => days(longer),
    };
    vec![
        Kept {
            what: "A code of your address, with the builds that you were the first to ask for or have not left",
            how_long: format!("with the build: {} after its end", days(keep.rows)),
        },
        Kept {
            what: "That somebody asked for a build, and when",
            how_long: record(true),
        },
        Kept {
            what: "The same code with each of your requests",
            how_long: record(privacy.record_clients),
        },
        Kept {
            what: "The code by itself, so that the statistics count you once",
            how_long: match privacy.record_clients {
                true => "for good".to_owned(),
                false => "not kept".to_owned(),
            },
        },
        Kept {
            what: "Your system (Windows, Mac, Linux or unknown) and whether you use a browser or the Configurator’s own program, with each request; how often each was seen, for good",
            how_long: record(privacy.record_systems),
        },
    ]
}

fn days(duration: Duration) -> String {
    match duration.as_secs() / 86_400 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

/// What stands between empty lines.
fn paragraphs(text: &str) -> Vec<String> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines
        .split(|line| line.is_empty())
        .map(|lines| lines.join(" "))
        .filter(|paragraph| !paragraph.is_empty())
        .collect()
}

/// An address of a page or for mail leads there; words lead nowhere, and no other kind of address is a link.
fn link(contact: &str) -> Option<String> {
    let is_one_word = !contact.contains(char::is_whitespace);
    if is_one_word && (contact.starts_with("https://") || contact.starts_with("http://")) {
        return Some(contact.to_owned());
    }
    let (name, host) = contact.split_once('@')?;
    let plain = |text: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        !text.is_empty() && text.bytes().all(fits)
    };
    (plain(name) && plain(host)).then(|| format!("mailto:{contact}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_leads_where_it_says_and_nowhere_else() {
        let mail = link("firmware+help@example.org");
        assert_eq!(mail.as_deref(), Some("mailto:firmware+help@example.org"));
        let page = "https://example.org/contact?x=1";
        assert_eq!(link(page).as_deref(), Some(page));
        for words in [
            "Jörg, room 5",
            "javascript:alert(1)",
            "a@b?subject=x",
            "https://example.org and more",
            "@example.org",
        ] {
            assert_eq!(link(words), None, "{words}");
        }
    }

    #[test]
    fn words_of_ones_own_are_paragraphs() {
        assert_eq!(paragraphs("a\nb\r\n\n\n c \n"), ["a b", "c"]);
        assert!(paragraphs(" \n").is_empty());
    }
}
