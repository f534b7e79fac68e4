//! Single flight: however many want the same, it is fetched once.

use std::hash::Hash;
use std::sync::Arc;

use dashmap::DashMap;
use tokio::sync::OnceCell;

/// What is being fetched now, by key.
pub struct Flights<K: Eq + Hash, T>(DashMap<K, Arc<OnceCell<T>>>);

impl<K: Eq + Hash, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self(DashMap::new())
    }
}

/// One who waits; the flight is taken off the board by whoever leaves last, or first after its end.
struct Seat<'a, K: Eq + Hash, T> {
    flights: &'a Flights<K, T>,
    key: &'a K,
    flight: Arc<OnceCell<T>>,
}

impl<K: Eq + Hash, T> Drop for Seat<'_, K, T> {
    fn drop(&mut self) {
        self.flights.0.remove_if(self.key, |_, current| {
            // Two: the board's and ours.
            Arc::ptr_eq(current, &self.flight)
                && (current.initialized() || Arc::strong_count(current) <= 2)
        });
    }
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    /// What `fetch` gives, or what somebody else's gives who began before and has not ended. One who goes away takes
    /// nobody along: another one's `fetch` starts then.
    pub async fn join<F: Future<Output = T>>(&self, key: &K, fetch: impl FnOnce() -> F) -> T {
        let flight = self.0.entry(key.clone()).or_default().clone();
        let seat = Seat {
            flights: self,
            key,
            flight,
        };
        seat.flight.get_or_init(fetch).await.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_that_want_one_key_fetch_it_once() {
        let flights = Arc::new(Flights::<u8, usize>::default());
        let fetched = Arc::new(AtomicUsize::new(0));
        let crowd: Vec<_> = (0..10_000)
            .map(|_| {
                let (flights, fetched) = (flights.clone(), fetched.clone());
                tokio::spawn(async move {
                    let fetch = || async {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        fetched.fetch_add(1, Ordering::SeqCst) + 1
                    };
                    flights.join(&7, fetch).await
                })
            })
            .collect();
        for one in crowd {
            assert_eq!(one.await.unwrap(), 1);
        }
        assert_eq!(fetched.load(Ordering::SeqCst), 1);
        assert!(flights.0.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_goes_away_takes_nobody_along() {
        let flights = Arc::new(Flights::<u8, u8>::default());
        let join = |value: u8| {
            let flights = flights.clone();
            async move {
                let fetch = || async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    value
                };
                flights.join(&7, fetch).await
            }
        };
        let first = tokio::spawn(join(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
        let second = tokio::spawn(join(2));
        tokio::time::sleep(Duration::from_millis(10)).await;
        first.abort();
        assert_eq!(second.await.unwrap(), 2);
        assert!(flights.0.is_empty());
        let alone = tokio::spawn(join(3));
        tokio::time::sleep(Duration::from_millis(10)).await;
        alone.abort();
        alone.await.unwrap_err();
        assert!(flights.0.is_empty());
    }
}
