//! The conversations that are worth exploring, each as small as it can be.

use tcp_core::seq::SeqNumber;
use tcp_core::{ConfigError, Setup, TcpConfig};

use super::host::Host;
use super::scenario::{Ending, Scenario, Start, Step};
use crate::scenario::TcpSettings;

/// Payload of a full segment: the least MSS that a connection takes, so that three segments are
/// little to hash.
const MSS: u16 = 88;
/// Bytes of a full segment.
const SEGMENT: usize = MSS as usize;

/// All of them.
pub fn presets() -> [Scenario; 9] {
    [
        handshake(),
        simultaneous_open(),
        transfer(),
        large_segments(),
        close(),
        simultaneous_close(),
        zero_window(),
        reset(),
        time_wait_reuse(),
    ]
}

/// The one with this name.
pub fn preset(name: &str) -> Option<Scenario> {
    presets().into_iter().find(|preset| preset.name == name)
}

impl Scenario {
    /// The same conversation between hosts with these settings.
    ///
    /// # Errors
    ///
    /// When they contradict each other, or what the preset needs.
    pub fn with_tcp(self, tcp: &TcpSettings) -> Result<Scenario, ConfigError> {
        let [a, b] = self.machines.clone();
        let machines = [
            a.reconfigured(|config| tcp.over(config))?,
            b.reconfigured(|config| tcp.over(config))?,
        ];
        Ok(Scenario { machines, ..self })
    }
}

/// A connects to B, and no more.
pub fn handshake() -> Scenario {
    let scripts = [vec![], vec![]];
    Scenario::new(
        "handshake",
        client_and_server(config()),
        scripts,
        Start::AsGiven,
        Ending::Open,
    )
}

/// Both connect to each other, and no more.
pub fn simultaneous_open() -> Scenario {
    let machines = [
        Host::connect(config(), setup(ISN_A)),
        Host::connect(config(), setup(ISN_B)),
    ];
    let scripts = [vec![], vec![]];
    Scenario::new(
        "simultaneous-open",
        machines,
        scripts,
        Start::AsGiven,
        Ending::Open,
    )
}

/// Three segments each way on an established connection.
pub fn transfer() -> Scenario {
    let script = vec![Step::Write(3 * SEGMENT), Step::Read(3 * SEGMENT)];
    Scenario::new(
        "transfer",
        client_and_server(config()),
        [script.clone(), script],
        Start::Established,
        Ending::Open,
    )
}

/// A sends a segment of three pieces, and one of two; the network carries each piece by itself.
pub fn large_segments() -> Scenario {
    let device = |isn| Setup {
        gso_max_size: 3 * u32::from(MSS),
        ..setup(isn)
    };
    let config = TcpConfig {
        // As large as the device takes them, at whatever rate.
        min_tso_segs: 3,
        ..config()
    };
    let machines = [
        Host::connect(config.clone(), device(ISN_A)),
        Host::listen(config, device(ISN_B)),
    ];
    let a = vec![Step::Write(3 * SEGMENT), Step::Write(2 * SEGMENT)];
    let b = vec![Step::Read(5 * SEGMENT)];
    Scenario::new(
        "large-segments",
        machines,
        [a, b],
        Start::Established,
        Ending::Open,
    )
}

/// A sends a segment and closes its direction; B reads to the end, answers, and closes.
pub fn close() -> Scenario {
    let a = vec![
        Step::Write(SEGMENT),
        Step::Shutdown,
        Step::ReadToEnd,
        Step::Close,
    ];
    let b = vec![Step::ReadToEnd, Step::Write(SEGMENT), Step::Close];
    Scenario::new(
        "close",
        client_and_server(config()),
        [a, b],
        Start::Established,
        Ending::Closed,
    )
}

/// Both send a segment and close, in any order.
pub fn simultaneous_close() -> Scenario {
    let script = vec![
        Step::Write(SEGMENT),
        Step::Shutdown,
        Step::ReadToEnd,
        Step::Close,
    ];
    Scenario::new(
        "simultaneous-close",
        client_and_server(config()),
        [script.clone(), script],
        Start::Established,
        Ending::Closed,
    )
}

/// A sends twice what B has room for, and B reads it piece by piece.
pub fn zero_window() -> Scenario {
    let config = TcpConfig {
        recv_buffer: (2 * SEGMENT).into(),
        ..config()
    };
    let a = vec![Step::Write(4 * SEGMENT)];
    let b = vec![Step::Read(SEGMENT); 4];
    Scenario::new(
        "zero-window",
        client_and_server(config),
        [a, b],
        Start::Established,
        Ending::Open,
    )
}

/// A sends a segment and aborts, while B sends and reads.
pub fn reset() -> Scenario {
    let a = vec![Step::Write(SEGMENT), Step::Abort];
    let b = vec![Step::Write(SEGMENT), Step::ReadToEnd];
    Scenario::new(
        "reset",
        client_and_server(config()),
        [a, b],
        Start::Established,
        Ending::Reset,
    )
}

/// A and B exchange a segment each, and B closes first. A connects again while B is in TIME-WAIT, and
/// again they exchange a segment each. B's listener stays, and the record of TIME-WAIT tells it old
/// segments from the new SYN, and where its own sequence numbers may begin (RFC 9293 §3.6.1,
/// RFC 6191).
pub fn time_wait_reuse() -> Scenario {
    let a = vec![
        Step::Write(SEGMENT),
        Step::ReadToEnd,
        Step::Close,
        Step::Connect,
        Step::Write(SEGMENT),
        Step::Read(SEGMENT),
    ];
    let b = vec![
        Step::Read(SEGMENT),
        Step::Write(SEGMENT),
        Step::Close,
        Step::Accept,
        Step::Read(SEGMENT),
        Step::Write(SEGMENT),
    ];
    let machines = [
        Host::connect(config(), setup(ISN_A)),
        Host::serve(config(), setup(ISN_B)),
    ];
    Scenario::new(
        "time-wait-reuse",
        machines,
        [a, b],
        Start::Established,
        Ending::Open,
    )
}

/// Round, so that a trace is easy to read.
const ISN_A: u32 = 1_000;
/// As [`ISN_A`].
const ISN_B: u32 = 5_000;

fn client_and_server(config: TcpConfig) -> [Host; 2] {
    [
        Host::connect(config.clone(), setup(ISN_A)),
        Host::listen(config, setup(ISN_B)),
    ]
}

/// More timeouts in a row than any exploration has faults to cause, and few enough that a trace in
/// which only the timer runs is short.
const PATIENCE: u8 = 8;

/// Without timestamps, which tell states apart that are alike; with small buffers, and little
/// patience.
fn config() -> TcpConfig {
    TcpConfig {
        retries2: PATIENCE,
        syn_retries: PATIENCE,
        synack_retries: PATIENCE,
        recv_buffer: 4_096.into(),
        send_buffer: 4_096.into(),
        timestamps: false,
        ..TcpConfig::default()
    }
}

fn setup(isn: u32) -> Setup {
    Setup {
        isn: SeqNumber::new(isn),
        timestamp_offset: 0,
        mss: MSS,
        gso_max_size: 0,
        default_mss: MSS,
    }
}
