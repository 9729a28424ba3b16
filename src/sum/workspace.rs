//! The memory that a pass works in, kept with the result that it fills.

use alloc::vec::Vec;

/// Memory that grows to what the largest pass needed. It is no part of the value of a result: a clone is
/// empty, and any two are equal.
#[derive(Default)]
#[expect(unnameable_types, reason = "what a sealed trait stands on")]
pub struct Workspace(Vec<f64>);

impl Workspace {
    /// `len` numbers, of any values.
    pub(crate) fn take(&mut self, len: usize) -> &mut [f64] {
        if self.0.len() < len {
            self.0.resize(len, 0.0);
        }
        &mut self.0[..len]
    }
}

impl Clone for Workspace {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Workspace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
