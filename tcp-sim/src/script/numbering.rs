//! From the sequence numbers of a script to those on the wire.

use tcp_core::seq::SeqNumber;

use crate::Side;

/// Which sequence numbers on the wire a script's numbers stand for.
///
/// A script says `<SEQ=300>` for the SYN-ACK; the stack chooses its initial sequence number by
/// itself. When that SYN-ACK is seen, the two numbers are *bound*, and every later number of that
/// side counts from there. A side may be bound again: it sends a new SYN after a reboot, or after
/// an old duplicate made it send one too many (RFC 9293, figures 8 and 9). A number then counts
/// from the nearest of the script's numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Numbering {
    bindings: [Vec<Binding>; 2],
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Binding {
    script: SeqNumber,
    wire: SeqNumber,
}

impl Numbering {
    /// From now on `script` stands for `wire` where `side` sends it as a sequence number.
    pub fn bind(&mut self, side: Side, script: u32, wire: SeqNumber) {
        let script = SeqNumber::new(script);
        let bindings = &mut self.bindings[side.index()];
        bindings.retain(|binding| binding.script != script);
        bindings.push(Binding { script, wire });
    }

    /// Whether `script` itself is bound.
    pub fn is_bound(&self, side: Side, script: u32) -> bool {
        let script = SeqNumber::new(script);
        let mut bindings = self.bindings[side.index()].iter();
        bindings.any(|binding| binding.script == script)
    }

    /// The number on the wire; the same one while `side` is not bound.
    pub fn to_wire(&self, side: Side, script: u32) -> SeqNumber {
        let script = SeqNumber::new(script);
        let from = self.nearest(side, |binding| script.distance_from(binding.script));
        from.map_or(script, |binding| {
            let distance = script.distance_from(binding.script);
            binding.wire.advanced_by(distance as u32)
        })
    }

    /// The number in the script; the same one while `side` is not bound.
    pub fn to_script(&self, side: Side, wire: SeqNumber) -> u32 {
        let from = self.nearest(side, |binding| wire.distance_from(binding.wire));
        let script = from.map_or(wire, |binding| {
            let distance = wire.distance_from(binding.wire);
            binding.script.advanced_by(distance as u32)
        });
        script.get()
    }

    fn nearest(&self, side: Side, distance: impl Fn(&Binding) -> i32) -> Option<&Binding> {
        let bindings = self.bindings[side.index()].iter();
        bindings.min_by_key(|binding| distance(binding).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_from_the_nearest_binding() {
        let mut numbering = Numbering::default();
        assert_eq!(numbering.to_wire(Side::A, 7).get(), 7);
        numbering.bind(Side::A, 100, SeqNumber::new(u32::MAX));
        numbering.bind(Side::A, 400, SeqNumber::new(5_000));
        assert_eq!(numbering.to_wire(Side::A, 101).get(), 0);
        assert_eq!(numbering.to_wire(Side::A, 90).get(), u32::MAX - 10);
        assert_eq!(numbering.to_wire(Side::A, 401).get(), 5_001);
        assert_eq!(numbering.to_script(Side::A, SeqNumber::new(0)), 101);
        assert_eq!(numbering.to_script(Side::A, SeqNumber::new(5_001)), 401);
        assert!(numbering.is_bound(Side::A, 400));
        assert!(!numbering.is_bound(Side::A, 401));
    }
}
