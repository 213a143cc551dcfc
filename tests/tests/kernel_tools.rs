//! The tools that people try a server with: curl and nc, on the kernel's side of the link.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::thread;

use integration_tests::kernel::{self, Family, Options, accept_ours, command, has_command, retry};
use integration_tests::noise;
use tcp_tun::http::{self, Client, Directory};
use tcp_tun::{Interface, TcpListener, TcpStream};

/// A directory that goes with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Serves a directory by HTTP at our port 80, over both versions of IP.
fn serve_http(interface: &Interface, directory: &Path) {
    let site = Directory::new(directory).unwrap();
    let listener = TcpListener::bind(interface, "0.0.0.0:80").unwrap();
    // Until the interface ends.
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let site = site.clone();
            thread::spawn(move || http::serve(&stream, &site, |_| {}));
        }
    });
}

/// Runs curl; its output goes to `out`.
fn curl(args: &[&str]) -> Output {
    let output = command("curl")
        .args(["--silent", "--show-error", "--globoff", "--max-time", "60"])
        .args(args)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {args:?}: {errors}");
    output
}

#[test]
fn curl_fetches_ten_mebibytes() {
    let name = "curl_fetches_ten_mebibytes";
    if !has_command(name, "curl") {
        return;
    }
    let scratch = Scratch::new(name);
    let content = noise::bytes(10 << 20, 7);
    fs::write(scratch.path("file"), &content).unwrap();
    kernel::run(name, &Options::default(), |interface| {
        serve_http(interface, &scratch.0);
        for host in ["10.7.0.2", "[fd07::2]"] {
            let output = curl(&[&format!("http://{host}/file")]);
            assert!(output.stdout == content, "{host}: other bytes arrived");
        }
        let once = curl(&["http://10.7.0.2/file", "http://10.7.0.2/file"]);
        assert_eq!(once.stdout.len(), 2 * content.len());
    });
}

#[test]
fn curl_sees_the_right_answers() {
    let name = "curl_sees_the_right_answers";
    if !has_command(name, "curl") {
        return;
    }
    let scratch = Scratch::new(name);
    fs::write(scratch.path("page.html"), "<p>hello").unwrap();
    kernel::run(name, &Options::default(), |interface| {
        serve_http(interface, &scratch.0);
        let ask = |args: &[&str]| {
            let format = "%{http_code} %{content_type} %{num_connects} %header{content-length}";
            let asked = [&["--write-out", format, "--output", "/dev/null"], args].concat();
            String::from_utf8(curl(&asked).stdout).unwrap()
        };
        let base = "http://10.7.0.2";
        let page = format!("{base}/page.html");
        let page = page.as_str();
        assert_eq!(ask(&[page]), "200 text/html; charset=utf-8 1 8");
        assert_eq!(ask(&["--head", page]), "200 text/html; charset=utf-8 1 8");
        assert!(ask(&[&format!("{base}/")]).starts_with("200 text/html"));
        assert!(ask(&[&format!("{base}/nothing")]).starts_with("404 "));
        let outside = format!("{base}/../../etc/passwd");
        assert!(ask(&["--path-as-is", &outside]).starts_with("403 "));
        assert!(ask(&["--data", "x", page]).starts_with("405 "));
        // The second request goes over the connection of the first.
        let twice = ask(&[page, "--output", "/dev/null", page]);
        assert!(
            twice.ends_with("200 text/html; charset=utf-8 0 8"),
            "{twice}"
        );
    });
}

/// Runs nc with a file as its input while `talk` does our part; gives its output.
fn nc(args: &[&str], input: &Path, talk: impl FnOnce()) -> Vec<u8> {
    let nc = command("nc")
        .args(args)
        .stdin(File::open(input).unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    thread::scope(|scope| {
        // Its output must be read meanwhile, or it would stop and wait.
        let output = scope.spawn(|| nc.wait_with_output().unwrap());
        talk();
        let output = output.join().unwrap();
        assert!(output.status.success(), "nc {args:?}");
        output.stdout
    })
}

/// nc connects, sends a file, closes its direction and gets everything back.
#[test]
fn nc_talks_to_our_echo() {
    let name = "nc_talks_to_our_echo";
    if !has_command(name, "nc") {
        return;
    }
    let scratch = Scratch::new(name);
    let content = noise::bytes(5_000_000, 1);
    fs::write(scratch.path("input"), &content).unwrap();
    kernel::run(name, &Options::default(), |interface| {
        for family in Family::BOTH {
            let addr = family.ours(7);
            let listener = TcpListener::bind(interface, addr).unwrap();
            let args = ["-N", &addr.ip().to_string(), "7"];
            let output = nc(&args, &scratch.path("input"), || {
                let mut ours = accept_ours(&listener);
                let mut data = Vec::new();
                ours.read_to_end(&mut data).unwrap();
                ours.write_all(&data).unwrap();
            });
            assert!(output == content, "{family:?}: other bytes came back");
        }
    });
}

/// nc listens, sends a file and closes its direction; what we say after that, it prints.
#[test]
fn we_talk_to_nc() {
    let name = "we_talk_to_nc";
    if !has_command(name, "nc") {
        return;
    }
    let scratch = Scratch::new(name);
    let (greeting, answer) = (noise::bytes(4_000_000, 1), noise::bytes(3_000_000, 2));
    fs::write(scratch.path("greeting"), &greeting).unwrap();
    kernel::run(name, &Options::default(), |interface| {
        for family in Family::BOTH {
            let addr = family.kernel(9_000);
            let args = ["-l", "-N", &addr.ip().to_string(), "9000"];
            let output = nc(&args, &scratch.path("greeting"), || {
                let mut ours = retry(|| TcpStream::connect(interface, addr));
                let mut received = Vec::new();
                ours.read_to_end(&mut received).unwrap();
                assert!(received == greeting, "{family:?}: other bytes arrived");
                ours.write_all(&answer).unwrap();
                ours.shutdown(Shutdown::Write).unwrap();
            });
            assert!(output == answer, "{family:?}: nc got other bytes");
        }
    });
}

#[test]
fn our_client_fetches_from_a_kernel_server() {
    let name = "our_client_fetches_from_a_kernel_server";
    let scratch = Scratch::new(name);
    let content = noise::bytes(10 << 20, 3);
    fs::write(scratch.path("file"), &content).unwrap();
    kernel::run(name, &Options::default(), |interface| {
        for family in Family::BOTH {
            let listener = std::net::TcpListener::bind(family.kernel(80)).unwrap();
            let site = Directory::new(&scratch.0).unwrap();
            let served = thread::spawn(move || {
                let (stream, _) = listener.accept().unwrap();
                http::serve(&stream, &site, |_| {}).unwrap();
            });
            let stream = kernel::connect_ours(interface, family.kernel(80));
            let mut client = Client::new(&stream, "kernel");
            for _ in 0..2 {
                let mut body = Vec::new();
                let response = client.get("/file", &mut body).unwrap();
                assert_eq!(response.status, 200);
                assert!(body == content, "{family:?}: other bytes arrived");
            }
            stream.shutdown(Shutdown::Both).unwrap();
            served.join().unwrap();
        }
    });
}
