//! To be filled.
pub mod app;
pub mod http;
pub mod load;
pub mod proxy;
