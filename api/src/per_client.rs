//! How much of something one client may hold at once, such as connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what each client holds. Clones count together.
#[derive(Clone)]
pub(crate) struct PerClient {
    most: usize,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

/// One of the places of a client, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    client: String,
    held: Arc<Mutex<HashMap<String, usize>>>,
}

impl PerClient {
    /// This many places for each client.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            held: Arc::default(),
        }
    }

    /// What all clients hold together.
    pub(crate) fn held(&self) -> usize {
        lock(&self.held).values().sum()
    }

    /// A place for this client, or nothing where it holds all of its own.
    pub(crate) fn take(&self, client: &str) -> Option<Place> {
        let mut held = lock(&self.held);
        let count = held.get(client).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        held.insert(client.to_owned(), count + 1);
        Some(Place {
            client: client.to_owned(),
            held: Arc::clone(&self.held),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = lock(&self.held);
        // A client that holds nothing is forgotten, so that the map is as large as the service is busy.
        if let Some(count) = held.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.client);
            }
        }
    }
}

fn lock(held: &Mutex<HashMap<String, usize>>) -> MutexGuard<'_, HashMap<String, usize>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_places_and_gets_them_back() {
        let places = PerClient::new(2);
        let held = (places.take("anna").unwrap(), places.take("anna").unwrap());
        assert!(places.take("anna").is_none());
        let berts = places.take("bert").unwrap();
        drop(held.0);
        let again = places.take("anna").unwrap();
        assert!(places.take("anna").is_none());
        drop((held.1, again, berts));
        assert!(lock(&places.held).is_empty());
    }
}
