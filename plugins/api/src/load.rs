//! The host's side of the door: opens a plugin and checks that it is one. Used in the plugin's own process only.
//! Never checks who made the file: whoever calls this has verified its bytes.
#![allow(unsafe_code)]

use std::path::Path;

use abi_stable::library::{LibraryError, RawLibrary, lib_header_from_path};

use crate::abi::PluginModule_Ref;

/// An open plugin. The library stays mapped until the process ends.
#[derive(Clone, Copy)]
pub struct Opened {
    module: PluginModule_Ref,
}

/// The system's libraries that a plugin may need beside the C library: what ordinary compilers link to.
const SYSTEM: [&str; 5] = [
    "libgcc_s.so.1",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
];

/// Maps the system's own libraries while they can still be found: a confined process sees no file any more. One that the
/// system has not is left out; a plugin that needs it is then refused with its name.
pub fn preload() {
    for name in SYSTEM {
        // Mapped until the process ends, like the plugin that may need it.
        let _ = RawLibrary::load_at(Path::new(name)).map(std::mem::forget);
    }
}

/// Maps the library at `path`, runs its constructors and checks its layout against ours.
///
/// # Errors
/// One line: not a library, not a Homeport plugin, or one whose door has another shape.
pub fn open(path: &Path) -> Result<Opened, String> {
    // Not `RootModule::load_from_file`: that remembers one module per type, a second plugin would get the first.
    let header = lib_header_from_path(path).map_err(|e| reason(&e))?;
    if header.layout().is_none() {
        return Err("it was built without its layout, so it cannot be checked".to_owned());
    }
    let module = header
        .init_root_module::<PluginModule_Ref>()
        .map_err(|e| reason(&e))?;
    Ok(Opened { module })
}

impl Opened {
    /// What the plugin says of itself, unread: JSON if it is well-behaved.
    pub fn manifest(self) -> String {
        (self.module.manifest())().into_string()
    }

    /// One request in, one reply (`Ok`) or refusal (`Err`) out, both unread.
    ///
    /// # Errors
    /// The plugin's own refusal, as the text it gave.
    pub fn call(self, request: &str) -> Result<String, String> {
        (self.module.call())(request.into())
            .into_result()
            .map(Into::into)
            .map_err(Into::into)
    }
}

/// abi_stable answers with up to 1,500 lines; the last paragraph holds the reason.
fn reason(error: &LibraryError) -> String {
    match error {
        LibraryError::OpenError { err, .. } => format!("it cannot be opened as a library: {err}"),
        LibraryError::GetSymbolError { .. } => {
            "it is a library, but not a Homeport plugin".to_owned()
        }
        LibraryError::InvalidAbiHeader(_) => {
            "it was built with another abi_stable than 0.11".to_owned()
        }
        LibraryError::IncompatibleVersionNumber {
            expected_version,
            actual_version,
            ..
        } => {
            format!("its door has version {actual_version}, this Homeport's has {expected_version}")
        }
        LibraryError::AbiInstability(long) => format!(
            "its door has another shape: {}",
            last_error(&long.to_string())
        ),
        other => one_line(&other.to_string()),
    }
}

fn last_error(text: &str) -> String {
    one_line(text.rsplit("Error:").next().unwrap_or(text))
}

fn one_line(text: &str) -> String {
    text.split_whitespace()
        .take(60)
        .collect::<Vec<_>>()
        .join(" ")
}
