//! How flags and fates are called in everything that is written of a run.

use tcp_core::wire::{Control, Header};

use crate::link::{DropReason, Fate, Fault};

/// A segment's flags in the order of Wireshark's summaries: `SYN ACK`.
pub fn flag_names(header: &Header) -> String {
    let flags = [
        (header.control == Control::Syn, "SYN"),
        (header.control == Control::Fin, "FIN"),
        (header.control == Control::Rst, "RST"),
        (header.push, "PSH"),
        (header.ack.is_some(), "ACK"),
        (header.urgent.is_some(), "URG"),
        (header.ece, "ECE"),
        (header.cwr, "CWR"),
    ];
    let set: Vec<&str> = flags
        .into_iter()
        .filter_map(|(is_set, name)| is_set.then_some(name))
        .collect();
    set.join(" ")
}

/// What became of a packet beside arriving once, in time and unchanged: `dropped: queue full`.
/// Empty where nothing did.
pub fn fate_text(fate: &Fate) -> String {
    if let Some(reason) = fate.dropped {
        return format!("dropped: {}", drop_name(reason));
    }
    match fate.fault {
        None | Some(Fault::Drop) => String::new(),
        Some(Fault::Duplicate) => "duplicated".to_owned(),
        Some(Fault::Delay(by)) => format!("delayed by {}", humantime::format_duration(by)),
        Some(Fault::PastNext(_)) => "delayed past the next".to_owned(),
        Some(Fault::Corrupt(bit)) => format!("bit {bit} inverted"),
    }
}

/// Why a packet was dropped.
pub fn drop_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Script => "script",
        DropReason::Loss => "loss",
        DropReason::Blackhole => "blackhole",
        DropReason::QueueFull => "queue full",
        DropReason::Aqm => "queue management",
        DropReason::TooBig => "too big",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tcp_core::seq::SeqNumber;

    #[test]
    fn flags_stand_in_one_order() {
        let mut header = Header::new(SeqNumber::new(1));
        assert_eq!(flag_names(&header), "");
        header.push = true;
        header.ack = Some(SeqNumber::new(2));
        header.control = Control::Fin;
        assert_eq!(flag_names(&header), "FIN PSH ACK");
    }

    #[test]
    fn a_drop_says_more_than_the_fault() {
        let fate = |fault, dropped| Fate {
            number: 1,
            fault,
            dropped,
        };
        assert_eq!(fate_text(&fate(None, None)), "");
        assert_eq!(
            fate_text(&fate(Some(Fault::Duplicate), Some(DropReason::QueueFull))),
            "dropped: queue full"
        );
        assert_eq!(
            fate_text(&fate(Some(Fault::Corrupt(7)), None)),
            "bit 7 inverted"
        );
    }
}
