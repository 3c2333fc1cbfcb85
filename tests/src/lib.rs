//! To be filled.
pub mod app;
pub mod http;
pub mod leftover;
pub mod load;
pub mod proxy;
pub mod terminal;
