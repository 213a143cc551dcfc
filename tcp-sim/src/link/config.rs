//! What one direction of a link does to packets, as it is written in a scenario.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::fault::FaultPlan;
use crate::units::{Bytes, Probability, Rate};

/// One direction of a link. The default is perfect: no delay, no limit, no loss.
///
/// A packet passes, in this order: the middlebox, the MTU, the blackholes, the queue and the
/// rate, and then the wire with its faults, jitter, delay and spikes. What is lost on the wire has used the
/// rate. Chance is drawn for each packet as it comes out of the middlebox.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkConfig {
    /// Bits a second, IP headers included; `None` takes no time, and needs no queue.
    #[serde(skip_serializing_if = "is_default")]
    pub rate: Option<Rate>,
    /// Propagation delay.
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub delay: Duration,
    /// Delay on top of it, drawn evenly from zero to this. The order of packets stays.
    #[serde(with = "humantime_serde", skip_serializing_if = "is_default")]
    pub jitter: Duration,
    /// How much waits for the rate before a packet is dropped at the tail; the packet that is being
    /// sent does not wait.
    #[serde(skip_serializing_if = "is_default")]
    pub queue: QueueLimit,
    /// What else the queue does against growing.
    #[serde(skip_serializing_if = "is_default")]
    pub aqm: Aqm,
    /// Loss at random.
    #[serde(skip_serializing_if = "is_default")]
    pub loss: LossConfig,
    /// Faults of certain packets, counted as they come out of the middlebox.
    #[serde(skip_serializing_if = "is_default")]
    pub faults: FaultPlan,
    /// How often a packet arrives twice.
    #[serde(skip_serializing_if = "is_default")]
    pub duplicate: Probability,
    /// Packets that are late, and passed by those after them.
    #[serde(skip_serializing_if = "is_default")]
    pub reorder: Option<ReorderConfig>,
    /// How often one bit of a packet, behind its IP header, is inverted; never a second one beside one
    /// that the script inverts.
    #[serde(skip_serializing_if = "is_default")]
    pub corrupt: Probability,
    /// Bytes of the largest IP packet that passes; `None` lets all pass.
    #[serde(skip_serializing_if = "is_default")]
    pub mtu: Option<u16>,
    /// Times from which on another MTU holds, as when a route changes.
    #[serde(skip_serializing_if = "is_default")]
    pub mtu_changes: Vec<MtuChange>,
    /// What the sender of a larger one hears.
    #[serde(skip_serializing_if = "is_default")]
    pub too_big: TooBig,
    /// Times in which nothing passes.
    #[serde(skip_serializing_if = "is_default")]
    pub blackholes: Vec<Blackhole>,
    /// Times in which the wire is slower.
    #[serde(skip_serializing_if = "is_default")]
    pub spikes: Vec<Spike>,
    /// What changes segments on their way.
    #[serde(skip_serializing_if = "is_default")]
    pub middlebox: MiddleboxConfig,
}

/// How much a queue holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueLimit {
    /// So many packets.
    Packets(usize),
    /// Packets of so many bytes together.
    Bytes(Bytes),
}

/// 1,000 packets, the `txqueuelen` of an Ethernet device.
impl Default for QueueLimit {
    fn default() -> Self {
        QueueLimit::Packets(1_000)
    }
}

/// Active queue management.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Aqm {
    /// None: what does not fit is dropped.
    #[default]
    DropTail,
    /// CoDel (RFC 8289): drops at the head what has waited too long for too long.
    Codel {
        /// The sojourn time that is acceptable.
        #[serde(with = "humantime_serde", default = "codel_target")]
        target: Duration,
        /// How long it must be exceeded.
        #[serde(with = "humantime_serde", default = "codel_interval")]
        interval: Duration,
        /// Marks packets that are ECN-capable instead of dropping them.
        #[serde(default)]
        ecn: bool,
    },
    /// RED (Floyd and Jacobson 1993): drops or marks at random, more often the longer the average
    /// queue is.
    Red {
        /// Average queue in bytes below which nothing happens.
        min: Bytes,
        /// Average queue from which every packet is dropped.
        max: Bytes,
        /// How often it happens just below `max`.
        probability: Probability,
        /// Marks packets that are ECN-capable instead of dropping them, up to `max`.
        #[serde(default)]
        ecn: bool,
    },
}

fn codel_target() -> Duration {
    Duration::from_millis(5)
}

fn codel_interval() -> Duration {
    Duration::from_millis(100)
}

/// Loss at random: `0.01`, or a table for losses in bursts.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LossConfig {
    /// Each packet by itself.
    Independent(Probability),
    /// A channel that is good or bad, and changes before each packet (Gilbert-Elliott).
    GilbertElliott(GilbertElliott),
}

impl Default for LossConfig {
    fn default() -> Self {
        LossConfig::Independent(Probability::ZERO)
    }
}

/// The two states of a channel. Losses come in bursts of `1 / to_good` packets on average.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GilbertElliott {
    /// How often a good channel becomes bad.
    pub to_bad: Probability,
    /// How often a bad channel becomes good.
    pub to_good: Probability,
    /// Loss while it is bad.
    #[serde(default = "certain")]
    pub in_bad: Probability,
    /// Loss while it is good.
    #[serde(default)]
    pub in_good: Probability,
}

fn certain() -> Probability {
    Probability::ONE
}

/// Packets that are late.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderConfig {
    /// How often.
    pub probability: Probability,
    /// By how much at most; how much is drawn evenly.
    #[serde(with = "humantime_serde")]
    pub by: Duration,
}

/// What the sender of a packet larger than the MTU hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum TooBig {
    /// ICMP 'fragmentation needed' or ICMPv6 'packet too big', with the MTU. IPv4 packets that could
    /// be cut into fragments (without DF) are refused too.
    #[default]
    Icmp,
    /// Nothing: a path MTU black hole (RFC 2923).
    Silence,
}

/// Another MTU.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MtuChange {
    /// The first moment at which it holds.
    #[serde(with = "humantime_serde")]
    pub at: Duration,
    /// Bytes of the largest IP packet that passes from then on.
    pub mtu: u16,
}

/// A time in which every packet that is sent is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blackhole {
    /// When it begins.
    #[serde(with = "humantime_serde")]
    pub from: Duration,
    /// The first moment after it.
    #[serde(with = "humantime_serde")]
    pub until: Duration,
}

/// A time in which packets take longer; the order of packets stays, so those after it wait for them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spike {
    /// When it begins: the first moment at which a packet that comes to the wire is slower.
    #[serde(with = "humantime_serde")]
    pub from: Duration,
    /// The first moment after it.
    #[serde(with = "humantime_serde")]
    pub until: Duration,
    /// How much longer they take; where spikes overlap, the longest counts.
    #[serde(with = "humantime_serde")]
    pub extra: Duration,
}

/// What a middlebox does to TCP segments. Checksums are right again behind it; what is no segment,
/// or had a wrong checksum before, passes untouched.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MiddleboxConfig {
    /// Options that it overwrites with no-operations.
    #[serde(skip_serializing_if = "is_default")]
    pub strip: Vec<OptionName>,
    /// Which segments lose them.
    #[serde(skip_serializing_if = "is_default")]
    pub strip_from: StripFrom,
    /// The largest MSS that a SYN may announce.
    #[serde(skip_serializing_if = "is_default")]
    pub clamp_mss: Option<u16>,
    /// Window scale that a SYN announces instead of its own.
    #[serde(skip_serializing_if = "is_default")]
    pub window_scale: Option<u8>,
    /// Added to all sequence numbers of this direction, and taken from the acknowledgements of the
    /// other, those of RSTs too; but not to SACK blocks, as some firewalls do, and not to what ICMP
    /// errors quote.
    #[serde(skip_serializing_if = "is_default")]
    pub shift_seq: u32,
    /// Payload of the largest segment; larger ones become several.
    #[serde(skip_serializing_if = "is_default")]
    pub split: Option<u16>,
    /// Segments that follow each other become one, before [`split`](Self::split) sees them.
    #[serde(skip_serializing_if = "is_default")]
    pub merge: Option<MergeConfig>,
}

/// Options of TCP by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionName {
    /// Kind 2.
    Mss,
    /// Kind 3.
    WindowScale,
    /// Kind 4.
    SackPermitted,
    /// Kind 5.
    Sack,
    /// Kind 8.
    Timestamps,
    /// All others.
    Unknown,
}

/// Which segments lose their options.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StripFrom {
    /// SYN and SYN-ACK.
    #[default]
    Syn,
    /// Those without SYN: what was agreed on is then missing.
    Others,
    /// All.
    All,
}

/// How segments become one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeConfig {
    /// Payload of the largest result.
    pub max: u16,
    /// How long a segment waits for the next.
    #[serde(with = "humantime_serde")]
    pub hold: Duration,
}

/// Leaves what nobody has set out of a printed scenario.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
