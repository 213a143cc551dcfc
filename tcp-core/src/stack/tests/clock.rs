//! A caller's clock that is stepped: back, time stands still until it has caught up; forward, all that is due happens.

use super::*;

/// What both sides send while data passes from the server to the client, where each time that a stack is given is what
/// `clock` makes of it. Every fifth packet of the server is lost.
fn exchange(clock: impl Fn(Instant, u64) -> Instant) -> (Vec<Vec<u8>>, usize) {
    let mut pair = Pair::new();
    let listener = pair.listen(ListenConfig::default());
    let (client, server) = pair.establish(listener);
    pair.server.write(pair.now, server, &[b'x'; 40_000]);
    let mut said = Vec::new();
    let mut arrived = 0;
    for step in 0..2_000 {
        pair.now += Duration::from_millis(3);
        let now = clock(pair.now, step);
        pair.client.stack.handle_timeout(now);
        pair.server.stack.handle_timeout(now);
        for packet in pair.server.drain(now) {
            said.push(packet.clone());
            if !said.len().is_multiple_of(5) {
                pair.client.handle(now, &packet);
            }
        }
        arrived += pair.client.read_all(now, client).len();
        for packet in pair.client.drain(now) {
            pair.server.handle(now, &packet);
            said.push(packet);
        }
    }
    (said, arrived)
}

#[test]
fn steps_back_of_the_clock_are_not_seen() {
    let (steady, arrived) = exchange(|now, _| now);
    assert_eq!(arrived, 40_000);
    // At every other step the clock is an hour behind, or at its very beginning; the latest of all times that were
    // given until then is that of the step before.
    let unsteady = |now: Instant, step: u64| match step % 4 {
        1 => Instant::from_nanos(now.as_nanos().saturating_sub(3_600_000_000_000)),
        3 => Instant::ZERO,
        _ => now,
    };
    let stands_still = |now: Instant, step: u64| match step % 2 {
        1 => Instant::from_nanos(now.as_nanos() - 3_000_000),
        _ => now,
    };
    let (said, arrived) = exchange(unsteady);
    assert_eq!(arrived, 40_000);
    assert!(said == exchange(stands_still).0, "the steps are seen");
    assert!(said != steady, "the clock stands still now and then");
}

#[test]
fn a_step_forward_lets_happen_what_is_due_and_no_more() {
    // In the middle of the transfer a day passes: what was under way is sent again, and arrives.
    let day = Duration::from_secs(86_400);
    let (_, arrived) = exchange(|now, step| if step > 3 { now + day } else { now });
    assert_eq!(arrived, 40_000);
}
