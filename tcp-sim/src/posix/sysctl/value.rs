//! How the value of a sysctl is written.

/// What a sysctl holds: written as in `/proc/sys`, words between blanks.
pub(super) trait Value: Sized {
    /// The value that is written so, between these bounds, which hold for each of its numbers.
    fn read(text: &str, least: u32, most: u32) -> Option<Self>;

    /// How the kernel shows it.
    fn show(&self) -> String;
}

impl Value for u32 {
    fn read(text: &str, least: u32, most: u32) -> Option<Self> {
        // What is written as -1 is the greatest value, as for tcp_notsent_lowat.
        let value = match text.trim() {
            "-1" => u32::MAX,
            text => match text.strip_prefix("0x") {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => text.parse().ok()?,
            },
        };
        (least..=most).contains(&value).then_some(value)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for u8 {
    fn read(text: &str, least: u32, most: u32) -> Option<Self> {
        u32::read(text, least, most)?.try_into().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl<const N: usize> Value for [u32; N] {
    fn read(text: &str, least: u32, most: u32) -> Option<Self> {
        let mut values = [0; N];
        let mut words = text.split_whitespace();
        for value in &mut values {
            *value = u32::read(words.next()?, least, most)?;
        }
        words.next().is_none().then_some(values)
    }

    fn show(&self) -> String {
        self.map(|value| value.to_string()).join("\t")
    }
}

/// A name, or a list that nothing but a reader looks at.
impl Value for String {
    fn read(text: &str, _: u32, _: u32) -> Option<Self> {
        Some(text.trim().to_owned())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_within_their_bounds() {
        assert_eq!(u32::read(" 7\n", 0, 9), Some(7));
        assert_eq!(u32::read("10", 0, 9), None);
        assert_eq!(u32::read("0x70403", 0, u32::MAX), Some(459_779));
        assert_eq!(u32::read("-1", 0, u32::MAX), Some(u32::MAX));
        assert_eq!(u32::read("-1", 0, 9), None);
        assert_eq!(u8::read("256", 0, 1_000), None);
        assert_eq!(<[u32; 3]>::read("1 2\t3", 0, 9), Some([1, 2, 3]));
        assert_eq!(<[u32; 3]>::read("1 2", 0, 9), None);
        assert_eq!(<[u32; 2]>::read("1 2 3", 0, 9), None);
        assert_eq!([1, 2].show(), "1\t2");
    }
}
