//! The report of a run: a file that needs nothing else, and whose plots are drawn.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;
use std::rc::Rc;

use integration_tests::browser::Browser;
use tcp_sim::record::Series;
use tcp_sim::report::{self, theme};
use tcp_sim::scenario::Scenario;
use tcp_sim::simulation::Simulation;

/// Runs what `text` says, and writes its report.
fn write_report(text: &str, page: &Path) {
    let scenario: Scenario = toml::from_str(text).unwrap();
    let mut simulation = Simulation::new(&scenario).unwrap();
    let series = Rc::new(RefCell::new(Series::new(&simulation.map())));
    simulation.add_observer(Box::new(Rc::clone(&series)));
    let outcome = simulation.run(&mut |_| {});
    assert!(outcome.complete, "{:?}", outcome.violations);
    let file = File::create(page).unwrap();
    report::write(file, &scenario, &outcome, &series.borrow()).unwrap();
}

/// A scenario with so many flows of so many bytes over a router, whose queue is short.
fn scenario(flows: usize, bytes: &str, loss: &str) -> String {
    let flow = format!(
        r#"{{ client = "<a>", server = "b", app = {{ kind = "bulk", bytes = "{bytes}" }} }}"#
    );
    format!(
        r#"
        seed = 7
        host = [{{ name = "<a>" }}, {{ name = "b" }}]
        router = [{{ name = "r" }}]
        link = [
            {{ between = ["<a>", "r"], there = {{ rate = "1G", delay = "1ms" }}, back = {{ delay = "1ms" }} }},
            {{ between = ["r", "b"], there = {{ rate = "50M", delay = "20ms", loss = {loss}, queue = {{ packets = 50 }} }}, back = {{ delay = "20ms" }} }},
        ]
        flow = [{}]
        "#,
        vec![flow; flows].join(", ")
    )
}

/// The size of a report, and that nothing in it is loaded from elsewhere.
fn assert_stands_alone(page: &Path) {
    let html = fs::read_to_string(page).unwrap();
    assert!(html.len() < 3 << 20, "{} bytes", html.len());
    assert_loads_nothing(&html);
}

fn assert_loads_nothing(html: &str) {
    for attribute in ["src=", "href=", "url("] {
        for (at, _) in html.match_indices(attribute) {
            let value: String = html[at + attribute.len()..].chars().take(60).collect();
            let value = value.trim_start_matches(['"', '\'', '&']);
            assert!(
                !value.starts_with("http") && !value.starts_with("//"),
                "loads {value}"
            );
        }
    }
}

/// How many pixels of a picture, left of the legends, have this colour or nearly.
fn pixels_of(color: &str, picture: &Path) -> usize {
    let wanted = u32::from_str_radix(&color[1..], 16).unwrap().to_be_bytes();
    let decoder = png::Decoder::new(BufReader::new(File::open(picture).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    let samples = frame.color_type.samples();
    assert!(samples >= 3, "{:?}", frame.color_type);
    let rows = pixels[..frame.buffer_size()].chunks_exact(frame.line_size);
    let plots = rows.map(|row| &row[..(frame.width - LEGEND) as usize * samples]);
    let is_near = |pixel: &[u8]| {
        let mut channels = pixel.iter().zip(&wanted[1..]);
        channels.all(|(one, other)| one.abs_diff(*other) < 24)
    };
    plots
        .flat_map(|row| row.chunks_exact(samples))
        .filter(|pixel| is_near(pixel))
        .count()
}

/// Width of the room that legends take, at the right of the page.
const LEGEND: u32 = 230;

#[test]
fn every_plot_of_a_lossy_run_is_drawn() {
    let scratch = tempfile::tempdir().unwrap();
    let page = scratch.path().join("report.html");
    write_report(&scenario(1, "2M", "0.01"), &page);
    assert_stands_alone(&page);
    let Some(browser) = Browser::find("every_plot_of_a_lossy_run_is_drawn") else {
        return;
    };

    let document = browser.document(&page);
    // The stream, and the queues.
    assert!(document.contains("data-drawn=\"2\""));
    assert!(!document.contains("class=\"failed\""));
    assert_loads_nothing(&document);
    // Sequence space has seven kinds, congestion control and round trips three each, and there is
    // a queue before each of the two links.
    let traces = document.matches("class=\"trace scatter").count();
    assert!(traces >= 14, "{traces} traces");
    let bars = document.matches("class=\"js-line\"").count();
    assert!(bars > 1_000, "{bars} lines for 2 MB in segments");
    for words in ["retransmission", "seed 7", "trace hash", "&lt;a&gt;"] {
        assert!(document.contains(words), "{words} is missing");
    }

    let picture = scratch.path().join("report.png");
    browser.screenshot(&page, [1_400, 1_900], &picture);
    for (what, color, least) in [
        ("data", theme::DATA, 1_000),
        ("retransmissions", theme::AGAIN, 200),
        ("acknowledgements", theme::ACK, 500),
        ("the window", theme::WINDOW, 500),
        ("SACK blocks", theme::SACK, 50),
        ("drops", theme::DROP, 50),
    ] {
        let pixels = pixels_of(color, &picture);
        assert!(pixels >= least, "{what}: {pixels} pixels");
    }
    assert_eq!(pixels_of("#00ff00", &picture), 0, "of no series' colour");
}

#[test]
fn a_run_without_loss_shows_none() {
    let scratch = tempfile::tempdir().unwrap();
    let page = scratch.path().join("report.html");
    write_report(&scenario(1, "50k", "0.0"), &page);
    assert_stands_alone(&page);
    let Some(browser) = Browser::find("a_run_without_loss_shows_none") else {
        return;
    };
    let document = browser.document(&page);
    assert!(document.contains("data-drawn=\"2\""));
    let picture = scratch.path().join("report.png");
    browser.screenshot(&page, [1_400, 1_900], &picture);
    assert!(pixels_of(theme::DATA, &picture) > 100);
    assert_eq!(pixels_of(theme::DROP, &picture), 0);
}

#[test]
fn many_flows_fit_into_one_report() {
    let scratch = tempfile::tempdir().unwrap();
    let page = scratch.path().join("report.html");
    write_report(&scenario(20, "1M", "0.005"), &page);
    assert_stands_alone(&page);
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("Of 20 streams with data, 6 are drawn"));
    let Some(browser) = Browser::find("many_flows_fit_into_one_report") else {
        return;
    };
    // Six streams, the queues, and the progress of all.
    assert!(browser.document(&page).contains("data-drawn=\"8\""));
}
