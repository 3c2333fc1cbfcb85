//! Threads that are made when nobody is idle and used again when somebody is: as many as there are shots under way.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Scope};
use std::time::Instant;

/// A TLS handshake fits; thousands of such threads are mostly address space.
const STACK: usize = 256 * 1024;

/// Where shots are handed in.
pub(super) struct Pool<'scope, 'env, F> {
    scope: &'scope Scope<'scope, 'env>,
    line: &'scope Line,
    shoot: &'scope F,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    shots: VecDeque<(u64, Instant)>,
    idle: usize,
    threads: usize,
    over: bool,
}

/// Runs `dispatch`, which hands in shots; returns when all have been shot: the most threads there were.
pub(super) fn scope<F: Fn(u64, Instant) + Sync>(
    shoot: F,
    dispatch: impl FnOnce(&Pool<'_, '_, F>),
) -> usize {
    let line = Line::default();
    thread::scope(|scope| {
        dispatch(&Pool {
            scope,
            line: &line,
            shoot: &shoot,
        });
        line.lock().over = true;
        line.changed.notify_all();
    });
    line.lock().threads
}

impl<F: Fn(u64, Instant) + Sync> Pool<'_, '_, F> {
    /// Has this shot fired now; `due` is handed on.
    pub(super) fn send(&self, number: u64, due: Instant) {
        let mut state = self.line.lock();
        state.shots.push_back((number, due));
        if state.idle >= state.shots.len() {
            drop(state);
            self.line.changed.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let (line, shoot) = (self.line, self.shoot);
        thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(self.scope, move || line.work(shoot))
            .expect("a thread for a shot: the run would be invalid without it");
    }
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, shoot: impl Fn(u64, Instant)) {
        while let Some((number, due)) = self.next() {
            shoot(number, due);
        }
    }

    fn next(&self) -> Option<(u64, Instant)> {
        let mut state = self.lock();
        loop {
            if let Some(shot) = state.shots.pop_front() {
                return Some(shot);
            }
            if state.over {
                return None;
            }
            state.idle += 1;
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
