//! A new keymap for each keyboard, from the request to the zip: on its prepared tree, beside one that has none.

use std::{cell::RefCell, net::SocketAddr, time::Duration};

use harness::{
    engine::{TestImage, docker},
    program::pause,
    service::layout,
    store::ByHand,
};
use serde_json::json;
use tokio::runtime::Runtime;

use super::{
    engine_is_there,
    journey::{Journey, post_to_zip},
};
use crate::{
    http::client::Client,
    measure::{each, in_turns},
    measured::{Measured, Unit},
    run::{Bench, CannotBeHere},
    service::Service,
};

/// Keyboards as results name them, and a layout of each.
pub(crate) const KEYBOARDS: [(&str, &str); 7] = [
    ("ktype", "KType-Standard.json"),
    ("whitefox", "WhiteFox-TrueFoxBlank.json"),
    ("md1", "MD1-Standard.json"),
    ("md1_1", "MD1.1-Standard.json"),
    ("mdergo1", "MDErgo1-Default.json"),
    ("kira", "Kira-Standard.json"),
    ("gemini", "GeminiDuskDawn-Standard.json"),
];

/// The controller that people build with, if this machine has it.
pub(crate) const CONTROLLER: &str = "057";

/// The same without prepared trees.
const COLD: &str = "coldbench";

/// Between two builds, as in the other measurements.
const REST: Duration = Duration::from_millis(500);

/// The parts of a warm build, as its log and as results name them.
const PARTS: [(&str, &str); 3] = [
    ("KLL compiled", "kll"),
    ("objects compiled", "objects"),
    ("linked", "link"),
];

/// The names of a keyboard's results.
pub(crate) fn names(keyboard: &str) -> Vec<String> {
    let parts = PARTS.iter();
    let parts = parts.map(|(_, part)| format!("build_{keyboard}_warm_{part}"));
    std::iter::once(format!("build_{keyboard}_warm_vs_cold"))
        .chain(parts)
        .collect()
}

/// Warm beside cold, and the parts of the warm one.
pub(crate) fn warm_vs_cold(
    bench: &Bench,
    (keyboard, file): (&str, &str),
) -> anyhow::Result<Vec<Measured>> {
    if keyboard != KEYBOARDS[0].0 {
        bench.takes_its_time()?;
    }
    let _cold = cold_image()?;
    let service = Service::start_both(bench, &[])?;
    let table = ByHand::open(&service.data());
    table.stand_for("warm", CONTROLLER);
    table.stand_for("cold", COLD);
    let asking = RefCell::new(Asking::at(service.address, file)?);
    let mut said = Vec::new();
    let (warm, cold) = in_turns(
        bench.few_rounds(),
        || {
            let (journey, log) = asking.borrow_mut().build("warm")?;
            said.push(log);
            Ok(journey.took)
        },
        || Ok(asking.borrow_mut().build("cold")?.0.took),
    )?;
    let names = names(keyboard);
    let mut measured = vec![
        Measured::alone(&names[0], Unit::Milliseconds, warm)
            .beside("the same without a prepared tree", cold),
    ];
    // The first build does not count.
    let counted = said.get(1..).unwrap_or_default();
    for ((part, _), name) in PARTS.iter().zip(&names[1..]) {
        let took = each(counted, |log| part_of(log, part).unwrap_or(f64::NAN));
        if took.iter().all(|took| took.is_finite()) {
            measured.push(Measured::alone(name, Unit::Milliseconds, took));
        }
    }
    Ok(measured)
}

/// The controller's image again, its prepared trees taken away.
fn cold_image() -> anyhow::Result<TestImage> {
    engine_is_there()?;
    let image = format!("kiisrv-controller-{CONTROLLER}");
    let label = r#"{{index .Config.Labels "kiisrv.warm"}}"#;
    let warm = docker(&["image", "inspect", "-f", label, &image]);
    if warm.is_none_or(|label| label.is_empty()) {
        let missing = format!("no {image} with prepared trees: run `make controller` first");
        return Err(CannotBeHere(missing).into());
    }
    let dockerfile = format!("FROM {image}\nRUN rm -rf /opt/kiisrv/warm/*\n");
    Ok(TestImage::of_dockerfile(COLD, &dockerfile))
}

/// How long a part took by a build's log, in milliseconds; of two halves, the slower one.
fn part_of(log: &str, part: &str) -> Option<f64> {
    let took = log.lines().filter_map(|line| {
        let (what, took) = line.strip_prefix("kiisrv: ")?.rsplit_once(" in ")?;
        let took = took.strip_suffix(" ms")?.parse().ok()?;
        what.ends_with(part).then_some(took)
    });
    took.reduce(f64::max)
}

/// Somebody who changes a key and builds, again and again.
pub(crate) struct Asking {
    address: SocketAddr,
    runtime: Runtime,
    file: String,
    asked: u32,
}

impl Asking {
    /// At a service, with changes to this layout.
    pub(crate) fn at(address: SocketAddr, file: &str) -> anyhow::Result<Self> {
        Ok(Self {
            address,
            runtime: Runtime::new()?,
            file: file.to_owned(),
            asked: 0,
        })
    }

    /// A keymap that nobody has built yet, and the log of its build.
    pub(crate) fn build(&mut self, version: &str) -> anyhow::Result<(Journey, String)> {
        pause(REST);
        let letter = char::from_u32(u32::from('A') + self.asked % 26).unwrap_or('A');
        let key = 20 + self.asked as usize / 26;
        self.asked += 1;
        let mut config = layout(&self.file);
        let letter = letter.to_string();
        config["matrix"][key]["layers"]["0"] = json!({ "key": letter, "label": letter });
        let body = json!({ "config": config, "env": version }).to_string();
        self.runtime.block_on(async {
            let mut client = Client::connect(self.address).await?;
            let journey = post_to_zip(&mut client, body.into()).await?;
            let url = journey.build["log_url"].as_str().unwrap_or_default();
            let log = client.get(url).await?.body;
            let log = String::from_utf8_lossy(&log).into_owned();
            Ok((journey, log))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_two_halves_takes_as_long_as_the_slower_one() {
        let log = "kiisrv: KLL compiled in 120 ms\nkiisrv: 3 of 80 objects compiled in 41 ms\n\
                   kiisrv: KLL compiled in 130 ms\nkiisrv: built firmware.zip\n";
        assert_eq!(part_of(log, "KLL compiled"), Some(130.0));
        assert_eq!(part_of(log, "objects compiled"), Some(41.0));
        assert_eq!(part_of(log, "linked"), None);
    }
}
