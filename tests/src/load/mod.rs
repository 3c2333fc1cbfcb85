//! Open-loop load: requests start at their own moment whether or not earlier ones have been answered, as users do.
//! A generator that waits for answers hides every queue it causes; this one says when it fell behind instead.

pub mod http;
mod pool;

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
    /// Its number, from 0.
    pub number: u64,
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
    /// All shots, in the order they ended.
    pub shots: Vec<Shot>,
    /// Most shots under way at once.
    pub most_at_once: usize,
}

/// Fires every shot of the load at its moment, each on a thread of its own as long as it lasts (threads are used
/// again), and waits for all of them to end.
pub fn open_loop(load: Load, shoot: impl Fn(u64) -> Result<(), String> + Sync) -> Report {
    let start = Instant::now();
    let planned = u64::from(load.per_second)
        * u64::try_from(load.lasting.as_millis()).unwrap_or(u64::MAX)
        / 1000;
    let moment =
        |number: u64| start + Duration::from_secs_f64(number as f64 / f64::from(load.per_second));
    let shots = std::sync::Mutex::new(Vec::with_capacity(planned as usize));
    let most_at_once = pool::scope(
        |number| {
            let began = Instant::now();
            let outcome = shoot(number);
            let late = began.saturating_duration_since(moment(number));
            let shot = Shot {
                number,
                late,
                took: began.elapsed(),
                outcome,
            };
            shots
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .push(shot);
        },
        |pool| {
            for number in 0..planned {
                std::thread::sleep(moment(number).saturating_duration_since(Instant::now()));
                pool.send(number);
            }
        },
    );
    let shots = shots
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    Report {
        load,
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
    fn a_generator_that_fell_behind_says_so() {
        let shot = |number, late| Shot {
            number,
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
