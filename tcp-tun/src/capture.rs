//! Packets to a file that Wireshark opens.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{EnhancedPacketBlock, EnhancedPacketOption};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, PcapError};

use crate::Direction;

/// Bytes gathered before they are written: several hundred packets a system call.
const BUFFER: usize = 1 << 20;

/// How old a packet may become before the next one takes it to the file: whoever watches the file
/// grow, or kills the program, misses no more than this.
const FLUSH_INTERVAL: Duration = Duration::from_secs(1);

/// `if_tsresol`: timestamps count units of 10⁻⁹ seconds.
const NANOSECONDS: u8 = 9;

/// A capture in the making: pcapng of raw IP packets, whole, with nanoseconds and direction.
///
/// Clones write to the same file. A write error ends the capture, not the traffic;
/// [`finish`](Capture::finish) tells of it.
#[derive(Clone)]
pub struct Capture {
    shared: Arc<Mutex<Recording>>,
}

struct Recording {
    writer: PcapNgWriter<BufWriter<Box<dyn Write + Send>>>,
    packets: u64,
    /// The time of the packet that was the last to be flushed.
    flushed: Duration,
    /// The first error; nothing is written after it.
    error: Option<PcapError>,
}

impl Capture {
    /// Starts a capture in a new file, in place of one that is there.
    pub fn create(path: impl AsRef<Path>, interface: &str) -> io::Result<Capture> {
        Capture::to(File::create(path)?, interface)
    }

    /// Starts a capture of the packets of `interface` into a writer.
    pub fn to(writer: impl Write + Send + 'static, interface: &str) -> io::Result<Capture> {
        let buffered = BufWriter::with_capacity(BUFFER, Box::new(writer) as _);
        let mut writer = PcapNgWriter::new(buffered).map_err(into_io)?;
        writer
            .write_pcapng_block(InterfaceDescriptionBlock {
                // LINKTYPE_RAW: a packet starts with its IP header, of either version.
                linktype: DataLink::RAW,
                // No limit: a packet cut short looks malformed.
                snaplen: 0,
                options: vec![
                    InterfaceDescriptionOption::IfName(interface.into()),
                    InterfaceDescriptionOption::IfTsResol(NANOSECONDS),
                ],
            })
            .map_err(into_io)?;
        let recording = Recording {
            writer,
            packets: 0,
            flushed: Duration::ZERO,
            error: None,
        };
        Ok(Capture {
            shared: Arc::new(Mutex::new(recording)),
        })
    }

    /// Adds a packet; this is what an interface's observer calls.
    pub fn record(&self, direction: Direction, time: SystemTime, packet: &[u8]) {
        // A clock set to before 1970 has no timestamps to give.
        let timestamp = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.lock().record(direction, timestamp, packet);
    }

    /// Writes out what was gathered; says how many packets the file holds.
    ///
    /// # Errors
    ///
    /// The first error of the capture: the file holds what came before it.
    pub fn finish(&self) -> io::Result<u64> {
        let mut recording = self.lock();
        match recording.error.take() {
            Some(error) => Err(into_io(error)),
            None => {
                recording.writer.get_mut().flush()?;
                Ok(recording.packets)
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Recording> {
        // A thread that panicked while it wrote leaves at worst a torn last packet.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recording {
    fn record(&mut self, direction: Direction, timestamp: Duration, packet: &[u8]) {
        if self.error.is_some() {
            return;
        }
        // Bits 0 and 1 of `epb_flags`.
        let flags = match direction {
            Direction::Received => 0b01,
            Direction::Sent => 0b10,
        };
        let block = EnhancedPacketBlock {
            interface_id: 0,
            timestamp,
            // An IP packet has at most 65,575 bytes.
            original_len: packet.len() as u32,
            data: Cow::Borrowed(packet),
            options: vec![EnhancedPacketOption::Flags(flags)],
        };
        match self.write(block) {
            Ok(()) => self.packets += 1,
            Err(error) => self.error = Some(error),
        }
    }

    fn write(&mut self, block: EnhancedPacketBlock<'_>) -> Result<(), PcapError> {
        let timestamp = block.timestamp;
        self.writer.write_pcapng_block(block)?;
        if timestamp.saturating_sub(self.flushed) >= FLUSH_INTERVAL {
            self.flushed = timestamp;
            self.writer.get_mut().flush().map_err(PcapError::IoError)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").finish_non_exhaustive()
    }
}

fn into_io(error: PcapError) -> io::Error {
    match error {
        PcapError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pcap_file::pcapng::{Block, PcapNgReader};

    /// A file in memory that can be read while a capture writes it.
    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(buf)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_recorded_is_read_back_whole() {
        let file = Memory::default();
        let capture = Capture::to(file.clone(), "tun7").unwrap();
        let (since_epoch, later) = (Duration::new(1_700_000_000, 7), Duration::from_nanos(1));
        let time = UNIX_EPOCH + since_epoch;
        let long = vec![0x45; 65_535];
        capture.record(Direction::Received, time, &long);
        capture
            .clone()
            .record(Direction::Sent, time + later, b"E..");
        assert_eq!(capture.finish().unwrap(), 2);

        let bytes = file.0.lock().unwrap().clone();
        let mut reader = PcapNgReader::new(&bytes[..]).unwrap();
        let mut packets = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(interface) => {
                    assert_eq!(interface.linktype, DataLink::RAW);
                    let resolution = InterfaceDescriptionOption::IfTsResol(NANOSECONDS);
                    assert!(interface.options.contains(&resolution));
                }
                Block::EnhancedPacket(packet) => packets.push(packet.into_owned()),
                other => panic!("{other:?}"),
            }
        }
        let [first, second] = &packets[..] else {
            panic!("{} packets", packets.len());
        };
        assert_eq!(*first.data, *long);
        assert_eq!(first.options, [EnhancedPacketOption::Flags(1)]);
        assert_eq!(*second.data, *b"E..");
        assert_eq!(second.options, [EnhancedPacketOption::Flags(2)]);
        assert_eq!(first.timestamp, since_epoch);
        assert_eq!(second.timestamp, since_epoch + later);
    }

    /// A disk that is full from the start.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_ends_the_capture_alone() {
        let capture = Capture::to(Full, "tun7").unwrap();
        for _ in 0..64 {
            capture.record(Direction::Received, UNIX_EPOCH, &[0x45; 65_535]);
        }
        let error = capture.finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
