//! The harness finds fault where there is some: a figure that is wrong, an expectation that is not
//! met.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tcp_core::{State, TcpConfig};
use tcp_sim::Side;
use tcp_sim::script::{Figure, Tester, ack, syn};
use tcp_sim::world::{Fault, FaultPlan, Pair, PairConfig};

/// What a test that fails says.
fn complaint(test: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(test)).expect_err("it should have failed");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload
            .downcast::<&str>()
            .expect("panics carry text")
            .to_string(),
    }
}

const OPEN: &str = "
    1.  CLOSED                                               LISTEN
    2.  SYN-SENT    --> <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
";

#[track_caller]
fn figure_fails(lines: &str, because: &str) {
    let complaint = complaint(|| {
        Figure::play(&format!("{OPEN}{lines}"));
    });
    assert!(complaint.contains(because), "{complaint}");
}

#[test]
fn a_figure_with_a_wrong_number_fails() {
    figure_fails(
        "3.  ESTABLISHED <-- <SEQ=300><ACK=102><CTL=SYN,ACK>  <-- SYN-RECEIVED",
        "B sends <SEQ=300><ACK=101><CTL=SYN,ACK>",
    );
}

#[test]
fn a_figure_with_a_wrong_flag_fails() {
    figure_fails(
        "3.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=ACK>  <-- SYN-RECEIVED",
        "<CTL=SYN,ACK>",
    );
}

#[test]
fn a_figure_with_a_wrong_state_fails() {
    figure_fails(
        "3.  SYN-SENT <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED",
        "A is in Of(Established), not in Of(SynSent)",
    );
}

#[test]
fn a_figure_that_leaves_a_segment_out_fails() {
    figure_fails(
        "3.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED",
        "the figure does not show <SEQ=101><ACK=301><CTL=ACK>",
    );
}

#[test]
fn a_figure_with_a_segment_too_many_fails() {
    figure_fails(
        "
    3.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    4.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>      --> ESTABLISHED
    5.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>      --> ESTABLISHED",
        "A sends nothing",
    );
}

#[test]
fn a_tester_names_what_was_expected_and_what_was_sent() {
    let wrong = complaint(|| {
        let mut tester = Tester::established(TcpConfig::default());
        tester.write(b"hello");
        tester.expect(ack(301, 101).data(b"hullo").window(9));
    });
    assert!(
        wrong.contains("expected <SEQ=301><ACK=101><DATA=5><CTL=ACK><WND=9>"),
        "{wrong}"
    );
    assert!(
        wrong.contains("sent     <SEQ=301><ACK=101><DATA=5><CTL=ACK><WND=65535>"),
        "{wrong}"
    );

    let missing = complaint(|| {
        Tester::established(TcpConfig::default()).expect(ack(301, 101));
    });
    assert!(missing.contains("nothing was sent"), "{missing}");

    let late = complaint(|| {
        let mut tester = Tester::stack();
        tester.connect(TcpConfig::default());
        tester.expect(syn(300));
        let soon = Duration::ZERO..=Duration::from_millis(900);
        tester.expect_within(soon, syn(300));
    });
    assert!(late.contains("nothing was sent"), "{late}");

    let unexpected = complaint(|| {
        let mut tester = Tester::stack();
        tester.connect(TcpConfig::default());
        tester.expect_nothing();
    });
    assert!(unexpected.contains("expected nothing"), "{unexpected}");
}

#[test]
fn waiting_for_what_never_happens_fails() {
    let idle = complaint(|| {
        let mut pair = Pair::new(PairConfig {
            plan: [FaultPlan::on(1, Fault::Drop), FaultPlan::none()],
            ..PairConfig::default()
        });
        let (client, _) = pair.establish(80);
        pair.run_until_true(|pair| pair.state(Side::A, client) == State::CloseWait);
    });
    assert!(idle.contains("has not happened"), "{idle}");
}
