//! The plugin's side of the door: turns a [`Serve`] into the two exported functions.
//! Never lets a panic cross: it is caught here and becomes a refusal that carries the panic's own words.
#![allow(unsafe_code)]

use std::{
    cell::RefCell,
    mem,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

use abi_stable::{
    prefix_type::PrefixTypeTrait,
    std_types::{RResult, RStr, RString},
};

use crate::{
    abi::{PluginModule, PluginModule_Ref},
    serve::{Serve, answer_text},
    wire::{Refused, refusal::Refusal},
};

#[doc(hidden)]
pub use abi_stable::library::{
    __call_root_module_loader, CheckTypeLayout, LibHeader, RootModuleResult,
};

thread_local! {
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The root module of a plugin. Called once by the code [`export_plugin!`](crate::export_plugin) writes.
#[doc(hidden)]
pub fn module<S: Serve + Default>() -> PluginModule_Ref {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            PANIC.with_borrow_mut(|said| *said = Some(info.to_string()))
        }))
    });
    PluginModule {
        manifest: manifest::<S>,
        call: call::<S>,
    }
    .leak_into_prefix()
}

extern "C" fn manifest<S: Serve + Default>() -> RString {
    let text =
        guarded(|| serde_json::to_string(&S::default().manifest()).map_err(|e| unwritable(&e)));
    RString::from(text.unwrap_or_else(|refused| refused))
}

extern "C" fn call<S: Serve + Default>(request: RStr<'_>) -> RResult<RString, RString> {
    guarded(|| answer_text(&S::default(), request.as_str()))
        .map(RString::from)
        .map_err(RString::from)
        .into()
}

fn unwritable(error: &serde_json::Error) -> String {
    Refused::new(Refusal::unreadable(format!(
        "the answer could not be written as JSON: {error}"
    )))
    .to_text()
}

/// Runs the plugin's code. The payload of a panic is leaked on purpose: dropping it may panic again.
fn guarded(work: impl FnOnce() -> Result<String, String>) -> Result<String, String> {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        mem::forget(payload);
        let said = PANIC
            .with_borrow_mut(Option::take)
            .unwrap_or_else(|| "it left no message".to_owned());
        Err(Refused::new(Refusal::panicked(said)).to_text())
    })
}

/// Makes a crate of type `cdylib` a Homeport plugin: `export_plugin!(MyPlugin: Database);`.
///
/// The type implements `Default` and the named trait: [`Database`](crate::Database), [`Proxy`](crate::Proxy) or
/// [`Health`](crate::Health). Once per crate.
#[macro_export]
macro_rules! export_plugin {
    ($plugin:ty : Database) => { $crate::export_plugin!(@door $crate::DatabaseDoor<$plugin>); };
    ($plugin:ty : Proxy) => { $crate::export_plugin!(@door $crate::ProxyDoor<$plugin>); };
    ($plugin:ty : Health) => { $crate::export_plugin!(@door $crate::HealthDoor<$plugin>); };
    (@door $door:ty) => {
        #[allow(unsafe_code)]
        const _: () = {
            extern "C" fn root_module() -> $crate::export::RootModuleResult {
                $crate::export::__call_root_module_loader($crate::export::module::<$door>)
            }
            // The symbol abi_stable looks for. SAFETY: `root_module` returns exactly the type named here.
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static ROOT_MODULE: $crate::export::LibHeader = unsafe {
                $crate::export::LibHeader::from_constructor::<$crate::abi::PluginModule_Ref>(
                    root_module,
                    $crate::export::CheckTypeLayout::Yes,
                )
            };
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exported_symbol_is_the_one_abi_stable_looks_for() {
        assert_eq!(
            abi_stable::library::ROOT_MODULE_LOADER_NAME,
            "_1as_0lib_1header_0root_bmodule_bloader"
        );
    }

    #[test]
    fn a_panic_becomes_a_refusal_and_its_payload_is_never_dropped() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        let said = guarded(|| panic::panic_any(Bomb)).unwrap_err();
        assert!(said.contains("\"kind\":\"panicked\""), "{said}");
    }
}
