//! `tcp-core`, with its defaults.

use tcp_core::{
    ConnectionId, Instant, ListenAddr, ListenConfig, ListenerId, Offload, PacketMeta, PostedRead,
    ReadError, Stack, StackConfig, TcpConfig, ValidConfig,
};

use super::host::{Host, HostConfig, Link, Read};
use super::wire::Written;

/// One of our stacks.
pub(super) struct Ours {
    stack: Stack,
    config: HostConfig,
    tcp: ValidConfig,
    listener: Option<ListenerId>,
}

impl Ours {
    fn new(config: &HostConfig, address: std::net::IpAddr) -> Ours {
        let stack = StackConfig {
            addresses: vec![address],
            mtu: config.mtu,
            offload: Offload {
                max_packet: config.largest.into(),
                checksum: false,
            },
            ..StackConfig::default()
        };
        let tcp = TcpConfig {
            send_buffer: config.buffer.into(),
            recv_buffer: config.buffer.into(),
            ..TcpConfig::default()
        };
        Ours {
            stack: Stack::new(stack, [7; 32]),
            config: *config,
            tcp: tcp.validate().expect("buffers are checked"),
            listener: None,
        }
    }

    /// All that has arrived, or as much as surely fits into the buffer of a reader who waits; says how many bytes are in it.
    fn take_in(
        &mut self,
        now: Instant,
        link: Link<'_>,
        reader: Option<(ConnectionId, &mut [u8])>,
    ) -> usize {
        let room = reader.as_ref().map_or(0, |(_, buf)| buf.len());
        let mut posted = reader.map(|(socket, buf)| PostedRead::new(socket, buf));
        let filled =
            |posted: &Option<PostedRead<'_>>| posted.as_ref().map_or(0, PostedRead::filled);
        while let Some(len) = link.arrived.next_len()
            && (filled(&posted) == 0 || filled(&posted) + len <= room)
            && let Some(packet) = link.arrived.take()
        {
            let meta = PacketMeta {
                segment_size: packet.written.segment_size,
                ..PacketMeta::default()
            };
            let stack = &mut self.stack;
            match &mut posted {
                Some(posted) => stack.handle_packet_for(now, packet.bytes(), meta, posted),
                None => stack.handle_packet(now, packet.bytes(), meta),
            }
            link.arrived.give_back(packet);
        }
        if self.stack.poll_timeout().is_some_and(|due| due <= now) {
            self.stack.handle_timeout(now);
        }
        // Nobody waits for what they say: the user looks at each connection.
        while self.stack.poll_event().is_some() {}
        filled(&posted)
    }
}

impl Host for Ours {
    type Socket = ConnectionId;

    fn client(config: &HostConfig) -> Ours {
        Ours::new(config, config.client_address())
    }

    fn server(config: &HostConfig) -> Ours {
        let mut ours = Ours::new(config, config.server_address());
        let everywhere = ListenAddr {
            ip: Some(config.server_address()),
            port: None,
        };
        let listening = ListenConfig {
            backlog: config.connections + config.idle,
            syn_backlog: config.connections + config.idle,
            tcp: ours.tcp.clone(),
            ..ListenConfig::default()
        };
        let listener = ours.stack.listen(everywhere, listening);
        ours.listener = Some(listener.expect("nobody else listens"));
        ours
    }

    fn connect(&mut self, now: Instant, number: usize) -> ConnectionId {
        let remote = self.config.remote(number);
        let connection = self.stack.connect(now, None, remote, self.tcp.clone());
        connection.expect("there are enough ports")
    }

    fn accept(&mut self) -> Option<ConnectionId> {
        self.stack.accept(self.listener?).ok()
    }

    fn write(&mut self, now: Instant, socket: ConnectionId, data: &[u8]) -> usize {
        let connection = self.stack.connection(now, socket);
        connection.map_or(0, |mut it| it.write(data).unwrap_or(0))
    }

    fn read(&mut self, now: Instant, socket: ConnectionId, buf: &mut [u8]) -> Read {
        let connection = self.stack.connection(now, socket);
        match connection.map(|mut it| it.read(buf)) {
            Some(Ok(count)) if count > 0 => Read::Bytes(count),
            Some(Err(ReadError::WouldBlock)) => Read::Nothing,
            _ => Read::End,
        }
    }

    fn close(&mut self, now: Instant, socket: ConnectionId) {
        if let Some(connection) = self.stack.connection(now, socket) {
            connection.close();
        }
    }

    fn receive(&mut self, now: Instant, link: Link<'_>) {
        self.take_in(now, link, None);
    }

    fn receive_for(
        &mut self,
        now: Instant,
        link: Link<'_>,
        socket: ConnectionId,
        buf: &mut [u8],
    ) -> usize {
        self.take_in(now, link, Some((socket, buf)))
    }

    fn send(&mut self, now: Instant, link: Link<'_>) {
        let stack = &mut self.stack;
        while link.sent.has_room() {
            let some = link.sent.send(|buf| {
                let transmit = stack.poll_transmit(now, buf)?;
                Some(Written {
                    len: transmit.len,
                    segment_size: transmit.segment_size,
                })
            });
            if !some {
                break;
            }
        }
    }

    fn deadline(&mut self, _now: Instant) -> Option<Instant> {
        self.stack.poll_timeout()
    }
}
