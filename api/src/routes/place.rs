//! Where a route is, said once: the filter is made of it, the answer to a wrong method, and the comparison with the
//! description of the API.

use warp::{
    Filter, Rejection, Reply,
    filters::BoxedFilter,
    http::{HeaderValue, Method, StatusCode, header},
    path::FullPath,
    reply::Response,
};

/// What a path may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `GET`, or `HEAD`, which the server answers without the body.
    Get,
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
}

/// A method and a path, such as `/v1/builds/{id}/log`: one parameter at most, which is a part of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The method.
    pub(crate) verb: Verb,
    /// The path, as the description writes it.
    pub(crate) path: &'static str,
}

/// A place, and what is answered there.
pub(super) struct Route {
    pub(super) place: Place,
    pub(super) filter: BoxedFilter<(Response,)>,
}

impl Verb {
    const fn methods(self) -> &'static [Method] {
        match self {
            Self::Get => &[Method::GET, Method::HEAD],
            Self::Post => &[Method::POST],
            Self::Delete => &[Method::DELETE],
        }
    }

    /// A route at a path without a parameter.
    pub(super) fn at<F, R>(
        self,
        path: &'static str,
        answer: impl FnOnce(BoxedFilter<()>) -> F,
    ) -> Route
    where
        F: Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
        R: Reply + 'static,
    {
        let place = Place { verb: self, path };
        // The empty text that stands for the parameter says nothing.
        let here = place.filter().map(|_| ()).untuple_one().boxed();
        place.answered_by(answer(here))
    }

    /// A route at each path of this form: the parameter comes first among the arguments.
    pub(super) fn each<F, R>(
        self,
        path: &'static str,
        answer: impl FnOnce(BoxedFilter<(String,)>) -> F,
    ) -> Route
    where
        F: Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
        R: Reply + 'static,
    {
        let place = Place { verb: self, path };
        place.answered_by(answer(place.filter()))
    }
}

impl Place {
    fn answered_by<F, R>(self, filter: F) -> Route
    where
        F: Filter<Extract = (R,), Error = Rejection> + Clone + Send + Sync + 'static,
        R: Reply + 'static,
    {
        Route {
            place: self,
            filter: filter.map(Reply::into_response).boxed(),
        }
    }

    /// The path comes before the method, so that a known path with another method is a 405.
    fn filter(self) -> BoxedFilter<(String,)> {
        let path = warp::path::full().and_then(move |path: FullPath| async move {
            let parameter = self.parameter(path.as_str()).map(str::to_owned);
            parameter.ok_or_else(warp::reject::not_found)
        });
        match self.verb {
            Verb::Get => path.and(warp::get().or(warp::head()).unify()).boxed(),
            Verb::Post => path.and(warp::post()).boxed(),
            Verb::Delete => path.and(warp::delete()).boxed(),
        }
    }

    /// Whether this path is one of its own.
    pub(crate) fn is_at(self, path: &str) -> bool {
        self.parameter(path).is_some()
    }

    /// What stands for the parameter in this path, an empty text where the place has none; `None` for another path.
    fn parameter(self, path: &str) -> Option<&str> {
        // A slash at the end makes no other path.
        let path = path.strip_suffix('/').unwrap_or(path);
        let Some((before, after)) = self.path.split_once('{') else {
            let own = self.path.strip_suffix('/').unwrap_or(self.path);
            return (own == path).then_some("");
        };
        let (_, after) = after.split_once('}')?;
        let value = path.strip_prefix(before)?.strip_suffix(after)?;
        (!value.is_empty() && !value.contains('/')).then_some(value)
    }
}

/// Says with a 405 what the path does know, which warp forgets when it refuses.
pub(super) fn with_allow(places: &[Place], path: &FullPath, mut response: Response) -> Response {
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        let here = places.iter().filter(|place| place.is_at(path.as_str()));
        let mut methods = Vec::new();
        for method in here
            .flat_map(|place| place.verb.methods())
            .chain([&Method::OPTIONS])
        {
            // Two routes may have a path and a method in common, and differ in what the parameter is.
            if !methods.contains(&method.as_str()) {
                methods.push(method.as_str());
            }
        }
        if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_compared_by_its_whole_length() {
        for (place, path, parameter) in [
            ("/", "/", Some("")),
            ("/", "/x", None),
            ("/v1/queue", "/v1/queue", Some("")),
            ("/v1/queue", "/v1/queue/", Some("")),
            ("/v1/queue", "/v1/queue//", None),
            ("/v1/queue", "/v1/queues", None),
            ("/v1/builds/{id}", "/v1/builds/7", Some("7")),
            ("/v1/builds/{id}", "/v1/builds/7/", Some("7")),
            ("/v1/builds/{id}", "/v1/builds/", None),
            ("/v1/builds/{id}", "/v1/builds/7/log", None),
            ("/v1/builds/{id}/log", "/v1/builds/7/log", Some("7")),
            ("/v1/builds/{id}/log", "/v1/builds//log", None),
            ("/layouts/{name}.svg", "/layouts/a.b.svg", Some("a.b")),
            ("/layouts/{name}.svg", "/layouts/.svg", None),
            ("/layouts/{name}.svg", "/layouts/a.json", None),
        ] {
            let verb = Verb::Get;
            assert_eq!(
                Place { verb, path: place }.parameter(path),
                parameter,
                "{place} {path}"
            );
        }
    }
}
