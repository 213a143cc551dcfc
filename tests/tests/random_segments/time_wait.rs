//! TIME-WAIT under fire.

use proptest::prelude::*;
use tcp_core::connection::TimeWaitOutcome;
use tcp_core::seq::SeqNumber;
use tcp_core::wire::{Control, Header, WireWindow};
use tcp_core::{CloseMode, Connection, Counters, Instant, Shutdown, State, TcpConfig, ValidConfig};
use tcp_sim::script::{LoneConnection, segment};

use rigs::connection::{View, syn_of};
use rigs::plan::{Start, Step};

/// A connection that has gone through an ordinary close into TIME-WAIT, and the peer's view of it.
fn time_wait(start: &Start, config: ValidConfig) -> (Connection, View) {
    let (now, mut counters) = (Instant::ZERO, Counters::default());
    let mut connection = Connection::connect(now, config, LoneConnection::setup(start.isn));
    let mut view = View::new(SeqNumber::new(start.isn), SeqNumber::new(start.peer_isn));
    let settle = |connection: &mut Connection, view: &mut View, counters: &mut Counters| {
        while let Some(sent) = connection.poll_segment(now, counters) {
            view.note(&sent.header, sent.sequence_len());
        }
    };
    settle(&mut connection, &mut view, &mut counters);
    let mut syn_ack = syn_of(&start.peer, view.peer_isn);
    syn_ack.ack = Some(view.snd_max);
    connection.handle_segment(now, &segment(&syn_ack, &[]), &mut counters);
    connection.shutdown(now, Shutdown::Write, &mut counters);
    settle(&mut connection, &mut view, &mut counters);
    // A SYN may have granted no window; FIN needs one.
    for control in [Control::None, Control::Fin] {
        let mut header = Header::new(view.rcv_nxt);
        header.control = control;
        header.ack = Some(view.snd_max);
        header.window = WireWindow::new(u16::MAX);
        connection.handle_segment(now, &segment(&header, &[]), &mut counters);
        settle(&mut connection, &mut view, &mut counters);
    }
    assert_eq!(connection.state(), State::TimeWait);
    (connection, view)
}

proptest! {
    #![proptest_config(crate::cases(1_000))]

    /// It answers with nothing but an acknowledgement of the whole connection, is reopened only by a
    /// SYN, and its end comes no earlier than it was, nor later than 2 MSL from now.
    #[test]
    fn time_wait_survives_anything(
        start in any::<Start>(),
        steps in prop::collection::vec(any::<Step>(), 1..60),
    ) {
        // The other mode keeps no such record.
        let tcp = TcpConfig { close_mode: CloseMode::TimeWait, ..start.tcp.clone() };
        let config = tcp.validate().expect("the plan makes valid ones");
        let (connection, view) = time_wait(&start, config.clone());
        let mut record = connection.time_wait().expect("it has nothing left to send").clone();
        let mut now = Instant::ZERO;
        for step in steps {
            let shot = match step {
                Step::Segment(shot) => shot,
                Step::Wait(span) => {
                    now = (now + span).min(record.expires_at());
                    continue;
                }
                _ => continue,
            };
            let header = view.header_of(&shot);
            let payload = view.payload(header.seq, shot.len);
            let before = record.expires_at();
            match record.handle_segment(now, &segment(&header, &payload)) {
                TimeWaitOutcome::Ignore => {}
                TimeWaitOutcome::Reply(reply) => {
                    prop_assert_eq!(reply.control, Control::None);
                    prop_assert_eq!((reply.seq, reply.ack), (view.snd_max, Some(view.rcv_nxt)));
                    prop_assert_ne!(header.control, Control::Rst, "a reset is never answered");
                }
                TimeWaitOutcome::Drop => {
                    prop_assert_eq!(header.control, Control::Rst);
                    prop_assert!(!config.rfc1337);
                    return Ok(());
                }
                TimeWaitOutcome::Reopen(at_least) => {
                    prop_assert_eq!((header.control, header.ack), (Control::Syn, None));
                    prop_assert!(at_least.distance_from(view.snd_max) > 0);
                    return Ok(());
                }
            }
            let after = record.expires_at();
            prop_assert!(before <= after && after <= now.max(Instant::ZERO) + config.time_wait);
        }
    }
}
