//! Who asks: the address, through proxies that are trusted and through no others, and the program.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
};

use shared::{
    settings::Network,
    store::requests::{Visitor, client_name},
};
use warp::{
    Filter,
    http::{HeaderMap, header},
};

use crate::state::State;

/// The other end of the connection. The server puts it into each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Somebody who asks for a build.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// A keyed hash of the address: the address itself is neither stored nor logged.
    pub(crate) client: String,
    /// With what they ask.
    pub(crate) visitor: Visitor,
}

/// Finds out who asks. It never refuses.
pub(crate) fn asker(
    state: &State,
) -> impl Filter<Extract = (Asker,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = state.clone();
    warp::ext::optional::<Peer>()
        .and(warp::header::headers_cloned())
        .map(move |peer: Option<Peer>, headers: HeaderMap| {
            let agent = headers
                .get(header::USER_AGENT)
                .and_then(|agent| agent.to_str().ok())
                .unwrap_or_default();
            let trusted = &state.settings.trusted_proxies;
            let name = peer.map_or_else(
                || "unknown".to_owned(),
                |Peer(peer)| client_name(address(peer.ip(), &headers, trusted)),
            );
            Asker {
                client: state.store.client(&name),
                visitor: Visitor::from_user_agent(agent).within(&state.settings.privacy),
            }
        })
}

/// Finds out from where somebody asks; `None` where no connection of ours says so.
pub(crate) fn asker_address(
    state: &State,
) -> impl Filter<Extract = (Option<IpAddr>,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = state.clone();
    warp::ext::optional::<Peer>()
        .and(warp::header::headers_cloned())
        .map(move |peer: Option<Peer>, headers: HeaderMap| {
            let trusted = &state.settings.trusted_proxies;
            peer.map(|Peer(peer)| address(peer.ip(), &headers, trusted))
        })
}

/// Whether a request came over TLS: our server speaks none itself, so that only a trusted proxy can know.
pub(crate) fn over_tls(
    state: &State,
) -> impl Filter<Extract = (bool,), Error = Infallible> + Clone + Send + Sync + 'static {
    let state = state.clone();
    warp::ext::optional::<Peer>()
        .and(warp::header::headers_cloned())
        .map(move |peer: Option<Peer>, headers: HeaderMap| {
            let trusted = &state.settings.trusted_proxies;
            let is_trusted =
                peer.is_some_and(|Peer(peer)| is_trusted(peer.ip().to_canonical(), trusted));
            // The nearest proxy's own word stands last.
            let schemes = headers.get_all("x-forwarded-proto").iter().next_back();
            let scheme = schemes.and_then(|schemes| schemes.to_str().ok()?.rsplit(',').next());
            is_trusted && scheme.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
        })
}

/// The right-most address that no trusted proxy of ours vouches to be one of them. What stands left of
/// it was sent by the client and may say anything.
fn address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut nearest = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        // What is no text is no address either, and ends the walk below.
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .collect();
    for further in forwarded.into_iter().rev() {
        if !is_trusted(nearest, trusted) {
            break;
        }
        let Some(further) = parse_address(further.trim()) else {
            break;
        };
        nearest = further;
    }
    nearest
}

/// Whether this is a proxy of ours.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[Network]) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address, with a port or without: proxies do either.
fn parse_address(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<_> = trusted.iter().map(|proxy| proxy.parse().unwrap()).collect();
        client_name(address(peer.parse().unwrap(), &headers, &trusted))
    }

    #[test]
    fn a_forwarded_address_is_believed_from_trusted_proxies_only() {
        assert_eq!(found("203.0.113.9", &["198.51.100.1"], &[]), "203.0.113.9");
        assert_eq!(
            found("10.0.0.1", &["198.51.100.1"], &["10.0.0.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            found("10.0.0.9", &["198.51.100.1"], &["10.0.0.0/24"]),
            "198.51.100.1"
        );
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let proxies = ["10.0.0.1", "10.0.0.2"];
        assert_eq!(
            found("10.0.0.1", &["6.6.6.6, 198.51.100.1", "10.0.0.2"], &proxies),
            "198.51.100.1"
        );
        assert_eq!(
            found("10.0.0.1", &["6.6.6.6, nonsense"], &proxies),
            "10.0.0.1"
        );
        assert_eq!(
            found("::ffff:10.0.0.1", &["198.51.100.1:4711"], &proxies),
            "198.51.100.1"
        );
    }

    #[test]
    fn a_whole_network_of_ipv6_is_one_client() {
        assert_eq!(found("2001:db8:1:2:3:4:5:6", &[], &[]), "2001:db8:1:2::/64");
    }
}
