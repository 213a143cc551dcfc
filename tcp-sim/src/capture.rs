//! Packets of a run to a file that Wireshark opens.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};
use tcp_core::Instant;

/// `if_tsresol`: timestamps count units of 10⁻⁹ seconds.
const NANOSECONDS: u8 = 9;

/// A capture in the making: pcapng of raw IP packets, whole. Virtual time zero is the epoch, so
/// the same run gives the same file.
pub struct Capture {
    writer: PcapNgWriter<Box<dyn Write>>,
}

impl Capture {
    /// Starts a capture of these interfaces in a new file, in place of one that is there.
    pub fn create(path: impl AsRef<Path>, interfaces: &[String]) -> io::Result<Capture> {
        Capture::to(BufWriter::new(File::create(path)?), interfaces)
    }

    /// Starts a capture of these interfaces into a writer.
    pub fn to(writer: impl Write + 'static, interfaces: &[String]) -> io::Result<Capture> {
        let mut writer = PcapNgWriter::new(Box::new(writer) as _).map_err(into_io)?;
        for interface in interfaces {
            writer
                .write_pcapng_block(InterfaceDescriptionBlock {
                    // LINKTYPE_RAW: a packet starts with its IP header, of either version.
                    linktype: DataLink::RAW,
                    snaplen: 0,
                    options: vec![
                        InterfaceDescriptionOption::IfName(Cow::Borrowed(interface)),
                        InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
                    ],
                })
                .map_err(into_io)?;
        }
        Ok(Capture { writer })
    }

    /// Appends a packet that passed the interface with this index, in the order of the start.
    pub fn packet(&mut self, interface: u32, at: Instant, packet: &[u8]) -> io::Result<()> {
        self.append(interface, at, packet, vec![])
    }

    /// Appends a packet with a comment, which Wireshark shows with it (`frame.comment`).
    pub fn commented_packet(
        &mut self,
        interface: u32,
        at: Instant,
        packet: &[u8],
        comment: &str,
    ) -> io::Result<()> {
        let comment = EnhancedPacketOption::Comment(Cow::Borrowed(comment));
        self.append(interface, at, packet, vec![comment])
    }

    fn append(
        &mut self,
        interface: u32,
        at: Instant,
        packet: &[u8],
        options: Vec<EnhancedPacketOption<'_>>,
    ) -> io::Result<()> {
        self.writer
            .write_pcapng_block(EnhancedPacketBlock {
                interface_id: interface,
                timestamp: Duration::from_nanos(at.as_nanos()),
                original_len: packet.len() as u32,
                data: Cow::Borrowed(packet),
                options,
            })
            .map_err(into_io)?;
        Ok(())
    }

    /// Writes what is still in a buffer.
    pub fn finish(self) -> io::Result<()> {
        self.writer.into_inner().flush()
    }
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidInput, other),
    }
}
