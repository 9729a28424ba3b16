//! Elementwise maps over large slices.

use super::Engine;
use crate::error::Error;
use crate::parallel::{for_parts, grain};
use crate::rows::{Element, Maps};
use crate::tuning::ELEMENT_COST;
use core::ops::Range;

/// The elementwise kernels over large slices: the methods of [`Isa`](crate::Isa) of the same names, shared between
/// threads, with the same contracts.
impl Engine {
    /// [`sigmoid()`](crate::sigmoid()) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn sigmoid<T: Element>(&self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::sigmoid(self.isa, &z[range], out));
        Ok(())
    }

    /// [`sigmoid_in_place`](crate::sigmoid_in_place) of each element.
    pub fn sigmoid_in_place<T: Element>(&self, z: &mut [T]) {
        self.map(z, &|_, z| T::Loops::sigmoid_in_place(self.isa, z));
    }

    /// [`softplus`](crate::softplus) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn softplus<T: Element>(&self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::softplus(self.isa, &z[range], out));
        Ok(())
    }

    /// [`softplus_in_place`](crate::softplus_in_place) of each element.
    pub fn softplus_in_place<T: Element>(&self, z: &mut [T]) {
        self.map(z, &|_, z| T::Loops::softplus_in_place(self.isa, z));
    }

    /// [`log_sigmoid`](crate::log_sigmoid) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn log_sigmoid<T: Element>(&self, z: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::log_sigmoid(self.isa, &z[range], out));
        Ok(())
    }

    /// [`log_sigmoid_in_place`](crate::log_sigmoid_in_place) of each element.
    pub fn log_sigmoid_in_place<T: Element>(&self, z: &mut [T]) {
        self.map(z, &|_, z| T::Loops::log_sigmoid_in_place(self.isa, z));
    }

    /// [`logit`](crate::logit()) of each element.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn logit<T: Element>(&self, p: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("p", p.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::logit(self.isa, &p[range], out));
        Ok(())
    }

    /// [`logit_in_place`](crate::logit_in_place) of each element.
    pub fn logit_in_place<T: Element>(&self, p: &mut [T]) {
        self.map(p, &|_, p| T::Loops::logit_in_place(self.isa, p));
    }

    /// [`log_loss`](crate::log_loss) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn log_loss<T: Element>(&self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::log_loss(self.isa, &z[range.clone()], &y[range], out));
        Ok(())
    }

    /// [`log_loss_in_place`](crate::log_loss_in_place) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    pub fn log_loss_in_place<T: Element>(&self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        self.map(z, &|range, z| T::Loops::log_loss_in_place(self.isa, z, &y[range]));
        Ok(())
    }

    /// [`residual()`](crate::residual()) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `out` is then untouched.
    pub fn residual<T: Element>(&self, z: &[T], y: &[T], out: &mut [T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len()), ("out", out.len())])?;
        self.map(out, &|range, out| T::Loops::residual(self.isa, &z[range.clone()], &y[range], out));
        Ok(())
    }

    /// [`residual_in_place`](crate::residual_in_place) of each logit and label.
    ///
    /// # Errors
    ///
    /// [`Error::LengthMismatch`]; `z` is then untouched.
    pub fn residual_in_place<T: Element>(&self, z: &mut [T], y: &[T]) -> Result<(), Error> {
        Error::unless_same_length([("z", z.len()), ("y", y.len())])?;
        self.map(z, &|range, z| T::Loops::residual_in_place(self.isa, z, &y[range]));
        Ok(())
    }

    /// Calls `f` with each part of `out` that a thread fills, and the range of the part.
    fn map<T: Element>(&self, out: &mut [T], f: &(impl Fn(Range<usize>, &mut [T]) + Sync)) {
        let grain = grain(self.parallel, out.len(), ELEMENT_COST);
        for_parts(0, out, grain, &|first, out: &mut [T]| f(first..first + out.len(), out));
    }
}
