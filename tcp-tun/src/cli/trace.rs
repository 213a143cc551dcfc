//! A packet as a line to read, in the manner of tcpdump.

use std::fmt;

use tcp_core::ReceiveChecksum;
use tcp_core::wire::{self, Control, Header, Incoming, Options};
use tcp_tun::Direction;

/// A packet; displays as a line.
pub struct Line<'a> {
    /// Which way it went.
    pub direction: Direction,
    /// The packet, from its IP header.
    pub packet: &'a [u8],
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.direction {
            Direction::Received => "< ",
            Direction::Sent => "> ",
        })?;
        let tcp = match wire::parse(self.packet, ReceiveChecksum::Unchecked) {
            Ok(Incoming::Tcp(tcp)) => tcp,
            Ok(Incoming::IcmpError(error)) => {
                let (local, remote) = (error.local, error.remote);
                return write!(f, "ICMP {:?} about {local} to {remote}", error.kind);
            }
            Ok(Incoming::IcmpOther) => return f.write_str("ICMP"),
            Err(error) => return write!(f, "{} bytes: {error:?}", self.packet.len()),
        };
        write!(f, "{} to {}:", tcp.src, tcp.dst)?;
        let segment = &tcp.segment;
        write_flags(f, &segment.header)?;
        write!(f, " seq {}", segment.header.seq.get())?;
        if let Some(ack) = segment.header.ack {
            write!(f, " ack {}", ack.get())?;
        }
        write!(f, " win {}", segment.header.window.get())?;
        write_options(f, &segment.header.options)?;
        write!(f, " length {}", segment.payload.len())
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, header: &Header) -> fmt::Result {
    f.write_str(match header.control {
        Control::None => "",
        Control::Syn => " SYN",
        Control::Fin => " FIN",
        Control::Rst => " RST",
    })?;
    let flags = [
        (header.push, " PSH"),
        (header.ack.is_some(), " ACK"),
        (header.urgent.is_some(), " URG"),
        (header.ece, " ECE"),
        (header.cwr, " CWR"),
    ];
    let set = flags.iter().filter(|(set, _)| *set);
    set.map(|(_, name)| name)
        .try_for_each(|name| f.write_str(name))
}

fn write_options(f: &mut fmt::Formatter<'_>, options: &Options) -> fmt::Result {
    if let Some(mss) = options.mss {
        write!(f, " mss {mss}")?;
    }
    if let Some(scale) = options.window_scale {
        write!(f, " wscale {}", scale.shift())?;
    }
    if options.sack_permitted {
        f.write_str(" sackOK")?;
    }
    if let Some(timestamps) = options.timestamps {
        write!(f, " TS {}:{}", timestamps.value, timestamps.echo)?;
    }
    for block in options.sack.as_slice() {
        write!(f, " sack {}-{}", block.start.get(), block.end.get())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::seq::SeqNumber;
    use tcp_core::wire::{Fragments, IpFields, Segment, Timestamps, WindowScale};

    #[test]
    fn a_segment_reads_as_a_line() {
        let mut header = Header::new(SeqNumber::new(7));
        header.control = Control::Syn;
        header.ack = Some(SeqNumber::new(9));
        header.options.mss = Some(1460);
        header.options.window_scale = Some(WindowScale::clamped(7));
        header.options.timestamps = Some(Timestamps { value: 1, echo: 2 });
        let segment = Segment::new(header, b"abc"[..].into());
        let fields = IpFields {
            src: "10.7.0.2:80".parse().unwrap(),
            dst: "10.7.0.1:4000".parse().unwrap(),
            dscp: 0,
            hop_limit: 64,
            identification: 0,
            fragments: Fragments::Forbidden,
        };
        let mut buf = [0; 128];
        let transmit = wire::emit(&fields, &segment, &mut buf).unwrap();
        let line = Line {
            direction: Direction::Sent,
            packet: &buf[..transmit.len],
        };
        assert_eq!(
            line.to_string(),
            "> 10.7.0.2:80 to 10.7.0.1:4000: SYN ACK seq 7 ack 9 win 0 mss 1460 wscale 7 TS 1:2 \
             length 3"
        );
        let garbage = Line {
            direction: Direction::Received,
            packet: &[0x45],
        };
        assert!(garbage.to_string().starts_with("< 1 bytes: "));
    }
}
