//! The open connections, each in a numbered slot. A slot that has become free is given out again only after the turn
//! in which it was freed, so that an event still in hand never reaches the wrong connection.

use super::relay::Relay;

/// Numbered slots.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Option<Relay>>,
    free: Vec<u32>,
    freed: Vec<u32>,
}

impl Table {
    /// Keeps a connection and says where.
    pub(crate) fn insert(&mut self, relay: Relay) -> u32 {
        match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(relay);
                slot
            }
            None => {
                self.slots.push(Some(relay));
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        }
    }

    pub(crate) fn get(&mut self, slot: u32) -> Option<&mut Relay> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Takes a connection out, which closes it when dropped.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Relay> {
        let relay = self.slots.get_mut(slot as usize)?.take()?;
        self.freed.push(slot);
        Some(relay)
    }

    /// All events in hand have been dealt with.
    pub(crate) fn turn_is_over(&mut self) {
        self.free.append(&mut self.freed);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Relay> {
        self.slots.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::super::relay::Kind;
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    #[test]
    fn a_slot_is_reused_only_in_the_next_turn() {
        let relay = || {
            Relay::new(
                Kind::Request,
                UnixStream::pair().unwrap().0.into(),
                Instant::now(),
            )
        };
        let mut table = Table::default();
        let first = table.insert(relay());
        assert!(table.remove(first).is_some() && table.remove(first).is_none());
        assert_ne!(table.insert(relay()), first);
        table.turn_is_over();
        assert_eq!(table.insert(relay()), first);
        assert_eq!(table.iter().count(), 2);
        assert!(table.get(99).is_none());
    }
}
