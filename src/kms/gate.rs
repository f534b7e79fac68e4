//! The gate that every KMS call passes: few at once, and nobody waits for a KMS that answers nobody.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout, timeout_at};

use super::{KmsError, OPERATION};

/// Calls at once.
const CALLS: usize = 20;
/// Calls at once to a region that did not answer last: it must not take the places of the others.
const PROBES: usize = 2;

/// A queue whose members wait as long as it moves.
struct Queue {
    permits: Semaphore,
    /// When KMS last answered one of it, in milliseconds since the gate was made.
    answered: AtomicU64,
}

impl Queue {
    fn new(permits: usize) -> Self {
        Self {
            permits: Semaphore::new(permits),
            answered: AtomicU64::new(0),
        }
    }

    /// Waits for a turn; gives up when nobody was answered for the time of a whole call.
    async fn turn(&self, started: Instant) -> Result<SemaphorePermit<'_>, KmsError> {
        let mut turn = pin!(self.permits.acquire());
        let mut since = Instant::now();
        loop {
            match timeout_at(since + OPERATION, &mut turn).await {
                Ok(permit) => return permit.map_err(|_| silent()),
                Err(_) => {
                    let answered =
                        started + Duration::from_millis(self.answered.load(Ordering::Relaxed));
                    if answered <= since {
                        return Err(silent());
                    }
                    since = answered;
                }
            }
        }
    }
}

/// A region of KMS.
struct Place {
    silent: AtomicBool,
    probes: Queue,
}

/// See the module.
pub struct Gate {
    started: Instant,
    all: Queue,
    places: DashMap<String, Arc<Place>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            all: Queue::new(CALLS),
            places: DashMap::new(),
        }
    }
}

impl Gate {
    /// Makes a call for the key of this ARN when its turn comes.
    ///
    /// # Errors
    /// What the call says, or that KMS answered nobody.
    pub async fn pass<T>(
        &self,
        key_arn: &str,
        call: impl Future<Output = Result<T, KmsError>>,
    ) -> Result<T, KmsError> {
        let place = self.place(key_arn);
        let _probe = if place.silent.load(Ordering::Relaxed) {
            Some(place.probes.turn(self.started).await?)
        } else {
            None
        };
        let permit = self.all.turn(self.started).await?;
        let called = timeout(OPERATION, call).await;
        let result = called.unwrap_or_else(|_| Err(silent()));
        let answered = !matches!(result, Err(KmsError::Unreachable(_)));
        place.silent.store(!answered, Ordering::Relaxed);
        if answered {
            let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.all.answered.store(now, Ordering::Relaxed);
            place.probes.answered.store(now, Ordering::Relaxed);
        }
        drop(permit);
        result
    }

    /// By the ARN without account and resource.
    fn place(&self, key_arn: &str) -> Arc<Place> {
        let region: Vec<&str> = key_arn.split(':').take(4).collect();
        let place = self.places.entry(region.join(":"));
        let place = place.or_insert_with(|| {
            Arc::new(Place {
                silent: AtomicBool::new(false),
                probes: Queue::new(PROBES),
            })
        });
        place.clone()
    }
}

fn silent() -> KmsError {
    KmsError::Unreachable("no answer in time".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    /// Calls under way, and the most that ever were.
    #[derive(Default)]
    struct Load(AtomicUsize, AtomicUsize);

    /// A call that is cut is over too.
    struct Landing<'a>(&'a AtomicUsize);

    impl Drop for Landing<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }

    impl Load {
        async fn call(&self, takes: Duration) -> Result<(), KmsError> {
            let flying = self.0.fetch_add(1, Ordering::SeqCst) + 1;
            self.1.fetch_max(flying, Ordering::SeqCst);
            let _landing = Landing(&self.0);
            tokio::time::sleep(takes).await;
            Ok(())
        }
    }

    fn crowd(
        gate: &Arc<Gate>,
        load: &Arc<Load>,
        count: usize,
        region: &'static str,
        takes: Duration,
    ) -> Vec<tokio::task::JoinHandle<(Result<(), KmsError>, Duration)>> {
        (0..count)
            .map(|number| {
                let (gate, load) = (gate.clone(), load.clone());
                tokio::spawn(async move {
                    let start = Instant::now();
                    let arn = format!("arn:aws:kms:{region}:{number:012}:key/k");
                    let result = gate.pass(&arn, load.call(takes)).await;
                    (result, start.elapsed())
                })
            })
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_cold_tenants_make_twenty_calls_at_once_and_all_get_their_key() {
        let (gate, load) = (Arc::default(), Arc::default());
        // 10 s of queue, far beyond one call's time: as long as it moves, nobody is turned away.
        for one in crowd(&gate, &load, 10_000, "a", Duration::from_millis(20)) {
            one.await.unwrap().0.unwrap();
        }
        assert_eq!(load.1.load(Ordering::SeqCst), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_are_told_in_time_that_kms_is_silent() {
        let (gate, load) = (Arc::default(), Arc::default());
        for one in crowd(&gate, &load, 10_000, "a", Duration::from_secs(60)) {
            let (result, took) = one.await.unwrap();
            assert!(matches!(result, Err(KmsError::Unreachable(_))));
            assert!(took <= 2 * OPERATION, "{took:?}");
        }
        assert_eq!(load.1.load(Ordering::SeqCst), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_region_does_not_take_the_places_of_another() {
        let gate = Arc::new(Gate::default());
        let load = Arc::new(Load::default());
        let lost = crowd(&gate, &load, 1, "silent", Duration::from_secs(60));
        for one in lost {
            one.await.unwrap().0.unwrap_err();
        }
        let lost = crowd(&gate, &load, 1_000, "silent", Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
        for one in crowd(&gate, &load, 100, "well", Duration::from_millis(20)) {
            let (result, took) = one.await.unwrap();
            result.unwrap();
            assert!(took < OPERATION, "{took:?}");
        }
        for one in lost {
            let (result, took) = one.await.unwrap();
            assert!(result.is_err() && took <= 3 * OPERATION, "{took:?}");
        }
        // It recovers with its first answer.
        for one in crowd(&gate, &load, 100, "silent", Duration::from_millis(20)) {
            one.await.unwrap().0.unwrap();
        }
    }
}
