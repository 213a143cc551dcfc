//! ICMP's types and codes by the names that scripts use.

use super::packet::IcmpVersion;

/// Type, its name, and the names of its codes.
type Kind = (u8, &'static str, &'static [(u8, &'static str)]);

/// Type and code; `None` where there is none of that name. Without a name the code is 0.
pub fn numbers(version: IcmpVersion, kind: &str, code: Option<&str>) -> Option<(u8, u8)> {
    let kinds = kinds(version);
    let (number, _, codes) = kinds.iter().find(|(_, name, _)| *name == kind)?;
    let code = match code {
        None => 0,
        Some(code) => codes.iter().find(|(_, name)| *name == code)?.0,
    };
    Some((*number, code))
}

/// The same message in the other version, where it has one.
///
/// A script that runs over both versions is written for one of them.
pub fn translated(version: IcmpVersion, numbers: (u8, u8)) -> Option<(u8, u8)> {
    let (from, to) = match version {
        IcmpVersion::V4 => (0, 1),
        IcmpVersion::V6 => (1, 0),
    };
    let pair = SAME.iter().find(|pair| pair[from] == numbers)?;
    Some(pair[to])
}

fn kinds(version: IcmpVersion) -> &'static [Kind] {
    match version {
        IcmpVersion::V4 => &KINDS_V4,
        IcmpVersion::V6 => &KINDS_V6,
    }
}

const KINDS_V4: [Kind; 5] = [
    (
        3,
        "unreachable",
        &[
            (0, "net_unreachable"),
            (1, "host_unreachable"),
            (2, "protocol_unreachable"),
            (3, "port_unreachable"),
            (4, "frag_needed"),
            (5, "source_route_failed"),
            (6, "net_unknown"),
            (7, "host_unknown"),
            (8, "source_host_isolated"),
            (9, "net_prohibited"),
            (10, "host_prohibited"),
            (11, "net_unreachable_for_tos"),
            (12, "host_unreachable_for_tos"),
            (13, "packet_filtered"),
            (14, "precedence_violation"),
            (15, "precedence_cutoff"),
        ],
    ),
    (4, "source_quench", &[]),
    (5, "redirect", &[]),
    (
        11,
        "time_exceeded",
        &[
            (0, "exceeded_ttl"),
            (1, "exceeded_fragment_reassembly_time"),
        ],
    ),
    (12, "parameter_problem", &[]),
];

const KINDS_V6: [Kind; 4] = [
    (
        1,
        "unreachable",
        &[
            (0, "no_route"),
            (1, "admin_prohibited"),
            (2, "not_neighbour"),
            (3, "address_unreachable"),
            (4, "port_unreachable"),
        ],
    ),
    (2, "packet_too_big", &[]),
    (
        3,
        "time_exceeded",
        &[
            (0, "exceeded_hop_limit"),
            (1, "exceeded_fragment_reassembly_time"),
        ],
    ),
    (4, "parameter_problem", &[]),
];

/// What says the same in both versions (RFC 7915 §4.2, §5.2).
const SAME: [[(u8, u8); 2]; 8] = [
    [(3, 0), (1, 0)],
    [(3, 1), (1, 3)],
    [(3, 3), (1, 4)],
    [(3, 4), (2, 0)],
    [(3, 13), (1, 1)],
    [(11, 0), (3, 0)],
    [(11, 1), (3, 1)],
    [(12, 0), (4, 0)],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_their_version() {
        let frag = numbers(IcmpVersion::V4, "unreachable", Some("frag_needed"));
        assert_eq!(frag, Some((3, 4)));
        assert_eq!(
            numbers(IcmpVersion::V6, "packet_too_big", None),
            Some((2, 0))
        );
        assert_eq!(numbers(IcmpVersion::V4, "packet_too_big", None), None);
        assert_eq!(
            numbers(IcmpVersion::V6, "unreachable", Some("frag_needed")),
            None
        );
    }

    #[test]
    fn translation_goes_both_ways() {
        assert_eq!(translated(IcmpVersion::V4, (3, 4)), Some((2, 0)));
        assert_eq!(translated(IcmpVersion::V6, (2, 0)), Some((3, 4)));
        assert_eq!(translated(IcmpVersion::V4, (3, 6)), None);
    }
}
