//! A site whose content is a directory.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::{Content, Found, Site};

/// The files beneath a directory.
///
/// A path names a file beneath the directory and nothing else: `..` is refused however it is
/// written, and so are symbolic links that lead out of it, and whatever is no regular file. A
/// directory answers with its `index.html`, or else with a list of what is in it.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Absolute, without symbolic links, so that it is a prefix of every path within.
    root: PathBuf,
}

impl Directory {
    /// The site of this directory, which must exist.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Directory> {
        let root = fs::canonicalize(root)?;
        if !root.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Directory { root })
    }

    fn try_find(&self, path: &str) -> io::Result<Found> {
        let mut full = self.root.clone();
        // As `full`, beneath the root.
        let mut names = Vec::new();
        for component in path.split('/') {
            match component {
                "" | "." => {}
                ".." => return Ok(Found::Forbidden),
                // A NUL byte ends a name for the system, and so would hide what follows it.
                name if name.contains('\0') => return Ok(Found::Forbidden),
                name => {
                    full.push(name);
                    names.push(name);
                }
            }
        }
        let Some(full) = self.resolve(&full)? else {
            return Ok(Found::Forbidden);
        };
        match (full.is_dir(), path.ends_with('/')) {
            // Without the slash, the links of the page would lead to the wrong places.
            (true, false) => Ok(Found::Moved(location(&names))),
            (true, true) => match self.resolve(&full.join("index.html")) {
                Ok(Some(index)) => open_regular(&index),
                Ok(None) => Ok(Found::Forbidden),
                Err(error) if error.kind() == io::ErrorKind::NotFound => list(&full, path),
                Err(error) => Err(error),
            },
            (false, true) => Ok(Found::Missing),
            (false, false) => open_regular(&full),
        }
    }

    /// Follows symbolic links; `None` where they lead out of the directory.
    fn resolve(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let resolved = fs::canonicalize(path)?;
        Ok(resolved.starts_with(&self.root).then_some(resolved))
    }
}

impl Site for Directory {
    fn find(&self, path: &str) -> Found {
        self.try_find(path)
            .unwrap_or_else(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Found::Missing,
                io::ErrorKind::PermissionDenied => Found::Forbidden,
                _ => Found::Failed,
            })
    }
}

/// The path of the directory with these names. It is never the client's own spelling: a path that
/// starts with two slashes would name another host (RFC 3986 §4.2).
fn location(names: &[&str]) -> String {
    let mut location = String::from("/");
    for name in names {
        location.push_str(&percent_encode(name));
        location.push('/');
    }
    location
}

fn open_regular(path: &Path) -> io::Result<Found> {
    // NONBLOCK: to open a named pipe would wait for its other end. NOFOLLOW: links were resolved, so
    // this one took the place of what was looked at.
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Forbidden);
    }
    Ok(Found::Content(Content {
        media_type: media_type(path),
        length: metadata.len(),
        body: Box::new(file),
    }))
}

/// A page that links to each entry of a directory.
fn list(directory: &Path, path: &str) -> io::Result<Found> {
    let mut entries = fs::read_dir(directory)?
        .map(|entry| {
            let entry = entry?;
            // Names that are not UTF-8 cannot be asked for here, and so are not shown.
            let name = entry.file_name().into_string().ok();
            let slash = if entry.path().is_dir() { "/" } else { "" };
            Ok(name.map(|name| name + slash))
        })
        .filter_map(io::Result::transpose)
        .collect::<io::Result<Vec<String>>>()?;
    entries.sort_unstable();

    let title = escape_html(path);
    let mut page = format!("<!doctype html>\n<meta charset=utf-8>\n<title>{title}</title>\n");
    page.push_str("<ul>\n");
    for entry in entries {
        // Relative to `./`, lest a name with a colon be read as a scheme.
        let (href, text) = (percent_encode(&entry), escape_html(&entry));
        // Writing to a String cannot fail.
        let _ = writeln!(page, "<li><a href=\"./{href}\">{text}</a>");
    }
    page.push_str("</ul>\n");
    Ok(Found::Content(Content {
        media_type: "text/html; charset=utf-8",
        length: page.len() as u64,
        body: Box::new(io::Cursor::new(page)),
    }))
}

fn media_type(path: &Path) -> &'static str {
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("txt" | "md" | "rs" | "toml") => "text/plain; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// Undoes percent-encoding; `None` where it is malformed or the result is not UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            decoded.push(u8::try_from(high << 4 | low).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8(decoded).ok()
}

/// Encodes what may not stand in a path (RFC 3986 §3.3); slashes stay.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::os::unix::fs::symlink;

    /// A directory with a page, a directory without an index, and links that lead in and out.
    struct Fixture {
        path: PathBuf,
        site: Directory,
    }

    impl Fixture {
        fn new(name: &str) -> Fixture {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            let root = path.join("root");
            fs::create_dir_all(root.join("a b")).unwrap();
            fs::write(path.join("secret"), "secret").unwrap();
            fs::write(root.join("page.txt"), "page").unwrap();
            fs::write(root.join("a b/x&y"), "x").unwrap();
            symlink("page.txt", root.join("inside")).unwrap();
            symlink("../secret", root.join("outside")).unwrap();
            let site = Directory::new(&root).unwrap();
            Fixture { path, site }
        }

        fn get(&self, path: &str) -> Result<String, &'static str> {
            match self.site.find(path) {
                Found::Content(mut content) => {
                    let mut text = String::new();
                    content.body.read_to_string(&mut text).unwrap();
                    assert_eq!(text.len() as u64, content.length);
                    Ok(text)
                }
                Found::Moved(_) => Err("moved"),
                Found::Missing => Err("missing"),
                Found::Forbidden => Err("forbidden"),
                Found::Failed => Err("failed"),
            }
        }
    }

    impl Drop for Fixture {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.path);
        }
    }

    #[test]
    fn files_are_found_and_nothing_outside_is() {
        let fixture = Fixture::new("http-files");
        assert_eq!(fixture.get("/page.txt").as_deref(), Ok("page"));
        assert_eq!(fixture.get("/inside").as_deref(), Ok("page"));
        assert_eq!(fixture.get("/nothing"), Err("missing"));
        assert_eq!(fixture.get("/page.txt/below"), Err("missing"));
        assert_eq!(fixture.get("/page.txt/"), Err("missing"));
        assert_eq!(fixture.get("/outside"), Err("forbidden"));
        assert_eq!(fixture.get("/../secret"), Err("forbidden"));
        assert_eq!(fixture.get("/a b/../../secret"), Err("forbidden"));
        assert_eq!(fixture.get("/page.txt\0.html"), Err("forbidden"));
    }

    #[test]
    fn a_directory_is_its_index_or_a_list() {
        let fixture = Fixture::new("http-lists");
        let list = fixture.get("/").unwrap();
        assert!(list.contains("<a href=\"./a%20b/\">a b/</a>"), "{list}");
        let list = fixture.get("/a b/").unwrap();
        assert!(list.contains("<a href=\"./x%26y\">x&amp;y</a>"), "{list}");
        assert!(matches!(
            fixture.site.find("/a b"),
            Found::Moved(to) if to == "/a%20b/"
        ));
        for spelling in ["//a b", "/.//a b", "///./a b"] {
            let moved = fixture.site.find(spelling);
            assert!(matches!(moved, Found::Moved(to) if to == "/a%20b/"));
        }
        assert!(matches!(fixture.site.find("//."), Found::Moved(to) if to == "/"));
        fs::write(fixture.path.join("root/index.html"), "index").unwrap();
        assert_eq!(fixture.get("/").as_deref(), Ok("index"));
    }

    #[test]
    fn percent_encoding_is_undone_whole_or_refused() {
        assert_eq!(percent_decode("/a%20b%2F").as_deref(), Some("/a b/"));
        assert_eq!(percent_decode("%2e%2e").as_deref(), Some(".."));
        for wrong in ["%", "%2", "%zz", "%+1", "%ff"] {
            assert_eq!(percent_decode(wrong), None, "{wrong}");
        }
        assert_eq!(percent_encode("/ü?"), "/%C3%BC%3F");
    }
}
