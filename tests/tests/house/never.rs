//! The *never* lines as data: what may not stand where, and the few places where it does all the same.

/// A thing that never stands in some files.
pub struct Rule {
    /// The sentence it enforces.
    pub says: &'static str,
    /// Files it is about: beginnings of their paths.
    pub about: &'static [&'static str],
    /// Files it is not about after all.
    pub but: &'static [&'static str],
    /// Paths that may not stand there, with all below them.
    pub never: &'static [&'static str],
    /// Single exceptions: file, path, why. One that is not needed fails, too.
    pub except: &'static [(&'static str, &'static str, &'static str)],
    /// A file and code that break it.
    pub broken: (&'static str, &'static str),
}

pub const RULES: &[Rule] = &[
    Rule {
        says: "bootstrap knows neither core nor engine nor plugins",
        about: &["bootstrap/"],
        but: &[],
        never: &["homeport_core", "homeport_engine", "homeport_plugin_api"],
        except: &[],
        broken: ("bootstrap/src/x.rs", "use homeport_engine::op;"),
    },
    Rule {
        says: "plugins compute; they never touch the machine",
        about: &["plugins/"],
        but: &["plugins/api/"],
        never: &[
            "std::fs",
            "std::process",
            "std::net::TcpStream",
            "std::net::TcpListener",
            "std::net::UdpSocket",
            "std::net::ToSocketAddrs",
            "std::env",
            "std::os",
            "std::thread",
            "std::time",
            "homeport_core",
            "homeport_engine",
            "homeport_bootstrap",
        ],
        except: &[],
        broken: ("plugins/x/src/lib.rs", "use std::{io, fs};"),
    },
    Rule {
        says: "the plugin interface knows nobody",
        about: &["plugins/api/"],
        but: &[],
        never: &[
            "homeport_core",
            "homeport_engine",
            "homeport_bootstrap",
            "std::process::Command",
            "std::net",
        ],
        except: &[],
        broken: ("plugins/api/src/x.rs", "fn f() { homeport_core::x() }"),
    },
    Rule {
        says: "core names no plugin crate",
        about: &["core/"],
        but: &[],
        never: &[
            "homeport_db_sqlite",
            "homeport_db_postgres",
            "homeport_db_mysql",
            "homeport_proxy_nginx",
            "homeport_health",
        ],
        except: &[],
        broken: ("core/src/x.rs", "use homeport_health::Health;"),
    },
    Rule {
        says: "the engine is below everything: no plugins, no command line, no TLS",
        about: &["core/engine/"],
        but: &[],
        never: &[
            "homeport_core",
            "homeport_bootstrap",
            "homeport_plugin_api",
            "clap",
            "rustls",
            "ureq",
        ],
        except: &[],
        broken: ("core/engine/src/x.rs", "use rustls::ClientConfig;"),
    },
    Rule {
        says: "the agent stands on the engine alone",
        about: &["core/agent/"],
        but: &[],
        never: &[
            "homeport_core",
            "homeport_bootstrap",
            "homeport_plugin_api",
            "rustls",
            "ureq",
        ],
        except: &[],
        broken: ("core/agent/src/x.rs", "use homeport_core::places;"),
    },
    Rule {
        says: "plan is pure: no files, clock, processes, chance, and no target",
        about: &["core/src/plan/"],
        but: &[],
        never: &[
            "std::fs",
            "std::io",
            "std::time",
            "std::process",
            "std::env",
            "std::net",
            "std::thread",
            "rand",
            "rustix",
            "nix",
            "homeport_engine::cmd",
            "homeport_engine::durable",
            "homeport_engine::process",
            "homeport_engine::run::unix_now",
            "crate::target",
            "crate::plugin",
            "crate::verbs",
            "crate::cli",
            "crate::command",
            "crate::lock",
            "crate::log",
        ],
        except: &[],
        broken: (
            "core/src/plan/deploy/x.rs",
            "use super::super::super::target::HostFacts;",
        ),
    },
    Rule {
        says: "target knows no recipe, plan, plugin or verb",
        about: &["core/src/target/"],
        but: &[],
        never: &[
            "crate::recipe",
            "crate::plan",
            "crate::plugin",
            "crate::verbs",
            "crate::settings",
            "crate::cli",
            "crate::command",
            "homeport_plugin_api",
        ],
        except: &[],
        broken: ("core/src/target/x.rs", "use crate::{places, plan::deploy};"),
    },
    Rule {
        says: "nothing but cli prints, bootstrap's words, and the programs' own main",
        about: &[""],
        but: &[
            "core/src/cli/",
            "core/src/main.rs",
            "core/agent/src/main.rs",
            "bootstrap/src/main.rs",
            "bootstrap/src/show.rs",
        ],
        never: &[
            "println!",
            "eprintln!",
            "print!",
            "eprint!",
            "dbg!",
            "std::io::stdout",
            "std::io::stderr",
            "io::stdout",
            "io::stderr",
        ],
        except: EXCEPT_PRINTING,
        broken: ("core/src/verbs/x.rs", "fn f() { println!(\"x\") }"),
    },
    Rule {
        says: "nothing but engine::cmd starts a process",
        about: &[""],
        but: &["core/engine/src/cmd"],
        never: &[
            "std::process::Command",
            "process::Command",
            "std::os::unix::process::CommandExt",
            "nix::unistd::fork",
            "nix::unistd::execv",
            "rustix::runtime",
        ],
        except: EXCEPT_STARTING,
        broken: ("core/src/target/x.rs", "use std::process::{self, Command};"),
    },
    Rule {
        says: "no unsafe code outside the plugins' door",
        about: &[""],
        but: &["plugins/api/"],
        never: &["unsafe"],
        except: &[],
        broken: ("core/src/plugin/x.rs", "fn f() { unsafe { g() } }"),
    },
    Rule {
        says: "no async runtime",
        about: &[""],
        but: &[],
        never: &["tokio", "async_std", "smol", "async", "await"],
        except: &[],
        broken: ("core/src/x.rs", "async fn f() {}"),
    },
];

const EXCEPT_PRINTING: &[(&str, &str, &str)] = &[
    (
        "core/agent/src/gate/listen.rs",
        "std::io::stdout",
        "there it is a listening socket that systemd passes",
    ),
    (
        "core/src/command/mod.rs",
        "io::stdout",
        "only asked whether it is a terminal",
    ),
    (
        "core/src/plugin/child.rs",
        "io::stdout",
        "a plugin's own process: its standard output is the channel",
    ),
    (
        "core/src/plugin/child.rs",
        "io::stderr",
        "a plugin's own process: its last words are read by core",
    ),
];

const EXCEPT_STARTING: &[(&str, &str, &str)] = &[
    (
        "bootstrap/src/session.rs",
        "std::process::Command",
        "starts core, and has no engine",
    ),
    (
        "core/src/plugin/process.rs",
        "std::process::Command",
        "a plugin's process, which no plan knows",
    ),
    (
        "core/src/plugin/process.rs",
        "std::os::unix::process::CommandExt",
        "puts it into a group of its own",
    ),
];

/// Databases, proxies and apps core must not know by name.
pub const NAMES: &[&str] = &[
    "sqlite",
    "postgres",
    "mysql",
    "mariadb",
    "mongo",
    "redis",
    "nginx",
    "caddy",
    "traefik",
    "haproxy",
    "apache",
    "vikunja",
    "nextjs",
    "payloadcms",
];

/// Where a name stands all the same: file, name, why.
pub const NAMED: &[(&str, &str, &str)] = &[(
    "core/src/verbs/install/mod.rs",
    "vikunja",
    "the app that is installed when none is named: a default, as data",
)];
