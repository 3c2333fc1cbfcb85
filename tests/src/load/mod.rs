//! Open-loop load: requests start at their own moment whether or not earlier ones have been answered, as users do.
//! A generator that waits for answers hides every queue it causes; this one says when it fell behind instead.

pub mod http;
pub mod outside;
mod pool;
pub mod socket;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A shot that started later than this after its moment counts as late.
const LATE: Duration = Duration::from_millis(100);
/// The share of late shots, in percent, above which a run shows nothing.
const LATE_PERCENT: usize = 5;

/// How much load, for how long.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Shots per second, evenly spaced.
    pub per_second: u32,
    /// From the first shot to the last.
    pub lasting: Duration,
}

/// One shot and what became of it.
#[derive(Debug)]
pub struct Shot {
    /// Its number, from 0; those of a burst come in between.
    pub number: u64,
    /// When it started, from the begin of the run.
    pub at: Duration,
    /// How long after its moment it started.
    pub late: Duration,
    /// From its start to its end.
    pub took: Duration,
    /// What it was asked to report.
    pub outcome: Result<(), String>,
}

/// A run that is over.
#[derive(Debug)]
pub struct Report {
    /// How much was wanted.
    pub load: Load,
    /// When the first shot was due.
    pub begun: Instant,
    /// All shots, in the order they ended.
    pub shots: Vec<Shot>,
    /// Most shots under way at once.
    pub most_at_once: usize,
}

/// What a run may still be told while it goes on.
#[derive(Debug, Default)]
pub struct Wish {
    over: AtomicBool,
    burst: AtomicU64,
}

impl Wish {
    /// No shot more.
    pub fn over(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// So many shots more, all at once and now.
    pub fn burst(&self, shots: u64) {
        self.burst.fetch_add(shots, Ordering::SeqCst);
    }
}

/// Fires every shot of the load at its moment, each on a thread of its own as long as it lasts (threads are used
/// again), and waits for all of them to end.
pub fn open_loop(load: Load, shoot: impl Fn(u64) -> Result<(), String> + Sync) -> Report {
    open_loop_until(load, &Wish::default(), shoot)
}

/// Fires until `meanwhile` has ended, which may add bursts; what it brought – an error where it panicked – and the report.
pub fn while_it<T: Send>(
    load: Load,
    shoot: impl Fn(u64) -> Result<(), String> + Sync,
    meanwhile: impl FnOnce(&Wish) -> T + Send,
) -> (std::thread::Result<T>, Report) {
    let wish = Wish::default();
    std::thread::scope(|scope| {
        let happens = scope.spawn(|| {
            // One that panics ends the run, too.
            let done = catch_unwind(AssertUnwindSafe(|| meanwhile(&wish)));
            wish.over();
            done
        });
        let report = open_loop_until(load, &wish, shoot);
        (happens.join().and_then(|done| done), report)
    })
}

/// The same; `wish` may add bursts, and may end it early.
pub fn open_loop_until(
    load: Load,
    wish: &Wish,
    shoot: impl Fn(u64) -> Result<(), String> + Sync,
) -> Report {
    let start = Instant::now();
    let planned = u64::from(load.per_second)
        * u64::try_from(load.lasting.as_millis()).unwrap_or(u64::MAX)
        / 1000;
    let moment =
        |number: u64| start + Duration::from_secs_f64(number as f64 / f64::from(load.per_second));
    let shots = std::sync::Mutex::new(Vec::new());
    let most_at_once = pool::scope(
        |number, due: Instant| {
            let began = Instant::now();
            let outcome = shoot(number);
            let shot = Shot {
                number,
                at: began.saturating_duration_since(start),
                late: began.saturating_duration_since(due),
                took: began.elapsed(),
                outcome,
            };
            shots
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(shot);
        },
        |pool| {
            let mut number = 0;
            for planned in 0..planned {
                let due = moment(planned);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if wish.over.load(Ordering::SeqCst) {
                    return;
                }
                let burst = wish.burst.swap(0, Ordering::SeqCst);
                pool.send(number, due);
                for extra in 1..=burst {
                    pool.send(number + extra, Instant::now());
                }
                number += 1 + burst;
            }
        },
    );
    let shots = shots
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Report {
        load,
        begun: start,
        shots,
        most_at_once,
    }
}

impl Report {
    /// The shots that failed.
    pub fn failed(&self) -> Vec<&Shot> {
        self.shots
            .iter()
            .filter(|shot| shot.outcome.is_err())
            .collect()
    }

    /// The longest any shot took.
    pub fn longest(&self) -> Duration {
        self.shots
            .iter()
            .map(|shot| shot.took)
            .max()
            .unwrap_or_default()
    }

    /// Whether the generator kept its schedule.
    ///
    /// # Errors
    /// A sentence with the figures: such a run is neither passed nor failed, it is invalid.
    pub fn kept_schedule(&self) -> Result<(), String> {
        let late = self.shots.iter().filter(|shot| shot.late > LATE).count();
        if late * 100 <= self.shots.len() * LATE_PERCENT {
            return Ok(());
        }
        Err(format!(
            "invalid run: {late} of {} shots started more than {} ms late, more than {LATE_PERCENT} %; \
             the machine is too busy to say anything",
            self.shots.len(),
            LATE.as_millis()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shots_do_not_wait_for_each_other() {
        let load = Load {
            per_second: 100,
            lasting: Duration::from_millis(500),
        };
        let report = open_loop(load, |number| {
            std::thread::sleep(Duration::from_millis(700));
            if number == 7 {
                Err("seven".into())
            } else {
                Ok(())
            }
        });
        assert_eq!(report.shots.len(), 50);
        assert_eq!(
            report.most_at_once, 50,
            "all were under way before the first ended"
        );
        assert_eq!(report.failed().len(), 1);
        assert!(report.longest() >= Duration::from_millis(700));
    }

    #[test]
    fn a_burst_starts_at_once_and_a_wish_ends_a_run() {
        let load = Load {
            per_second: 50,
            lasting: Duration::from_secs(60),
        };
        let wish = Wish::default();
        let report = open_loop_until(load, &wish, |number| {
            match number {
                5 => wish.burst(30),
                _ if number > 40 => wish.over(),
                _ => std::thread::sleep(Duration::from_millis(200)),
            }
            Ok(())
        });
        let mut numbers: Vec<u64> = report.shots.iter().map(|shot| shot.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>());
        assert!((42..60).contains(&numbers.len()), "{}", numbers.len());
        assert!(report.most_at_once > 30, "{}", report.most_at_once);
    }

    #[test]
    fn a_generator_that_fell_behind_says_so() {
        let shot = |number, late| Shot {
            number,
            at: Duration::ZERO,
            late,
            took: Duration::ZERO,
            outcome: Ok(()),
        };
        let load = Load {
            per_second: 1,
            lasting: Duration::from_secs(100),
        };
        let report = |behind: u64| Report {
            load,
            begun: Instant::now(),
            shots: (0..100)
                .map(|n| shot(n, if n < behind { 2 * LATE } else { Duration::ZERO }))
                .collect(),
            most_at_once: 1,
        };
        assert_eq!(report(5).kept_schedule(), Ok(()));
        assert!(
            report(6)
                .kept_schedule()
                .unwrap_err()
                .starts_with("invalid run: 6 of 100")
        );
    }
}
