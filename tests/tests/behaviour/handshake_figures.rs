//! The handshakes of RFC 9293 §3.5, figure by figure.
//!
//! The text is the RFC's; what a line means is told at [`Figure`]. Lines below a rule go on where
//! the RFC's figure ends, with what must follow from it.

use tcp_sim::script::Figure;

/// RFC 9293, figure 6: Basic Three-Way Handshake for Connection Synchronization.
#[test]
fn figure_6_basic_three_way_handshake() {
    Figure::play(
        "
    1.  CLOSED                                               LISTEN
    2.  SYN-SENT    --> <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
    3.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    4.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>       --> ESTABLISHED
    5.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><DATA> --> ESTABLISHED
    ------------------------------------------------------------------
    6.  ESTABLISHED <-- <SEQ=301><ACK=102><CTL=ACK>       <-- ESTABLISHED
    ",
    );
}

/// RFC 9293, figure 7: Simultaneous Connection Synchronization.
#[test]
fn figure_7_simultaneous_open() {
    Figure::play(
        "
    1.  CLOSED                                           CLOSED
    2.  SYN-SENT     --> <SEQ=100><CTL=SYN>              ...
    3.  SYN-RECEIVED <-- <SEQ=300><CTL=SYN>              <-- SYN-SENT
    4.               ... <SEQ=100><CTL=SYN>              --> SYN-RECEIVED
    5.  SYN-RECEIVED --> <SEQ=100><ACK=301><CTL=SYN,ACK> ...
    6.  ESTABLISHED  <-- <SEQ=300><ACK=101><CTL=SYN,ACK> <-- SYN-RECEIVED
    7.               ... <SEQ=100><ACK=301><CTL=SYN,ACK> --> ESTABLISHED
    ------------------------------------------------------------------
    8.  ESTABLISHED  --> <SEQ=101><ACK=301><CTL=ACK><DATA=7> --> ESTABLISHED
    9.  ESTABLISHED  <-- <SEQ=301><ACK=108><CTL=ACK>     <-- ESTABLISHED
    ",
    );
}

/// RFC 9293, figure 8: Recovery from Old Duplicate SYN.
#[test]
fn figure_8_old_duplicate_syn() {
    Figure::play(
        "
    1.  CLOSED                                               LISTEN
    2.  SYN-SENT    --> <SEQ=100><CTL=SYN>               ...
    3.  (duplicate) ... <SEQ=90><CTL=SYN>                --> SYN-RECEIVED
    4.  SYN-SENT    <-- <SEQ=300><ACK=91><CTL=SYN,ACK>   <-- SYN-RECEIVED
    5.  SYN-SENT    --> <SEQ=91><CTL=RST>                --> LISTEN
    6.              ... <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
    7.  ESTABLISHED <-- <SEQ=400><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    8.  ESTABLISHED --> <SEQ=101><ACK=401><CTL=ACK>      --> ESTABLISHED
    ",
    );
}

/// RFC 9293, figure 9: Half-Open Connection Discovery. In line 8 B, which has no connection any
/// more and does not listen, refuses A's next attempt (§3.10.7.1).
#[test]
fn figure_9_half_open_discovery() {
    Figure::play(
        "
    1.  (REBOOT)                              (send 300,receive 100)
    2.  CLOSED                                           ESTABLISHED
    3.  SYN-SENT --> <SEQ=400><CTL=SYN>              --> (??)
    4.  (!!)     <-- <SEQ=300><ACK=100><CTL=ACK>     <-- ESTABLISHED
    5.  SYN-SENT --> <SEQ=100><CTL=RST>              --> (Abort!!)
    6.  SYN-SENT                                         CLOSED
    7.  SYN-SENT --> <SEQ=400><CTL=SYN>              -->
    ------------------------------------------------------------------
    8.  (refused) <-- <SEQ=0><ACK=401><CTL=RST,ACK>  <-- CLOSED
    ",
    );
}

/// RFC 9293, figure 10: Active Side Causes Half-Open Connection Discovery.
#[test]
fn figure_10_active_side_discovers_half_open() {
    Figure::play(
        "
    1.  (REBOOT)                                  (send 300,receive 100)
    2.  (??)    <-- <SEQ=300><ACK=100><DATA=10><CTL=ACK> <-- ESTABLISHED
    3.          --> <SEQ=100><CTL=RST>                   --> (ABORT!!)
    ",
    );
}

/// RFC 9293, figure 11: Old Duplicate SYN Initiates a Reset on Two Passive Sockets. Z is 90 and X
/// is 300.
#[test]
fn figure_11_old_duplicate_syn_between_listeners() {
    Figure::play(
        "
    1.  LISTEN                                              LISTEN
    2.       ... <SEQ=90><CTL=SYN>                      -->  SYN-RECEIVED
    3.  (??) <-- <SEQ=300><ACK=91><CTL=SYN,ACK>         <--  SYN-RECEIVED
    4.       --> <SEQ=91><CTL=RST>                      -->  (return to LISTEN!)
    5.  LISTEN                                              LISTEN
    ",
    );
}

/// RFC 9293 §3.5: a SYN that is repeated because its SYN-ACK was lost gets the same SYN-ACK again.
#[test]
fn a_lost_syn_ack_is_repeated() {
    Figure::play(
        "
    1.  CLOSED                                               LISTEN
    2.  SYN-SENT    --> <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
    3.  SYN-SENT    ... <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    4.  SYN-SENT    --> <SEQ=100><CTL=SYN>               ...
    5.              ... <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    6.              ... <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
    7.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    8.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>      --> ESTABLISHED
    ",
    );
}

/// RFC 9293 §3.10.7.4: the final ACK is lost, and the first data completes the handshake.
#[test]
fn data_stands_in_for_a_lost_final_ack() {
    Figure::play(
        "
    1.  CLOSED                                               LISTEN
    2.  SYN-SENT    --> <SEQ=100><CTL=SYN>               --> SYN-RECEIVED
    3.  ESTABLISHED <-- <SEQ=300><ACK=101><CTL=SYN,ACK>  <-- SYN-RECEIVED
    4.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK>      ... SYN-RECEIVED
    5.  ESTABLISHED --> <SEQ=101><ACK=301><CTL=ACK><DATA=5> --> ESTABLISHED
    6.  ESTABLISHED <-- <SEQ=301><ACK=106><CTL=ACK>      <-- ESTABLISHED
    ",
    );
}

/// RFC 9293 §3.10.7.1: a SYN to a port on which nobody listens.
#[test]
fn a_closed_port_refuses() {
    Figure::play(
        "
    1.  CLOSED                                               CLOSED
    2.  SYN-SENT  --> <SEQ=100><CTL=SYN>                 --> CLOSED
    3.  (refused) <-- <SEQ=0><ACK=101><CTL=RST,ACK>      <-- CLOSED
    ",
    );
}
