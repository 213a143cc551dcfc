//! One file that needs nothing else: the plotting library and the data are in it, compressed.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::html::escape;
use super::panels::Figure;

/// A page before it is put together.
pub struct Page {
    /// Of the document, and its first heading.
    pub title: String,
    /// What stands before the figures, as HTML.
    pub head: String,
    /// The figures in their order.
    pub figures: Vec<Figure>,
    /// What stands behind the figures, as HTML.
    pub foot: String,
}

impl Page {
    /// The whole file.
    ///
    /// # Errors
    ///
    /// Where a figure has no JSON.
    pub fn render(&self, library: &Library) -> io::Result<String> {
        let mut sections = String::new();
        for figure in &self.figures {
            let Figure {
                id,
                heading,
                height,
                ..
            } = figure;
            let _ = write!(
                sections,
                "<section><h2>{heading}</h2>\
                 <div class=\"plot\" id=\"{id}\" style=\"height:{height}px\"></div></section>\n"
            );
        }
        let figures = serde_json::to_vec(&self.figures)?;
        let parts = [
            ("{{title}}", escape(&self.title)),
            ("{{style}}", include_str!("page.css").to_owned()),
            ("{{head}}", self.head.clone()),
            ("{{sections}}", sections),
            ("{{foot}}", self.foot.clone()),
            ("{{library}}", library.0.clone()),
            ("{{figures}}", packed(&figures, Compression::default())?),
            ("{{script}}", include_str!("page.js").to_owned()),
        ];
        let mut html = String::new();
        let mut rest = include_str!("page.html");
        for (place, part) in &parts {
            // A part is never searched for places: its text cannot be taken for one.
            let (before, after) = rest.split_once(place).unwrap_or((rest, ""));
            html.push_str(before);
            html.push_str(part);
            rest = after;
        }
        html.push_str(rest);
        Ok(html)
    }
}

/// The plotting library, compressed.
pub struct Library(String);

impl Library {
    /// The library as its crate brings it: the first script of what is meant for a page without a
    /// network.
    ///
    /// # Errors
    ///
    /// Where the crate brings no script.
    pub fn pack() -> io::Result<Library> {
        let scripts = plotly::Plot::offline_js_sources();
        let script = scripts
            .split_once('>')
            .and_then(|(_, rest)| rest.split_once("</script>"));
        match script {
            Some((script, _)) => Ok(Library(packed(script.as_bytes(), Compression::best())?)),
            None => Err(io::Error::other("the crate plotly brings no script")),
        }
    }
}

/// Compressed by gzip, and written in base64.
fn packed(bytes: &[u8], level: Compression) -> io::Result<String> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes)?;
    Ok(STANDARD.encode(encoder.finish()?))
}
