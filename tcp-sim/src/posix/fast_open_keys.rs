//! How net.ipv4.tcp_fastopen_key is written.

use tcp_core::FastOpenKeys;

/// Bytes of one key (`TCP_FASTOPEN_KEY_LENGTH`).
pub(super) const KEY_LEN: usize = 16;

/// One key, or two with a comma between: each four words in hexadecimal digits, which lie in memory with
/// their least byte first (`proc_tcp_fastopen_key`).
pub(super) fn keys_of(text: &str) -> Option<FastOpenKeys> {
    let (primary, backup) = match text.split_once(',') {
        Some((primary, backup)) => (primary, Some(backup)),
        None => (text, None),
    };
    Some(FastOpenKeys {
        primary: key_of(primary)?,
        backup: match backup {
            Some(backup) => Some(key_of(backup)?),
            None => None,
        },
    })
}

fn key_of(text: &str) -> Option<[u8; KEY_LEN]> {
    let mut key = [0; KEY_LEN];
    let mut words = text.trim().split('-');
    for place in key.chunks_exact_mut(4) {
        let word = u32::from_str_radix(words.next()?, 16).ok()?;
        place.copy_from_slice(&word.to_le_bytes());
    }
    words.next().is_none().then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_words() {
        let text = "00000001-a2b2c2d2-0-ffffffff";
        let keys = keys_of(text).unwrap();
        let bytes = [
            1, 0, 0, 0, 0xd2, 0xc2, 0xb2, 0xa2, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!((keys.primary, keys.backup), (bytes, None));
        let both = keys_of(&format!("1-2-3-4,{text}")).unwrap();
        assert_eq!(both.backup, Some(bytes));
        for wrong in ["", "1-2-3", "1-2-3-4-5", "1-2-3-g", "1-2-3-4,"] {
            assert_eq!(keys_of(wrong), None, "{wrong}");
        }
    }
}
