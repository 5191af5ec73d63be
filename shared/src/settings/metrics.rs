//! Who may read the metrics.

use std::{net::IpAddr, str::FromStr};

use super::Network;

/// Who may read the metrics: `on`, `off`, or addresses and networks with commas between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetricsFor {
    /// They tell how busy the service is, and nothing of anybody's layout.
    Everybody,
    /// There is no such path.
    Nobody,
    /// Who asks from one of these, through trusted proxies.
    Networks(Vec<Network>),
}

impl MetricsFor {
    /// Whether they are for somebody who asks from there.
    #[must_use]
    pub fn includes(&self, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Everybody, _) => true,
            (Self::Nobody, _) | (Self::Networks(_), None) => false,
            (Self::Networks(networks), Some(address)) => {
                networks.iter().any(|network| network.contains(address))
            }
        }
    }
}

impl FromStr for MetricsFor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::Everybody),
            "off" => Ok(Self::Nobody),
            networks => networks
                .split(',')
                .map(|network| network.trim().parse())
                .collect::<Result<_, _>>()
                .map(Self::Networks)
                .map_err(|error: ipnet::AddrParseError| {
                    format!("it must be on, off, or addresses and networks: {error}")
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_let_in_and_others_are_not() {
        let some: MetricsFor = "127.0.0.1, 10.0.0.0/8".parse().unwrap();
        for (address, is_in) in [
            (Some("127.0.0.1"), true),
            (Some("::ffff:10.1.2.3"), true),
            (Some("192.0.2.1"), false),
            (None, false),
        ] {
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(some.includes(address), is_in, "{address:?}");
        }
        assert!(MetricsFor::Everybody.includes(None));
        assert!(!MetricsFor::Nobody.includes(Some([127, 0, 0, 1].into())));
    }
}
