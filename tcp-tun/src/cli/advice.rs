//! What to do when there is no TUN device to be had.

use std::io;

use anyhow::anyhow;
use nix::errno::Errno;

/// Why the TUN device of this name could not be made, and what to do.
pub fn explain_tun(error: &io::Error, name: &str) -> anyhow::Error {
    let errno = error.raw_os_error().map(Errno::from_raw);
    let what = match name {
        "" => "cannot make a TUN device".to_owned(),
        name => format!("cannot make the TUN device {name}"),
    };
    let advice = match (errno, error.kind()) {
        (Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO), _) => {
            "/dev/net/tun is missing; load the driver with `modprobe tun`, or give it to the \
             container with `--device /dev/net/tun`"
        }
        (Some(Errno::EACCES), _) => {
            "/dev/net/tun is not open to you; run as root, or open it with \
             `sudo chmod 666 /dev/net/tun` and use --private"
        }
        (Some(Errno::EPERM), _) => {
            "it takes the capability CAP_NET_ADMIN; run as root, or in a network of your own \
             with --private"
        }
        (Some(Errno::EBUSY), _) => "another program uses it; choose another name with --tun",
        (_, io::ErrorKind::PermissionDenied) => {
            "it takes the capability CAP_NET_ADMIN; run as root, or use --private"
        }
        _ => return anyhow!("{what}: {error}"),
    };
    anyhow!("{what}: {error}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_absence_of_a_device_is_explained() {
        let explained = |errno: Errno| {
            let error = io::Error::from(errno);
            explain_tun(&error, "tun7").to_string()
        };
        assert!(explained(Errno::ENOENT).contains("modprobe tun"));
        assert!(explained(Errno::EACCES).contains("chmod 666"));
        assert!(explained(Errno::EPERM).contains("--private"));
        assert!(explained(Errno::EBUSY).contains("tun7"));
    }
}
