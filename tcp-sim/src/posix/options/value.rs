//! Values of options in memory.

use std::time::Duration;

use super::super::errno::Errno;

/// An `int`; EINVAL where there are fewer than four bytes.
pub(super) fn int(value: &[u8]) -> Result<i32, Errno> {
    let bytes = value.first_chunk().ok_or(Errno::EINVAL)?;
    Ok(i32::from_ne_bytes(*bytes))
}

/// An `int`, or a single byte, as options of IP take.
pub(super) fn int_or_byte(value: &[u8]) -> Result<i32, Errno> {
    match value {
        [byte, ..] if value.len() < 4 => Ok(i32::from(*byte)),
        _ => int(value),
    }
}

/// An `int` between bounds.
pub(super) fn int_within(value: &[u8], least: i32, most: i32) -> Result<i32, Errno> {
    let value = int(value)?;
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(Errno::EINVAL)
    }
}

/// `struct timeval` as a timeout: zero is none; EDOM for microseconds that are more than a second.
pub(super) fn timeval(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let seconds = value.first_chunk().ok_or(Errno::EINVAL)?;
    let micros = value.get(8..).and_then(<[u8]>::first_chunk);
    let seconds = i64::from_ne_bytes(*seconds);
    let micros = i64::from_ne_bytes(*micros.ok_or(Errno::EINVAL)?);
    let Ok(micros) = u32::try_from(micros) else {
        return Err(Errno::EDOM);
    };
    if micros >= 1_000_000 {
        return Err(Errno::EDOM);
    }
    let Ok(seconds) = u64::try_from(seconds) else {
        // A time that has passed: calls do not wait.
        return Ok(Some(Duration::ZERO));
    };
    let timeout = Duration::from_secs(seconds) + Duration::from_micros(micros.into());
    Ok((!timeout.is_zero()).then_some(timeout))
}

/// `struct timeval` of a timeout.
pub(super) fn timeval_bytes(timeout: Option<Duration>) -> Vec<u8> {
    let timeout = timeout.unwrap_or_default();
    let seconds = timeout.as_secs().to_ne_bytes();
    let micros = u64::from(timeout.subsec_micros()).to_ne_bytes();
    [seconds, micros].concat()
}

/// `struct linger`.
pub(super) fn linger(value: &[u8]) -> Result<Option<Duration>, Errno> {
    let on = int(value)?;
    let seconds = int(value.get(4..).unwrap_or_default())?;
    // As Linux, which reads it as unsigned.
    let seconds = u32::from_ne_bytes(seconds.to_ne_bytes());
    Ok((on != 0).then(|| Duration::from_secs(seconds.into())))
}

/// `struct linger` of a time.
pub(super) fn linger_bytes(linger: Option<Duration>) -> Vec<u8> {
    let seconds = linger.unwrap_or_default().as_secs() as u32;
    let on = u32::from(linger.is_some());
    [on.to_ne_bytes(), seconds.to_ne_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_too_short_is_refused() {
        assert_eq!(int(&[1, 0, 0]), Err(Errno::EINVAL));
        assert_eq!(int(&7i32.to_ne_bytes()), Ok(7));
        assert_eq!(int_or_byte(&[7]), Ok(7));
        assert_eq!(int_or_byte(&[]), Err(Errno::EINVAL));
        assert_eq!(linger(&[0; 4]), Err(Errno::EINVAL));
        assert_eq!(timeval(&[0; 8]), Err(Errno::EINVAL));
    }

    #[test]
    fn times_lead_back() {
        let time = Some(Duration::from_micros(1_500_000));
        assert_eq!(timeval(&timeval_bytes(time)), Ok(time));
        assert_eq!(timeval(&timeval_bytes(None)), Ok(None));
        let mut odd = timeval_bytes(time);
        odd[8..].copy_from_slice(&1_000_000u64.to_ne_bytes());
        assert_eq!(timeval(&odd), Err(Errno::EDOM));
        odd[8..].fill(0);
        odd[..8].copy_from_slice(&(-1i64).to_ne_bytes());
        assert_eq!(timeval(&odd), Ok(Some(Duration::ZERO)));
        for time in [None, Some(Duration::ZERO), Some(Duration::from_secs(3))] {
            assert_eq!(linger(&linger_bytes(time)), Ok(time));
        }
    }
}
