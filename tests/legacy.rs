//! An image as the predecessor's were: it knows nothing of us, and nothing of it stays.

use std::fs;

use harness::{
    engine::{self, TestImage},
    service::{Service, layout},
};

/// Root, moves its inputs away, writes to its own tree and to the compiler's cache, leaves things that only
/// root may remove, and says by an environment variable what it was asked.
const DOCKERFILE: &str = r#"
FROM kiisrv-toolchain:bookworm
RUN printf '%s\n' \
    'set -eu' \
    'test "$(id -u)" = 0' \
    'build=$(mktemp -d)' \
    'cp /mnt/config/$2/* "$build" && rm -r "/mnt/config/$2"' \
    'touch /its-own-tree /mnt/ccache/object' \
    'mkdir -m 700 /mnt/builds/leftover && mkdir /mnt/builds/leftover/deep' \
    'cd "$build" && mkdir log kll && cp *.kll kll/' \
    'echo "script=$1 base=$DefaultMapOverride partial=$PartialMapsExpandedOverride layout=$Layout split=${SPLIT_KEYBOARD:-}" > log/build.log' \
    'out=/mnt/builds/$3 status=0' \
    'if grep -q FAILS *.kll; then out=${out%.*}_error.zip status=1; else touch {,left_,right_}kiibohd.dfu.bin; fi' \
    'zip -q "$out" *.kll *.json kll/* log/* $(ls *.dfu.bin 2>/dev/null)' \
    'exit $status' > /build.sh
ENTRYPOINT ["/bin/bash", "/build.sh"]
"#;

#[test]
fn an_image_of_the_predecessor_builds_and_nothing_of_it_stays() {
    if !engine::is_wanted() {
        return;
    }
    let _image = TestImage::of_dockerfile("056", DOCKERFILE);
    let service = Service::start(&[]);
    // The name says which release it is, as its image does not.
    let known = &service.get("/versions").json()["v0.5.6"];
    assert_eq!(
        (&known["commit"], &known["bcd"]),
        (&1163.into(), &"4.8b".into()),
        "{known}"
    );

    let split = service.build(&layout("MDErgo1-Default.json"), "v0.5.6");
    assert_eq!(split["status"], "succeeded", "{split}");
    let log = String::from_utf8_lossy(&service.zip_of(&split).file("log/build.log")).into_owned();
    let asked = "script=ergodox.bash base=infinity_ergodox/lcdFuncMap MDErgo1-Default-0 \
                 partial=infinity_ergodox/lcdFuncMap MDErgo1-Default-1;infinity_ergodox/lcdFuncMap MDErgo1-Default-2 \
                 layout=standard split=1\n";
    assert_eq!(log, asked);

    let mut config = layout("KType-Standard.json");
    config["header"]["Author"] = "FAILS".into();
    let failed = service.build(&config, "v0.5.6");
    assert_eq!(failed["reason"], "build_failed", "{failed}");
    assert!(
        service
            .zip_of(&failed)
            .names()
            .contains(&"log/build.log".to_owned())
    );

    for build in [split, failed] {
        service.assert_nothing_is_left(&build);
    }
    let left = fs::read_dir(service.path().join("data/artifacts")).expect("zips");
    let names = left.map(|entry| entry.expect("an entry").file_name());
    // Beside them is the mark of whose they are.
    let builds = names.filter(|name| !name.to_string_lossy().starts_with('.'));
    assert_eq!(builds.count(), 2, "each build left its zip");
}
