//! A batch is what it weighs.

#[derive(Debug)]
pub struct Batch(pub usize);

impl Batch {
    pub fn bytes(&self) -> usize {
        self.0
    }

    pub fn events(&self) -> &[u8] {
        &[0]
    }
}
