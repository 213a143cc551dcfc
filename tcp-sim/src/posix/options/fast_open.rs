//! Options of SOL_TCP for fast open.

use tcp_core::FastOpenKeys;

use super::socket::within;
use super::value::int;
use crate::posix::constants::{
    TCP_FASTOPEN, TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_KEY, TCP_FASTOPEN_NO_COOKIE,
};
use crate::posix::errno::Errno;
use crate::posix::fast_open_keys::KEY_LEN;
use crate::posix::file::FileId;
use crate::posix::host::Host;
use crate::posix::socket::Stage;

impl Host {
    /// ENOPROTOOPT for an option that is none of fast open's.
    pub(super) fn set_fast_open_option(
        &mut self,
        file: FileId,
        name: i32,
        value: &[u8],
    ) -> Result<(), Errno> {
        let somaxconn = self.sysctls.somaxconn;
        let client = self.sysctls.connects_fast();
        let socket = self.descriptors.socket_mut(file)?;
        let stage = socket.stage;
        let settings = &mut socket.settings;
        let has_connection = matches!(stage, Stage::Connection(_));
        match name {
            TCP_FASTOPEN_KEY => settings.fast_open_keys = Some(keys(value)?),
            TCP_FASTOPEN => {
                let most = u32::try_from(int(value)?).map_err(|_| Errno::EINVAL)?;
                if has_connection {
                    return Err(Errno::EINVAL);
                }
                settings.fast_open_queue = most.min(somaxconn);
            }
            TCP_FASTOPEN_CONNECT => {
                let on = within(value, 0, 1)? == 1;
                if !client {
                    return Err(Errno::EOPNOTSUPP);
                }
                if stage != Stage::Closed {
                    return Err(Errno::EINVAL);
                }
                settings.fast_open_connect = on;
            }
            TCP_FASTOPEN_NO_COOKIE => {
                let on = within(value, 0, 1)? == 1;
                if has_connection {
                    return Err(Errno::EINVAL);
                }
                settings.fast_open_no_cookie = on;
            }
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    /// ENOPROTOOPT for an option that is none of fast open's.
    pub(super) fn fast_open_option(&self, file: FileId, name: i32) -> Result<Vec<u8>, Errno> {
        let settings = &self.descriptors.socket(file)?.settings;
        let number: u32 = match name {
            TCP_FASTOPEN_KEY => {
                let keys = settings.fast_open_keys;
                let keys = keys.unwrap_or(self.stack.fast_open_keys());
                let backup = keys.backup.iter().flatten();
                return Ok(keys.primary.iter().chain(backup).copied().collect());
            }
            TCP_FASTOPEN => settings.fast_open_queue,
            TCP_FASTOPEN_CONNECT => settings.fast_open_connect.into(),
            TCP_FASTOPEN_NO_COOKIE => settings.fast_open_no_cookie.into(),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        Ok(number.to_ne_bytes().to_vec())
    }
}

/// One key, or the one in use and its backup.
fn keys(value: &[u8]) -> Result<FastOpenKeys, Errno> {
    let key = |at| value.get(at..at + KEY_LEN)?.try_into().ok();
    match value.len() {
        KEY_LEN => key(0).map(|primary| (primary, None)),
        len if len == 2 * KEY_LEN => key(0).map(|primary| (primary, key(KEY_LEN))),
        _ => None,
    }
    .map(|(primary, backup)| FastOpenKeys { primary, backup })
    .ok_or(Errno::EINVAL)
}
