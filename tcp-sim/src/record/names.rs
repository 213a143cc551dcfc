//! How flags are called in everything that is written of a run.

use tcp_core::wire::{Control, Header};

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
}
