//! The ways in which a connection ends: RFC 9293 §3.6, figure by figure, and what the RFC tells
//! in words.
//!
//! The text of a figure is the RFC's; what a line means is told at [`Figure`].

use tcp_sim::script::Figure;

/// RFC 9293, figure 12: Normal Close Sequence.
#[test]
fn figure_12_normal_close() {
    Figure::play(
        "
    1.  ESTABLISHED                                          ESTABLISHED
    2.  (Close)
        FIN-WAIT-1  --> <SEQ=100><ACK=300><CTL=FIN,ACK>  --> CLOSE-WAIT
    3.  FIN-WAIT-2  <-- <SEQ=300><ACK=101><CTL=ACK>      <-- CLOSE-WAIT
    4.                                                       (Close)
        TIME-WAIT   <-- <SEQ=300><ACK=101><CTL=FIN,ACK>  <-- LAST-ACK
    5.  TIME-WAIT   --> <SEQ=101><ACK=301><CTL=ACK>      --> CLOSED
    6.  (2 MSL)
        CLOSED
    ",
    );
}

/// RFC 9293, figure 13: Simultaneous Close Sequence.
#[test]
fn figure_13_simultaneous_close() {
    Figure::play(
        "
    1.  ESTABLISHED                                          ESTABLISHED
    2.  (Close)                                              (Close)
        FIN-WAIT-1  --> <SEQ=100><ACK=300><CTL=FIN,ACK>  ... FIN-WAIT-1
                    <-- <SEQ=300><ACK=100><CTL=FIN,ACK>  <--
                    ... <SEQ=100><ACK=300><CTL=FIN,ACK>  -->
    3.  CLOSING     --> <SEQ=101><ACK=301><CTL=ACK>      ... CLOSING
                    <-- <SEQ=301><ACK=101><CTL=ACK>      <--
                    ... <SEQ=101><ACK=301><CTL=ACK>      -->
    4.  TIME-WAIT                                            TIME-WAIT
        (2 MSL)                                              (2 MSL)
        CLOSED                                               CLOSED
    ",
    );
}

/// RFC 9293 §3.6, case 1 with a half-closed connection: B goes on sending after A has closed.
#[test]
fn a_half_closed_connection_carries_data_the_other_way() {
    Figure::play(
        "
    1.  ESTABLISHED                                          ESTABLISHED
    2.  (Close)
        FIN-WAIT-1  --> <SEQ=100><ACK=300><CTL=FIN,ACK>  --> CLOSE-WAIT
    3.  FIN-WAIT-2  <-- <SEQ=300><ACK=101><CTL=ACK>      <-- CLOSE-WAIT
    4.  FIN-WAIT-2  <-- <SEQ=300><ACK=101><CTL=ACK><DATA=50> <-- CLOSE-WAIT
    5.  FIN-WAIT-2  --> <SEQ=101><ACK=350><CTL=ACK>      --> CLOSE-WAIT
    6.                                                       (Close)
        TIME-WAIT   <-- <SEQ=350><ACK=101><CTL=FIN,ACK>  <-- LAST-ACK
    7.  TIME-WAIT   --> <SEQ=101><ACK=351><CTL=ACK>      --> CLOSED
    ",
    );
}

/// RFC 9293 §3.10.7.4, eighth step in TIME-WAIT: the last ACK was lost, B sends its FIN again, A
/// acknowledges it again.
#[test]
fn time_wait_acknowledges_a_repeated_fin() {
    Figure::play(
        "
    1.  ESTABLISHED                                          ESTABLISHED
    2.  (Close)
        FIN-WAIT-1  --> <SEQ=100><ACK=300><CTL=FIN,ACK>  --> CLOSE-WAIT
    3.  FIN-WAIT-2  <-- <SEQ=300><ACK=101><CTL=ACK>      <-- CLOSE-WAIT
    4.                                                       (Close)
        TIME-WAIT   <-- <SEQ=300><ACK=101><CTL=FIN,ACK>  <-- LAST-ACK
    5.  TIME-WAIT   --> <SEQ=101><ACK=301><CTL=ACK>      ... LAST-ACK
    6.  TIME-WAIT   <-- <SEQ=300><ACK=101><CTL=FIN,ACK>  <-- LAST-ACK
    7.  TIME-WAIT   --> <SEQ=101><ACK=301><CTL=ACK>      --> CLOSED
    ",
    );
}
