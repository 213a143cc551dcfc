//! Parts of TCP that can be turned off, each by itself.

use clap::ValueEnum;

use super::tcp::TcpSettings;

/// Something that a connection does by default, and could do without.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Part {
    /// See [`TcpSettings::rack`].
    Rack,
    /// See [`TcpSettings::tail_loss_probe`].
    TailLossProbe,
    /// See [`TcpSettings::proportional_rate_reduction`].
    ProportionalRateReduction,
    /// See [`TcpSettings::forward_rto`].
    ForwardRto,
    /// See [`TcpSettings::undo`].
    Undo,
    /// See [`TcpSettings::limited_transmit`].
    LimitedTransmit,
    /// See [`TcpSettings::pacing`].
    Pacing,
    /// See [`TcpSettings::hystart`].
    Hystart,
    /// See [`TcpSettings::ecn_fallback`].
    EcnFallback,
    /// See [`TcpSettings::sack`].
    Sack,
    /// See [`TcpSettings::dsack`].
    Dsack,
    /// See [`TcpSettings::timestamps`].
    Timestamps,
}

impl Part {
    /// Each of them.
    pub fn all() -> &'static [Part] {
        Part::value_variants()
    }

    /// Turns it off.
    pub fn turn_off(self, settings: &mut TcpSettings) {
        let setting = match self {
            Part::Rack => &mut settings.rack,
            Part::TailLossProbe => &mut settings.tail_loss_probe,
            Part::ProportionalRateReduction => &mut settings.proportional_rate_reduction,
            Part::ForwardRto => &mut settings.forward_rto,
            Part::Undo => &mut settings.undo,
            Part::LimitedTransmit => &mut settings.limited_transmit,
            Part::Pacing => &mut settings.pacing,
            Part::Hystart => &mut settings.hystart,
            Part::EcnFallback => &mut settings.ecn_fallback,
            Part::Sack => &mut settings.sack,
            Part::Dsack => &mut settings.dsack,
            Part::Timestamps => &mut settings.timestamps,
        };
        *setting = Some(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_changes_a_setting_of_its_own() {
        let without = |part: &Part| {
            let mut settings = TcpSettings::default();
            part.turn_off(&mut settings);
            settings
        };
        let all: Vec<_> = Part::all().iter().map(without).collect();
        for (index, one) in all.iter().enumerate() {
            assert_ne!(one.to_config(), TcpSettings::default().to_config());
            assert!(!all[..index].contains(one), "{one:?}");
        }
    }
}
