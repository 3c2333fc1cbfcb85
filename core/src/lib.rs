//! Plans and drives everything Homeport does to a machine.

pub mod bundle;

pub mod plugin;

pub mod settings;
