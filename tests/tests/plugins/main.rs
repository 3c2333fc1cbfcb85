//! Plugins as they ship: the built `.so` files, in the process that the real `homeport` makes for them.
//! Needs root and `HOMEPORT_BIN_DIR` with `homeport` and `plugins/*.so` in it; without them every test here fails.

mod bad;
mod cell;
mod certificate;
mod confined;
mod good;
mod machine;
mod newer;
mod nginx;
mod place;
mod sqlite;
mod trust;
mod upstream;
