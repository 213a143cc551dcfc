//! The notation of RFC 9293's figures: `<SEQ=300><ACK=101><CTL=SYN,ACK>`.

use std::fmt;
use std::str::FromStr;

use tcp_core::wire::Control;

use super::seg::{Data, Seg};

/// Prints what is said of the segment: the figures' fields first, then what they leave out.
impl fmt::Display for Seg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<SEQ={}>", self.seq)?;
        if let Some(ack) = self.ack {
            write!(f, "<ACK={ack}>")?;
        }
        match &self.data {
            data if data.is_empty() => {}
            Data::Some => f.write_str("<DATA>")?,
            data => write!(f, "<DATA={}>", data.len())?,
        }
        let mut flags: Vec<&str> = Vec::new();
        match self.control {
            Control::None => {}
            Control::Syn => flags.push("SYN"),
            Control::Fin => flags.push("FIN"),
            Control::Rst => flags.push("RST"),
        }
        for (name, is_set) in [
            ("URG", self.urgent.is_some()),
            ("PSH", self.push == Some(true)),
            ("ACK", self.ack.is_some()),
        ] {
            if is_set {
                flags.push(name);
            }
        }
        write!(f, "<CTL={}>", flags.join(","))?;
        if let Some(window) = self.window {
            write!(f, "<WND={window}>")?;
        }
        if let Some(pointer) = self.urgent {
            write!(f, "<UP={pointer}>")?;
        }
        self.fmt_options(f)
    }
}

impl Seg {
    fn fmt_options(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Some(mss)) = self.options.mss {
            write!(f, "<MSS={mss}>")?;
        }
        if let Some(Some(shift)) = self.options.window_scale {
            write!(f, "<WSCALE={shift}>")?;
        }
        if self.options.sack_permitted == Some(true) {
            f.write_str("<SACK-PERMITTED>")?;
        }
        if let Some(Some((value, echo))) = self.options.timestamps {
            write!(f, "<TS={value},{echo}>")?;
        }
        for (start, end) in self.options.sack.iter().flatten() {
            write!(f, "<SACK={start}-{end}>")?;
        }
        Ok(())
    }
}

/// Why a text is no segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotationError(String);

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotationError {}

/// Reads the fields that the figures use: SEQ, ACK, CTL and DATA.
impl FromStr for Seg {
    type Err = NotationError;

    fn from_str(text: &str) -> Result<Seg, NotationError> {
        let wrong = || NotationError(format!("{text:?} is not written as in RFC 9293's figures"));
        let fields = text
            .trim()
            .strip_prefix('<')
            .and_then(|text| text.strip_suffix('>'));
        let mut seg = Seg::new(Control::None, 0);
        let (mut ack, mut has_ack_flag, mut has_seq) = (None, false, false);
        for field in fields.ok_or_else(wrong)?.split("><") {
            let (name, value) = field.split_once('=').unwrap_or((field, ""));
            let number = || value.parse::<u32>().map_err(|_| wrong());
            match name {
                "SEQ" => {
                    seg.seq = number()?;
                    has_seq = true;
                }
                "ACK" => ack = Some(number()?),
                "DATA" if value.is_empty() => seg.data = Data::Some,
                "DATA" => seg.data = Data::Len(number()? as usize),
                "CTL" => {
                    for flag in value.split(',') {
                        match flag {
                            "SYN" => seg.control = Control::Syn,
                            "FIN" => seg.control = Control::Fin,
                            "RST" => seg.control = Control::Rst,
                            "ACK" => has_ack_flag = true,
                            _ => return Err(wrong()),
                        }
                    }
                }
                _ => return Err(wrong()),
            }
        }
        if !has_seq || has_ack_flag != ack.is_some() {
            return Err(wrong());
        }
        seg.ack = ack;
        Ok(seg)
    }
}

#[cfg(test)]
mod tests {
    use super::super::seg::{ack, fin, rst, syn};
    use super::*;

    #[test]
    fn the_figures_can_be_read_and_printed() {
        for (text, seg) in [
            ("<SEQ=100><CTL=SYN>", syn(100)),
            ("<SEQ=300><ACK=101><CTL=SYN,ACK>", syn(300).ack(101)),
            (
                "<SEQ=300><ACK=100><DATA=10><CTL=ACK>",
                ack(300, 100).len(10),
            ),
            ("<SEQ=100><ACK=300><CTL=FIN,ACK>", fin(100, 300)),
            ("<SEQ=100><CTL=RST>", rst(100)),
        ] {
            assert_eq!(text.parse::<Seg>().unwrap(), seg);
            assert_eq!(seg.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_said_is_not_guessed() {
        for text in [
            "",
            "<CTL=SYN>",
            "<SEQ=1><CTL=ACK>",
            "<SEQ=1><ACK=2><CTL=SYN>",
            "<SEQ=x>",
        ] {
            assert!(text.parse::<Seg>().is_err(), "{text}");
        }
    }
}
