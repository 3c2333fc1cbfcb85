//! Plugins as they ship: the built `.so` files, in the process that the real `homeport` makes for them.
//! Needs `HOMEPORT_BIN_DIR` with `homeport` and `plugins/*.so` in it; without it every test here fails.

mod place;
mod good;
