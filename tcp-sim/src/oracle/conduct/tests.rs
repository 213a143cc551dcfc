//! What may be sent, and what may not, segment by segment.

use super::*;
use crate::Side;
use crate::script::{Numbering, Seg, ack, fin, rst, syn};

/// Peer's SYN is 100, ours 300.
struct Bench(Conduct);

impl Bench {
    /// After a handshake in which the peer granted a window of 1,000.
    fn established() -> Bench {
        let mut bench = Bench(Conduct::default());
        bench.handed(syn(100).window(1_000).mss(500));
        bench.sends(syn(300).ack(101).window(1_000));
        bench.handed(ack(101, 301).window(1_000));
        bench
    }

    fn handed(&mut self, seg: Seg) {
        let (header, payload) = seg.to_wire(Side::B, &Numbering::default());
        self.0.handed(&header, payload.len());
    }

    fn try_send(&mut self, seg: Seg) -> Result<(), Violation> {
        let (header, payload) = seg.to_wire(Side::A, &Numbering::default());
        self.0.sent(&header, &payload)
    }

    #[track_caller]
    fn sends(&mut self, seg: Seg) {
        assert_eq!(self.try_send(seg), Ok(()));
    }

    #[track_caller]
    fn may_not_send(&mut self, seg: Seg, why: &str) {
        let Violation(found) = self.try_send(seg).unwrap_err();
        assert!(found.contains(why), "{found}");
    }
}

#[test]
fn an_ordinary_exchange_passes() {
    let mut bench = Bench::established();
    bench.sends(ack(301, 101).window(1_000).data(b"hello"));
    bench.sends(ack(301, 101).window(1_000).data(b"hello again"));
    bench.handed(ack(101, 312).data(b"hi"));
    bench.sends(ack(312, 103).window(998));
    bench.sends(fin(312, 103).window(998));
    bench.sends(ack(313, 103).window(998));
    bench.sends(rst(0));
    bench.handed(fin(103, 313));
    bench.sends(ack(313, 104).window(998));
}

#[test]
fn of_syns_with_one_number_each_may_have_brought_the_data() {
    let mut bench = Bench(Conduct::default());
    bench.handed(syn(100));
    bench.sends(syn(300).window(1_000));
    bench.handed(syn(100).ack(301).window(1_000).data(b"hello"));
    bench.may_not_send(ack(301, 107).window(1_000), "was handed");
    bench.sends(ack(301, 106).window(1_000));
}

#[test]
fn the_syn_that_explains_the_acknowledgement_counts() {
    // A SYN of an earlier connection is nearer to what is acknowledged, and cannot have been it.
    let mut bench = Bench(Conduct::default());
    bench.handed(syn(102));
    bench.sends(syn(300).window(1_000));
    bench.handed(syn(100).ack(301).window(1_000).data(b"hello"));
    bench.sends(ack(301, 106).window(1_000));
}

#[test]
fn of_syns_with_one_number_and_other_options_either_may_have_been_taken() {
    let taken = |granted: Seg, len: usize| {
        let mut bench = Bench(Conduct::default());
        bench.handed(syn(100).window(5_000).mss(500));
        bench.handed(syn(100).window(5_000).mss(2_000));
        bench.sends(syn(300).ack(101).window(1_000));
        bench.handed(granted);
        bench.try_send(ack(301, 101).window(1_000).len(len))
    };
    let granted = ack(101, 301).window(5_000);
    assert_eq!(taken(granted.clone(), 1_900), Ok(()));
    assert_eq!(taken(granted.clone(), 500), Ok(()));
    assert!(taken(granted, 2_100).is_err());
}

#[test]
fn sequence_space_is_guarded() {
    let mut bench = Bench::established();
    bench.sends(ack(301, 101).window(1_000).data(b"hello"));
    bench.may_not_send(ack(301, 101).window(1_000).data(b"jello"), "another byte");
    bench.may_not_send(ack(307, 101).window(1_000).data(b"o"), "nothing from");
    bench.may_not_send(ack(306, 101).window(1_000).len(501), "MSS");
    bench.sends(fin(306, 101).window(1_000));
    bench.may_not_send(ack(306, 101).window(1_000).data(b"!"), "past the FIN");
    bench.may_not_send(fin(305, 101).window(1_000), "the FIN moved");
    bench.may_not_send(syn(301).ack(101).window(1_000), "a SYN at offset");
}

#[test]
fn acknowledgements_and_windows_are_guarded() {
    let mut bench = Bench::established();
    bench.handed(ack(101, 301).window(1_000).data(b"hello"));
    bench.handed(ack(111, 301).window(1_000).data(b"a hole before"));
    bench.may_not_send(ack(301, 124).window(1_000), "was handed");
    bench.sends(ack(301, 106).window(1_000));
    bench.may_not_send(ack(301, 105).window(1_001), "back");
    bench.may_not_send(ack(301, 106).window(999), "right edge");
    bench.handed(ack(106, 301).window(1_000).data(b"......"));
    bench.sends(ack(301, 124).window(982));
}

#[test]
fn the_peers_window_is_respected_but_for_a_probe() {
    let mut bench = Bench(Conduct::default());
    bench.handed(syn(100).window(4).mss(500));
    bench.sends(syn(300).ack(101));
    bench.handed(ack(101, 301).window(4));
    bench.may_not_send(ack(301, 101).data(b"12345"), "the window ends");
    bench.sends(ack(301, 101).data(b"1234"));
    bench.may_not_send(ack(304, 101).data(b"45"), "the window ends");
    bench.may_not_send(ack(305, 101).data(b"56"), "the window ends");
    bench.sends(ack(305, 101).data(b"5"));
    bench.may_not_send(ack(306, 101).data(b"6"), "the window ends");
}

#[test]
fn a_new_connection_starts_afresh() {
    let bench = Bench::established();
    let (header, _) = syn(9_000).ack(201).to_wire(Side::A, &Numbering::default());
    assert!(bench.0.is_reborn_by(&header));
    let mut bench = Bench(bench.0.reborn());
    bench.handed(syn(200).window(1_000));
    bench.sends(syn(9_000).ack(201));
    bench.may_not_send(ack(9_001, 203), "was handed");
}
