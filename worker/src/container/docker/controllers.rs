//! Which of the engine's images are controllers, and what they say of themselves.

use bollard::models::ImageSummary;
use shared::{
    channel::Dialect,
    release::{self, Release},
    store::versions::{Controller, keyboards_from},
};

/// The controller of this name that an image is. What it does not say of itself is taken from the known
/// release of that name, and only if it says nothing at all about its version. Its keyboards are taken
/// from the release that it says it is, as those made before there was a label for them say no more.
pub(super) fn controller_from(image: &ImageSummary, name: &str) -> Controller {
    let label = |key: &str| {
        image
            .labels
            .get(key)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let version = label("org.opencontainers.image.version");
    let known = Release::of_controller(name).filter(|_| version.is_none());
    let release = version.as_deref().map_or(known, Release::of_version);
    let keyboards = label("kiisrv.keyboards").map(|list| keyboards_from(&list));
    let dialect = label("kiisrv.dialect").and_then(|word| Dialect::parse(&word));
    let commits = label("kiisrv.commits").and_then(|count| count.parse().ok());
    Controller {
        image: image.id.clone(),
        protocol: if label("kiisrv.protocol").as_deref() == Some("2") {
            2
        } else {
            1
        },
        dialect: dialect.unwrap_or_else(|| Dialect::of_controller(name)),
        channel: label("kiisrv.channel"),
        version: version.or_else(|| known.map(|known| known.version.to_owned())),
        revision: label("org.opencontainers.image.revision")
            .or_else(|| known.map(|known| known.hash.to_owned())),
        created: label("org.opencontainers.image.created")
            .or_else(|| known.map(|known| known.date.to_owned())),
        commits: commits.or_else(|| known.map(|known| known.commits)),
        source: label("org.opencontainers.image.source")
            .or_else(|| known.map(|_| release::SOURCE.to_owned())),
        keyboards: keyboards.or_else(|| {
            let known = release?.keyboards.iter();
            Some(known.map(|&name| name.to_owned()).collect())
        }),
        name: name.to_owned(),
    }
}

pub(super) fn controller_name(tag: &str) -> Option<&str> {
    let tag = tag.strip_prefix("localhost/").unwrap_or(tag);
    let name = tag
        .strip_prefix("kiisrv-controller-")?
        .strip_suffix(":latest")?;
    let plain = !name.is_empty()
        && name.len() <= 32
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then_some(name)
}

#[cfg(test)]
mod tests {
    use shared::keyboard::Keyboard;

    use super::*;

    fn image(labels: &[(&str, &str)]) -> ImageSummary {
        ImageSummary {
            repo_tags: vec!["kiisrv-controller-057:latest".to_owned()],
            labels: labels
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Default::default()
        }
    }

    #[test]
    fn an_image_without_labels_is_the_known_release_of_its_name() {
        let controller = controller_from(&image(&[]), "057");
        assert_eq!((controller.protocol, controller.commits), (1, Some(1222)));
        assert_eq!(controller.version.as_deref(), Some("v0.5.7"));
        assert!(controller.builds(Keyboard::parse("Kira").unwrap()));
    }

    #[test]
    fn keyboards_are_those_of_the_label_else_of_the_release_else_all() {
        let kira_in = |labels: &[(&str, &str)]| {
            let controller = controller_from(&image(labels), "057");
            controller.builds(Keyboard::parse("Kira").unwrap())
        };
        let version = "org.opencontainers.image.version";
        assert!(!kira_in(&[(version, "v0.5.0")]));
        assert!(!kira_in(&[(version, "v9"), ("kiisrv.keyboards", "k-type")]));
        assert!(kira_in(&[
            (version, "v0.5.0"),
            ("kiisrv.keyboards", "k-type, kira")
        ]));
        assert!(kira_in(&[(version, "v9")]));
    }

    #[test]
    fn an_image_that_names_its_version_is_taken_by_its_own_words_only() {
        let labels = [
            ("org.opencontainers.image.version", "v9"),
            ("kiisrv.protocol", "2"),
        ];
        let controller = controller_from(&image(&labels), "057");
        assert_eq!((controller.protocol, controller.commits), (2, None));
        assert_eq!(controller.version.as_deref(), Some("v9"));
    }

    #[test]
    fn only_the_tag_latest_of_the_right_name_is_a_controller() {
        assert_eq!(controller_name("kiisrv-controller-057:latest"), Some("057"));
        assert_eq!(
            controller_name("localhost/kiisrv-controller-057:latest"),
            Some("057")
        );
        for tag in [
            "kiisrv-controller-057:old",
            "kiisrv-controller-:latest",
            "other/kiisrv-controller-057:latest",
            "kiisrv-controller-0/7:latest",
        ] {
            assert_eq!(controller_name(tag), None, "{tag}");
        }
    }
}
