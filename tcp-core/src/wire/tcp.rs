//! The TCP header (RFC 9293 §3.1).

use core::net::SocketAddr;

use etherparse::{IpNumber, TcpHeader, TcpHeaderSlice};

use super::checksum::Sum;
use super::ip::IpPacket;
use super::options::{self, Writer};
use super::{
    Control, Header, Incoming, IpFields, ParseError, Payload, Segment, TcpPacket, WireWindow,
};
use crate::event::{ReceiveChecksum, TransmitChecksum};
use crate::seq::SeqNumber;

/// Bytes of a header without options.
const HEADER_LEN: usize = TcpHeader::MIN_LEN;

/// Where the checksum is in the header.
pub(super) const CHECKSUM_AT: u16 = 16;

/// What the checksum field of a segment that is written is a sum of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Summed {
    /// Everything: the checksum of RFC 9293 §3.1.
    All,
    /// The pseudo-header alone, not complemented: who completes it sums from the header on, this field
    /// included, and complements (Linux's `CHECKSUM_PARTIAL`).
    PseudoHeader,
    /// The same, and the payload is not written: who completes the sum takes the payload from where it is.
    PseudoHeaderAlone,
}

impl Summed {
    /// What is to be said of the checksum of a packet whose IP header has `ip_len` bytes, at most 40.
    pub(super) fn transmit(self, ip_len: usize) -> TransmitChecksum {
        match self {
            Summed::All => TransmitChecksum::Complete,
            Summed::PseudoHeader | Summed::PseudoHeaderAlone => TransmitChecksum::Partial {
                start: ip_len as u16,
                offset: CHECKSUM_AT,
            },
        }
    }
}

/// The flags, in the byte that holds them, that only one segment of a train has.
pub(super) const ONCE: u8 = (FIN | PSH | CWR) as u8;

/// Those of them that the last of a train may have.
pub(super) fn once(control: Control, push: bool) -> u8 {
    let fin = if control == Control::Fin { FIN } else { 0 };
    let push = if push { PSH } else { 0 };
    (fin | push) as u8
}

const FIN: u32 = 1 << 0;
const SYN: u32 = 1 << 1;
const RST: u32 = 1 << 2;
const PSH: u32 = 1 << 3;
const ACK: u32 = 1 << 4;
const URG: u32 = 1 << 5;
const ECE: u32 = 1 << 6;
const CWR: u32 = 1 << 7;

/// Reads the TCP segment in an IP packet. It is written once, to where it is wanted: it is too large to be wrapped
/// afterwards.
pub(super) fn read<'a>(
    ip: &IpPacket<'a>,
    checksum: ReceiveChecksum,
) -> Result<Incoming<'a>, ParseError> {
    let tcp = TcpHeaderSlice::from_slice(ip.payload).map_err(|_| ParseError::TcpHeader)?;
    if checksum == ReceiveChecksum::Unchecked && !is_intact(ip) {
        return Err(ParseError::TcpChecksum);
    }
    // Port 0 is reserved (RFC 6335 §6): nobody can have sent from it, nobody can listen on it.
    if tcp.source_port() == 0 || tcp.destination_port() == 0 {
        return Err(ParseError::TcpHeader);
    }
    let control = match (tcp.rst(), tcp.syn(), tcp.fin()) {
        (true, _, _) => Control::Rst,
        (false, true, true) => return Err(ParseError::TcpHeader),
        (false, true, false) => Control::Syn,
        (false, false, true) => Control::Fin,
        (false, false, false) => Control::None,
    };
    let read = options::read(tcp.options());
    let header = Header {
        control,
        seq: SeqNumber::new(tcp.sequence_number()),
        ack: tcp
            .ack()
            .then(|| SeqNumber::new(tcp.acknowledgment_number())),
        push: tcp.psh(),
        urgent: tcp.urg().then(|| tcp.urgent_pointer()),
        ece: tcp.ece(),
        cwr: tcp.cwr(),
        window: WireWindow::new(tcp.window_size()),
        options: read.options,
        ecn: ip.ecn,
    };
    let payload = ip.payload.get(tcp.slice().len()..).unwrap_or(&[]);
    Ok(Incoming::Tcp(TcpPacket {
        src: SocketAddr::new(ip.src, tcp.source_port()),
        dst: SocketAddr::new(ip.dst, tcp.destination_port()),
        dscp: ip.dscp,
        hop_limit: ip.hop_limit,
        segment: Segment::new(header, Payload::from(payload)),
        bad_option: read.malformed,
    }))
}

/// Whether the checksum over pseudo-header and segment is right (MUST-3).
fn is_intact(ip: &IpPacket<'_>) -> bool {
    Sum::pseudo_header(ip.src, ip.dst, IpNumber::TCP.0, ip.payload.len())
        .add(ip.payload)
        .is_intact()
}

/// Bytes that a segment takes, header included.
pub(super) fn len(segment: &Segment<'_>) -> usize {
    HEADER_LEN + options::len(&segment.header.options) + segment.payload.len()
}

/// Writes a segment to `out`, whose length is that of the segment; `None` where it is shorter.
pub(super) fn write(
    fields: &IpFields,
    segment: &Segment<'_>,
    summed: Summed,
    out: &mut [u8],
) -> Option<()> {
    let pseudo = Sum::pseudo_header(fields.src.ip(), fields.dst.ip(), IpNumber::TCP.0, out.len());
    let mut options = Writer::default();
    options::write(&segment.header.options, &mut options);
    let options = options.as_bytes();
    let mut words = header_words(fields, &segment.header, options.len());

    let (header_out, out) = out.split_first_chunk_mut::<HEADER_LEN>()?;
    let (options_out, out) = out.split_at_mut_checked(options.len())?;
    let [first, second] = segment.payload.parts();
    let (first_out, second_out) = out.split_at_mut_checked(first.len())?;
    let second_out = second_out.get_mut(..second.len())?;

    let [high, low] = match summed {
        Summed::All => pseudo
            .add(words.as_flattened())
            .add_copied(options_out, options)
            .add_copied(first_out, first)
            .add_copied(second_out, second)
            .checksum(),
        Summed::PseudoHeader => {
            options_out.copy_from_slice(options);
            first_out.copy_from_slice(first);
            second_out.copy_from_slice(second);
            pseudo.partial()
        }
        Summed::PseudoHeaderAlone => {
            options_out.copy_from_slice(options);
            pseudo.partial()
        }
    };
    let [_, _, _, _, [checksum_high, checksum_low, ..]] = &mut words;
    (*checksum_high, *checksum_low) = (high, low);
    header_out.copy_from_slice(words.as_flattened());
    Some(())
}

/// The header as the figure in RFC 9293 §3.1 draws it, five words, with a checksum of zero.
fn header_words(fields: &IpFields, header: &Header, options_len: usize) -> [[u8; 4]; 5] {
    let flag = |bit, set| if set { bit } else { 0 };
    let control = match header.control {
        Control::None => 0,
        Control::Syn => SYN,
        Control::Fin => FIN,
        Control::Rst => RST,
    };
    let flags = control
        | flag(ACK, header.ack.is_some())
        | flag(PSH, header.push)
        | flag(URG, header.urgent.is_some())
        | flag(ECE, header.ece)
        | flag(CWR, header.cwr);
    let data_offset = ((HEADER_LEN + options_len) / 4) as u32;
    let ports = u32::from(fields.src.port()) << 16 | u32::from(fields.dst.port());
    [
        ports.to_be_bytes(),
        header.seq.get().to_be_bytes(),
        header.ack.map_or(0, SeqNumber::get).to_be_bytes(),
        (data_offset << 28 | flags << 16 | u32::from(header.window.get())).to_be_bytes(),
        u32::from(header.urgent.unwrap_or(0)).to_be_bytes(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Ecn;

    /// A segment from port 1 to port 2 with these flags and data offset, and 4 bytes after the
    /// fixed header.
    fn bytes(offset_and_flags: u16) -> [u8; 24] {
        let mut bytes = [0; 24];
        bytes[1] = 1;
        bytes[3] = 2;
        bytes[12..14].copy_from_slice(&offset_and_flags.to_be_bytes());
        bytes
    }

    fn read_bytes(bytes: &[u8]) -> Result<TcpPacket<'_>, ParseError> {
        let ip = IpPacket {
            src: [10, 0, 0, 1].into(),
            dst: [10, 0, 0, 2].into(),
            dscp: 0,
            ecn: Ecn::NotCapable,
            hop_limit: 64,
            protocol: IpNumber::TCP,
            payload: bytes,
        };
        match read(&ip, ReceiveChecksum::Verified)? {
            Incoming::Tcp(packet) => Ok(packet),
            other => panic!("{other:?} is no segment"),
        }
    }

    fn control(offset_and_flags: u16) -> Result<Control, ParseError> {
        read_bytes(&bytes(offset_and_flags)).map(|packet| packet.segment.header.control)
    }

    #[test]
    fn flags_that_exclude_each_other_become_one() {
        assert_eq!(control(0x5000), Ok(Control::None));
        assert_eq!(control(0x5001), Ok(Control::Fin));
        assert_eq!(control(0x5002), Ok(Control::Syn));
        assert_eq!(control(0x5003), Err(ParseError::TcpHeader));
        for flags in 4..8 {
            assert_eq!(control(0x5000 | flags), Ok(Control::Rst));
        }
    }

    #[test]
    fn a_data_offset_must_be_within_the_segment() {
        assert_eq!(control(0x4000), Err(ParseError::TcpHeader));
        assert_eq!(control(0x6000), Ok(Control::None));
        assert_eq!(control(0x7000), Err(ParseError::TcpHeader));
        assert_eq!(read_bytes(&[0; 19]), Err(ParseError::TcpHeader));
        let at_five = bytes(0x5000);
        let at_six = bytes(0x6000);
        assert_eq!(read_bytes(&at_five).unwrap().segment.payload.len(), 4);
        assert_eq!(read_bytes(&at_six).unwrap().segment.payload.len(), 0);
    }

    #[test]
    fn port_zero_is_nobody() {
        for port_at in [1, 3] {
            let mut bytes = bytes(0x5000);
            bytes[port_at] = 0;
            assert_eq!(read_bytes(&bytes), Err(ParseError::TcpHeader));
        }
    }

    #[test]
    fn a_number_counts_only_with_its_flag() {
        let mut bytes = bytes(0x5000);
        bytes[11] = 9;
        bytes[19] = 7;
        let header = read_bytes(&bytes).unwrap().segment.header;
        assert_eq!((header.ack, header.urgent), (None, None));
        bytes[13] = 0x30;
        let header = read_bytes(&bytes).unwrap().segment.header;
        assert_eq!(header.ack, Some(SeqNumber::new(9)));
        assert_eq!(header.urgent, Some(7));
    }

    #[test]
    fn reserved_bits_are_ignored() {
        let bytes = bytes(0x5f00);
        assert!(read_bytes(&bytes).is_ok());
    }
}
