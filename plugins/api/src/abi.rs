//! The door itself: the only layout host and plugin share, frozen for life.
//! Never grows: one more field here would make every older plugin unloadable (measured, abi_stable 0.11).
#![allow(unsafe_code, missing_docs, non_local_definitions, non_camel_case_types)]

use abi_stable::{
    StableAbi, declare_root_module_statics,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{RResult, RStr, RString},
};

/// Two functions; whatever else a plugin learns to say travels as JSON through `call`.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
#[sabi(missing_field(panic))]
pub struct PluginModule {
    /// The plugin's [`Manifest`](crate::wire::Manifest) as JSON.
    pub manifest: extern "C" fn() -> RString,
    /// One [`Call`](crate::wire::Call) in; a reply, or as the error a refusal, out. Never unwinds.
    #[sabi(last_prefix_field)]
    pub call: extern "C" fn(RStr<'_>) -> RResult<RString, RString>,
}

impl RootModule for PluginModule_Ref {
    declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = "homeport_plugin";
    const NAME: &'static str = "homeport_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}
