//! To be filled.
pub mod app;
pub mod load;
