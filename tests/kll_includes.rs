//! KLL of a person's own becomes C, and C can ask for files: for those of the container, and for none of the host's.

use harness::{
    engine,
    service::{Service, layout},
};
use serde_json::json;

/// In the container, as in every Debian.
const ITS_OWN: &str = "/etc/debian_version";

#[test]
fn a_layout_that_asks_for_files_sees_the_containers_and_never_the_hosts() {
    if !engine::is_wanted() {
        return;
    }
    let service = Service::start(&[]);
    let host = service.path().join("of_the_host.h");
    std::fs::write(&host, "1").unwrap();
    // The reference firmware has `#if` on this setting.
    let firmware_with = |value: &str| {
        let mut config = layout("KType-NoAnimations.json");
        config["custom"] = json!({ "0": format!("flashModeEnabled = \"{value}\";\n") });
        let build = service.build(&config, "latest");
        assert_eq!(build["status"], "succeeded", "{value}: {build}");
        let firmware = service.zip_of(&build).file("kiibohd.dfu.bin");
        service.assert_nothing_is_left(&build);
        firmware
    };
    let asking_for = |file: &str| firmware_with(&format!("__has_include(<{file}>)"));
    let (without, with) = (firmware_with("0"), firmware_with("1"));
    assert!(without != with, "the setting makes no difference");

    assert!(asking_for(ITS_OWN) == with, "the question does not arrive");
    let host = host.to_str().unwrap();
    assert!(asking_for(host) == without, "it sees a file of the host");
    let up = format!("../../../../../../../..{host}");
    assert!(asking_for(&up) == without, "it sees a file of the host");
}
