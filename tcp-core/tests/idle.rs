//! What established connections cost in memory while nothing is under way on them.

use std::alloc::System;
use std::time::Duration;

use pair::{Ends, Pair};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tcp_core::{ConnectionId, Instant, Stack, StackConfig, ValidConfig};

mod pair;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes of heap that one end of an idle connection may hold, its part of every table included.
const MOST: usize = 1_024;

/// Bytes more that it may hold after losses: what it has learned of the path, and counted.
const LEARNED: usize = 248;

/// Bytes that are held now and were not when `region` began.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

/// The tests share one allocator, so they run one after the other.
#[test]
fn an_idle_connection_holds_no_more_than_a_kilobyte() {
    many_that_carried_a_byte();
    some_that_carried_a_mebibyte_with_losses();
}

/// As many as `TCP_IDLE_CONNECTIONS` says.
fn many_that_carried_a_byte() {
    let count = std::env::var("TCP_IDLE_CONNECTIONS").map_or(100_000, |count| {
        count.parse().expect("TCP_IDLE_CONNECTIONS is a number")
    });
    let region = Region::new(ALLOCATOR);
    let mut pair = Pair::new(StackConfig::default(), ValidConfig::default());
    pair.open_used(count);
    let each = held(&region) / (2 * count as usize);
    println!("{count} connections: {each} bytes of heap for each end");
    for stack in [&pair.client, &pair.server] {
        assert_eq!(stack.counters().curr_estab, u64::from(count));
    }
    assert!(
        each + LEARNED <= MOST,
        "{each} bytes for an end of a connection"
    );
}

fn some_that_carried_a_mebibyte_with_losses() {
    const COUNT: u32 = 64;
    let region = Region::new(ALLOCATOR);
    let config = StackConfig {
        awake_connections: 0,
        ..StackConfig::default()
    };
    let mut pair = Pair::new(config, ValidConfig::default());
    let mut ends = Vec::new();
    pair.open((0..COUNT).map(Pair::client_addr), &mut ends);
    pair.ping(&ends);
    pair.settle(Duration::from_secs(10));
    let before = held(&region);
    pair.wire.loss = 61;
    for end in &ends {
        transfer(&mut pair, *end, 1 << 20);
    }
    pair.wire.loss = 0;
    pair.settle(Duration::from_secs(600));
    for stack in [&pair.client, &pair.server] {
        assert!(stack.counters().retrans_segs > u64::from(COUNT));
    }
    let more = held(&region).saturating_sub(before) / (2 * COUNT as usize);
    println!("after 1 MiB each way with losses: {more} bytes more for each end");
    assert!(
        more <= LEARNED,
        "{more} bytes more for an end of a connection"
    );
}

/// Moves `bytes` each way at once.
fn transfer(pair: &mut Pair, ends: Ends, bytes: usize) {
    let mut left = [(bytes, bytes); 2];
    while left != [(0, 0); 2] {
        let now = pair.now;
        move_some(&mut pair.client, now, ends.client, &mut left[0]);
        move_some(&mut pair.server, now, ends.server, &mut left[1]);
        pair.settle(Duration::from_millis(300));
    }
}

/// Writes and reads what it can of what is left.
fn move_some(
    stack: &mut Stack,
    now: Instant,
    id: ConnectionId,
    (unwritten, unread): &mut (usize, usize),
) {
    let mut buf = [0; 65_536];
    let mut connection = stack.connection(now, id).expect("it is open");
    let wanted = buf.len().min(*unwritten);
    *unwritten -= connection.write(&buf[..wanted]).unwrap_or(0);
    *unread -= connection.read(&mut buf).unwrap_or(0);
}
