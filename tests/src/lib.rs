//! To be filled.
pub mod app;
