//! The plans of every verb, made from the shipped recipe and the shipped plugins: what they say, and that nothing that
//! goes wrong while they run leaves more or less than *before* or *after*.
//! Needs root and `HOMEPORT_BIN_DIR` with `homeport` and `plugins/*.so` in it; without them every test here fails.

mod built;
mod crash;
mod facts;
mod random;
mod shown;
mod updates;
