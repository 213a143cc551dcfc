//! Calls of the script, and the one that blocks beside what comes after it.

use super::calls::{self, Answer, Started};
use super::{Due, GRACE, Run};
use crate::drill::ast::Call;
use crate::drill::failure::Failure;

impl Run<'_> {
    pub(super) fn call(&mut self, call: &Call, due: Due) -> Result<(), Failure> {
        self.await_unblocked()?;
        let started = calls::start(&mut self.env, call)?;
        self.env.machine.settle();
        let blocked = match started {
            Started::Answered(answer) if call.end.is_none() => {
                return calls::finish(&mut self.env, call, &answer);
            }
            Started::Answered(answer) => {
                calls::finish(&mut self.env, call, &answer)?;
                let due = self.end(call, due);
                return self.check_time(
                    call.span,
                    "the call returned",
                    due,
                    self.env.machine.now(),
                );
            }
            Started::Blocked(blocked) => blocked,
        };
        self.env.machine.wait_for(blocked);
        self.blocked = Some((call.clone(), self.end(call, due)));
        match call.end {
            None => self.await_unblocked(),
            Some(_) => self.check_unblocked(),
        }
    }

    /// When a call is to return. A relative time counts from the event before, as that of the call does.
    fn end(&self, call: &Call, due: Due) -> Due {
        let at = match call.end {
            None => due.earliest,
            Some(end) => self.previous + end,
        };
        Due {
            earliest: at,
            latest: at,
            is_loose: false,
        }
    }

    /// Compares the answer of the call that blocked, if it has come.
    pub(super) fn check_unblocked(&mut self) -> Result<(), Failure> {
        let Some((at, answer)) = self.env.machine.answer() else {
            return Ok(());
        };
        let Some((call, due)) = self.blocked.take() else {
            return Ok(());
        };
        calls::finish(&mut self.env, &call, &Answer::reply(answer))?;
        self.check_time(call.span, "the call returned", due, at)
    }

    /// Waits for the answer of the call that blocks.
    pub(super) fn await_unblocked(&mut self) -> Result<(), Failure> {
        let Some((call, due)) = &self.blocked else {
            return Ok(());
        };
        let (span, latest) = (call.span, due.latest + GRACE);
        self.env.machine.advance_until_answer(latest);
        self.check_unblocked()?;
        match self.blocked {
            None => Ok(()),
            Some(_) => Err(Failure::new(span, "the call still blocks")),
        }
    }
}
