//! SYN cookies: a handshake without a record (RFC 4987 §3.6).
//!
//! Where the SYN queue is full, the SYN-ACK's sequence number and timestamp say all that the record would,
//! and the final ACK brings them back:
//!
//! ```text
//!   initial sequence number   27 bits: a keyed hash of the four-tuple, the peer's number, the minute
//!                             and what follows
//!                              2 bits: the minute
//!                              3 bits: the peer's MSS, as an index into a table
//!   TSval, its last six bits   ECN  1 | SACK 1 | the peer's window scale, or 15 for none, 4
//! ```
//!
//! A peer that sends no timestamps gets no window scale, SACK or ECN, as in Linux. The layout of the number is
//! our own: 27 bits are harder to guess than the 24 that Linux leaves.

use core::time::Duration;

use super::Stack;
use super::connections::Origin;
use super::keys::Key;
use super::listener::Full;
use super::reply::Marking;
use super::tuple::FourTuple;
use crate::config::{Admission, ListenConfig, SynCookies};
use crate::connection::HalfOpen;
use crate::seq::SeqNumber;
use crate::time::Instant;
use crate::wire::{Control, Header, Options, Segment, Timestamps, WindowScale};

/// The MSS of peers, rounded down: the least that is sent to anybody, the defaults of both families, and what
/// Ethernet leaves without and with tunnels, and in jumbo frames.
const MSS_TABLE: [u16; 8] = [64, 536, 1_220, 1_360, 1_400, 1_440, 1_460, 8_940];

const MSS_BITS: u32 = 3;
const MINUTE_BITS: u32 = 2;
const DATA_BITS: u32 = MSS_BITS + MINUTE_BITS;

/// A cookie is good in the minute in which it was baked and in the next.
const MINUTE: Duration = Duration::from_secs(60);

/// The bits of TSval that hold options.
const OPTION_BITS: u32 = 0x3f;
const NO_SCALE: u8 = 0xf;

/// What a SYN says that a cookie keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Kept {
    irs: SeqNumber,
    mss: u16,
    options: KeptOptions,
}

/// What the timestamp keeps.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
struct KeptOptions {
    scale: Option<WindowScale>,
    sack: bool,
    ecn: bool,
}

impl KeptOptions {
    fn of(syn: &Header) -> KeptOptions {
        if syn.options.timestamps.is_none() {
            return KeptOptions::default();
        }
        KeptOptions {
            scale: syn.options.window_scale,
            sack: syn.options.sack_permitted,
            ecn: syn.ece && syn.cwr,
        }
    }

    const fn to_bits(self) -> u32 {
        let scale = match self.scale {
            Some(scale) => scale.shift(),
            None => NO_SCALE,
        };
        scale as u32 | (self.sack as u32) << 4 | (self.ecn as u32) << 5
    }

    fn from_bits(bits: u32) -> KeptOptions {
        let scale = (bits & 0xf) as u8;
        KeptOptions {
            scale: (scale != NO_SCALE).then(|| WindowScale::clamped(scale)),
            sack: bits & 1 << 4 != 0,
            ecn: bits & 1 << 5 != 0,
        }
    }

    /// The latest timestamp, not after `value`, that says this.
    fn stamped(self, value: u32) -> u32 {
        let stamped = value & !OPTION_BITS | self.to_bits();
        if stamped.wrapping_sub(value) as i32 > 0 {
            stamped.wrapping_sub(OPTION_BITS + 1)
        } else {
            stamped
        }
    }
}

impl Kept {
    /// The SYN as the cookie remembers it; `timestamps` are those that the peer sends.
    fn syn(&self, timestamps: Option<Timestamps>) -> Header {
        let KeptOptions { scale, sack, ecn } = self.options;
        Header {
            control: Control::Syn,
            ece: ecn,
            cwr: ecn,
            options: Options {
                mss: Some(self.mss),
                window_scale: scale,
                sack_permitted: sack,
                timestamps,
                ..Options::NONE
            },
            ..Header::new(self.irs)
        }
    }
}

/// The number that says `index`, for the minute that is given.
fn bake(key: &Key, tuple: &FourTuple, irs: SeqNumber, minute: u64, index: u32) -> SeqNumber {
    let data = index << MINUTE_BITS | minute as u32 & ((1 << MINUTE_BITS) - 1);
    let mut bytes = [0; 24];
    let ends = key.hash_tuple(tuple.local(), tuple.remote());
    bytes[..8].copy_from_slice(&ends.to_be_bytes());
    bytes[8..16].copy_from_slice(&minute.to_be_bytes());
    bytes[16..20].copy_from_slice(&irs.get().to_be_bytes());
    bytes[20..].copy_from_slice(&data.to_be_bytes());
    SeqNumber::new((key.hash(&bytes) as u32) << DATA_BITS | data)
}

/// The index that a number of ours says; `None` if it is none of ours, or too old.
fn taste(
    key: &Key,
    tuple: &FourTuple,
    irs: SeqNumber,
    minute: u64,
    cookie: SeqNumber,
) -> Option<u32> {
    let index = cookie.get() >> MINUTE_BITS & ((1 << MSS_BITS) - 1);
    let baked = [Some(minute), minute.checked_sub(1)];
    let is_of = |minute| bake(key, tuple, irs, minute, index) == cookie;
    baked.into_iter().flatten().any(is_of).then_some(index)
}

fn mss_index(mss: u16) -> u32 {
    let fits = |&entry: &u16| entry <= mss;
    let above = MSS_TABLE.iter().take_while(|entry| fits(entry)).count();
    above.saturating_sub(1) as u32
}

impl Stack {
    /// Answers a SYN, which found this room, by a cookie.
    pub(super) fn answer_by_cookie(
        &mut self,
        now: Instant,
        listener: u32,
        tuple: FourTuple,
        segment: &Segment<'_>,
        room: Result<(), Full>,
    ) {
        let mut setup = self.setup(now, &tuple);
        let minute = self.cookie_minute(now);
        let Some(parent) = self.listeners.get_mut(listener) else {
            return;
        };
        parent.last_cookie = Some(now);
        let syn = &segment.header;
        let index = mss_index(syn.options.mss.unwrap_or(setup.default_mss));
        let kept = Kept {
            irs: syn.seq,
            mss: MSS_TABLE[index as usize],
            options: KeptOptions::of(syn),
        };
        setup.isn = bake(&self.keys.cookie, &tuple, kept.irs, minute, index);
        let config = parent.config.tcp.clone();
        let remembered = Segment::bare(kept.syn(syn.options.timestamps));
        let mut syn_ack = HalfOpen::new(now, &config, setup, &remembered).syn_ack(now, &config);
        if let Some(timestamps) = &mut syn_ack.options.timestamps {
            timestamps.value = kept.options.stamped(timestamps.value);
        }
        if room.is_err() {
            self.counters.req_q_full_do_cookies += 1;
        }
        self.counters.syncookies_sent += 1;
        self.reply(tuple, syn_ack, Marking::from(&*config));
    }

    /// An acknowledgement that nothing is known of may bring a cookie back: then it completes a handshake.
    /// Says whether it did.
    pub(super) fn take_cookie(
        &mut self,
        now: Instant,
        listener: u32,
        tuple: FourTuple,
        segment: &Segment<'_>,
    ) -> bool {
        let header = &segment.header;
        let (Some(ack), Control::None | Control::Fin) = (header.ack, header.control) else {
            return false;
        };
        let Some(parent) = self.listeners.get(listener) else {
            return false;
        };
        if !parent.expects_cookies(now) {
            return false;
        }
        let (isn, irs) = (ack.retreated_by(1), header.seq.retreated_by(1));
        let minute = self.cookie_minute(now);
        let Some(index) = taste(&self.keys.cookie, &tuple, irs, minute, isn) else {
            self.counters.syncookies_failed += 1;
            return false;
        };
        self.counters.syncookies_recv += 1;
        if let Err(full) = parent.admits_connection() {
            self.count_listen_drop(full);
            return true;
        }
        let config = parent.config.tcp.clone();
        if !self.admits_connection() {
            self.counters.listen_drops += 1;
            return true;
        }
        let timestamps = header.options.timestamps;
        let options = timestamps.map(|timestamps| KeptOptions::from_bits(timestamps.echo));
        let kept = Kept {
            irs,
            mss: MSS_TABLE[index as usize],
            options: options.unwrap_or_default(),
        };
        let mut setup = self.setup(now, &tuple);
        setup.isn = isn;
        let mut syn = kept.syn(timestamps);
        syn.window = header.window;
        let record = HalfOpen::new(now, &config, setup, &Segment::bare(syn));
        let connection = self.spares.promote(now, config, &record);
        let index = self
            .insert_connection(connection, tuple, Origin::AcceptQueue, None)
            .index;
        self.join_accept_queue(now, listener, index, segment);
        true
    }

    /// The minute since an epoch that outlives restarts, as initial sequence numbers have it.
    fn cookie_minute(&self, now: Instant) -> u64 {
        (now + self.config.clock_offset).as_nanos() / MINUTE.as_nanos() as u64
    }
}

/// Whether a SYN that finds this room is answered by a cookie. Where the user is asked about every SYN, somebody must
/// remember it.
pub(super) fn answers(config: &ListenConfig, room: Result<(), Full>) -> bool {
    config.admission == Admission::Accept
        && match (config.syn_cookies, room) {
            (SynCookies::Never, _) | (_, Err(Full::AcceptQueue)) => false,
            (SynCookies::UnderPressure, room) => room.is_err(),
            (SynCookies::Always, _) => true,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::keys::Keys;

    fn tuple(remote: &str) -> FourTuple {
        FourTuple::new("10.0.0.1:80".parse().unwrap(), remote.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_cookie_says_its_mss_for_a_minute_or_two() {
        let key = Keys::new(&[7; 32]).cookie;
        let tuple = tuple("10.0.0.2:4000");
        let irs = SeqNumber::new(u32::MAX);
        for index in 0..MSS_TABLE.len() as u32 {
            let cookie = bake(&key, &tuple, irs, 5, index);
            for (minute, expected) in [(5, Some(index)), (6, Some(index)), (7, None), (4, None)] {
                assert_eq!(taste(&key, &tuple, irs, minute, cookie), expected);
            }
        }
    }

    #[test]
    fn a_cookie_is_of_one_peer_and_of_one_syn() {
        let key = Keys::new(&[7; 32]).cookie;
        let irs = SeqNumber::new(100);
        let cookie = bake(&key, &tuple("10.0.0.2:4000"), irs, 5, 6);
        let others = ["10.0.0.2:4001", "10.0.0.3:4000"];
        for other in others.map(tuple) {
            assert_eq!(taste(&key, &other, irs, 5, cookie), None);
        }
        let tuple = tuple("10.0.0.2:4000");
        let later = irs.advanced_by(1);
        assert_eq!(taste(&key, &tuple, later, 5, cookie), None);
        let others = Keys::new(&[8; 32]).cookie;
        assert_eq!(taste(&others, &tuple, irs, 5, cookie), None);
    }

    /// Of all numbers one in 2^27 is a cookie of this minute or of the last.
    #[test]
    fn guesses_do_not_pass() {
        let key = Keys::new(&[7; 32]).cookie;
        let tuple = tuple("10.0.0.2:4000");
        let passed = (0..1_000_000u32)
            .map(|guess| SeqNumber::new(guess.wrapping_mul(2_654_435_761)))
            .filter(|&guess| taste(&key, &tuple, SeqNumber::new(1), 5, guess).is_some())
            .count();
        assert_eq!(passed, 0);
    }

    #[test]
    fn the_mss_is_rounded_down() {
        for (mss, expected) in [
            (0, 64),
            (64, 64),
            (535, 64),
            (536, 536),
            (1_459, 1_440),
            (1_460, 1_460),
            (u16::MAX, 8_940),
        ] {
            assert_eq!(MSS_TABLE[mss_index(mss) as usize], expected);
        }
    }

    #[test]
    fn a_timestamp_says_the_options_and_is_never_ahead_of_its_clock() {
        for bits in 0..=OPTION_BITS {
            let options = KeptOptions::from_bits(bits);
            for value in [0, 1, 62, 63, 64, 12_345, u32::MAX] {
                let stamped = options.stamped(value);
                assert!(value.wrapping_sub(stamped) <= OPTION_BITS);
                assert_eq!(KeptOptions::from_bits(stamped), options);
            }
        }
    }
}
