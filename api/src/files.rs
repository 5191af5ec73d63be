//! A file of a build as an answer: opened without following links, sent in pieces.

use std::{
    fs::OpenOptions,
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Component, Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use rustix::fs::OFlags;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};
use warp::{
    Reply,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    reply::Response,
};

use crate::{
    error::{Answer, Problem},
    range::{self, Wanted},
};

/// Bytes that are read and sent at once.
const PIECE: usize = 64 * 1024;

/// What is said of a file.
pub(crate) struct About {
    /// Its kind.
    pub(crate) content_type: &'static str,
    /// SHA-256 of it, where it changes no more.
    pub(crate) sha256: Option<String>,
    /// Who may keep it and how long.
    pub(crate) cache: &'static str,
    /// The name under which a browser stores it.
    pub(crate) name: Option<String>,
}

/// Opens a plain file below a directory. `None` where there is none.
///
/// # Errors
/// When the path leaves the directory, leads to a link or to what is no plain file, or cannot be read.
pub(crate) async fn open_below(directory: &Path, path: &Path) -> io::Result<Option<(File, u64)>> {
    let inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return Err(io::Error::other("the path leaves its directory"));
    }
    let path = directory.join(path);
    match tokio::task::spawn_blocking(move || open_plain(&path)).await? {
        Ok((file, length)) => Ok(Some((File::from_std(file), length))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn open_plain(path: &PathBuf) -> io::Result<(std::fs::File, u64)> {
    // A link is not followed, and a pipe does not keep us waiting for its other end.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok((file, found.len()))
}

/// The file, or the part of it that is asked for.
pub(crate) async fn serve(
    (mut file, length): (File, u64),
    about: About,
    request: &HeaderMap,
) -> Answer {
    let etag = about.sha256.as_ref().map(|sha256| format!("\"{sha256}\""));
    if let Some(etag) = &etag
        && range::has_it(request, etag)
    {
        return finished(
            StatusCode::NOT_MODIFIED.into_response(),
            &about,
            etag.as_str().into(),
        );
    }
    let (status, first, count) = match range::wanted(request, etag.as_deref(), length) {
        Wanted::Whole => (StatusCode::OK, 0, length),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => return Ok(beyond_the_end(length)),
    };
    file.seek(io::SeekFrom::Start(first))
        .await
        .map_err(Problem::broken)?;
    let mut response = warp::reply::stream(pieces(file, count)).into_response();
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, count.into());
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{length}", first + count - 1);
        headers.insert(header::CONTENT_RANGE, text(&range)?);
    }
    finished(response, &about, etag.as_deref())
}

fn finished(mut response: Response, about: &About, etag: Option<&str>) -> Answer {
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(about.content_type),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(about.cache));
    if let Some(etag) = etag {
        headers.insert(header::ETAG, text(etag)?);
    }
    if let Some(name) = &about.name {
        let disposition = format!("attachment; filename=\"{name}\"");
        headers.insert(header::CONTENT_DISPOSITION, text(&disposition)?);
    }
    Ok(response)
}

fn beyond_the_end(length: u64) -> Response {
    let problem = Problem::new(
        StatusCode::RANGE_NOT_SATISFIABLE,
        format!("there are {length} bytes"),
    );
    let mut response = problem.into_response();
    if let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    response
}

/// `count` bytes of a file from where it stands. A file that turns out shorter is an error, as the length was told.
fn pieces(file: File, count: u64) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
    stream::try_unfold((file, count), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let size = usize::try_from(left).map_or(PIECE, |left| left.min(PIECE));
        let mut piece = BytesMut::zeroed(size);
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        piece.truncate(read);
        Ok(Some((piece.freeze(), (file, left - read as u64))))
    })
}

fn text(value: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(value).map_err(Problem::broken)
}
