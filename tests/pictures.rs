//! `kiisrv draw` as a person uses it: pictures in files or for the next program, and words where there is none.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use harness::program;
use shared::{
    draw::{self, View},
    layout::Library,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[expect(
    clippy::disallowed_methods,
    reason = "the program is started as a person does it"
)]
fn kiisrv(arguments: &[&str]) -> Output {
    let mut command = Command::new(program::path());
    command.current_dir(ROOT).env_remove("KIISRV_LAYOUTS");
    command.arg("draw").args(arguments).output().unwrap()
}

fn picture(layout: &str, view: View) -> String {
    let library = Library::open(Path::new(ROOT).join("layouts")).unwrap();
    let text = &library.get(layout).unwrap().text;
    draw::draw_from(&serde_json::from_str(text).unwrap(), &library, view).unwrap()
}

#[test]
fn one_layout_is_drawn_into_a_file_or_for_the_next_program() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("k.svg");
    let layout = "layouts/KType-Standard.json";
    let written = kiisrv(&[layout, "-o", file.to_str().unwrap()]);
    assert!(written.status.success(), "{written:?}");
    let expected = picture("KType-Standard.json", View::AllLayers);
    assert_eq!(fs::read_to_string(file).unwrap(), expected);

    let piped = kiisrv(&[layout, "--layer", "1"]);
    assert!(piped.status.success(), "{piped:?}");
    let expected = picture("KType-Standard.json", View::Layer(1));
    assert_eq!(String::from_utf8(piped.stdout).unwrap(), expected);
}

#[test]
fn all_layouts_are_drawn_once_and_what_cannot_be_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let drawn = kiisrv(&["--all", directory.path().to_str().unwrap()]);
    assert!(drawn.status.success(), "{drawn:?}");
    let library = Library::open(Path::new(ROOT).join("layouts")).unwrap();
    let own = library
        .names()
        .filter(|name| library.get(name).unwrap().name == *name);
    for name in own {
        let file = directory.path().join(name.replace(".json", ".svg"));
        let is_told = String::from_utf8_lossy(&drawn.stderr).contains(name);
        assert_ne!(file.exists(), is_told, "{name}");
    }
    assert!(!directory.path().join("K-Type-Standard.svg").exists());
}

#[test]
fn what_cannot_be_drawn_is_told_and_fails() {
    let beyond = kiisrv(&["layouts/KType-Standard.json", "--layer", "7"]);
    assert!(!beyond.status.success());
    let told = String::from_utf8_lossy(&beyond.stderr).into_owned();
    assert!(told.contains("the layers 0 to 1"), "{told}");
    assert!(!kiisrv(&[]).status.success());
}

#[test]
fn the_pictures_in_the_documents_are_of_layouts_that_we_have() {
    let pictures = fs::read_dir(Path::new(ROOT).join("docs/pictures")).unwrap();
    let mut seen = 0;
    for picture in pictures {
        let picture = picture.unwrap();
        let name = picture.file_name().into_string().unwrap();
        let Some(stem) = name.strip_suffix(".svg") else {
            continue;
        };
        let shown = fs::read_to_string(picture.path()).unwrap();
        let drawn = self::picture(&format!("{stem}.json"), View::AllLayers);
        // Colours and sizes may change; what is shown must be what there is.
        let words = |svg: &str| svg.lines().nth(2).map(str::to_owned);
        assert_eq!(
            words(&shown),
            words(&drawn),
            "kiisrv draw layouts/{stem}.json -o docs/pictures/{name}"
        );
        seen += 1;
    }
    assert!(seen > 0);
}
