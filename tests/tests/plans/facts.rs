//! Fixed facts, and the plans the product makes of them. Only what differs from run to run is fixed here – operation,
//! clock, guest id; what recipe and plugins say comes from the files as they ship.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use homeport_bootstrap::digest::Digest;
use homeport_core::places;
use homeport_core::plan::Operation;
use homeport_core::plan::adopt::{Adoption, adopt};
use homeport_core::plan::backup::{Archive, DUMP};
use homeport_core::plan::build::{Build, Registries};
use homeport_core::plan::deploy::{
    CERTIFICATE, Carry, DatabasePart, Deploy, FINGERPRINT, Health, Program, ProxyPart,
};
use homeport_core::plan::power::{self, Instance};
use homeport_core::plan::uninstall::{Keep, uninstall};
use homeport_core::plan::upgrade::{self, Agent};
use homeport_core::plugin::{Host, Registry, Trust};
use homeport_core::recipe::{self, Loaded};
use homeport_core::settings::{self, Color, ConfigFile, Pages, Settings};
use homeport_core::state::{Registered, SCHEMA, State, Status};
use homeport_core::target::HostFacts;
use homeport_core::verbs::parts::{self, Partners};
use homeport_core::verbs::{health, identity, install, surround};
use homeport_engine::fingerprint::Fingerprint;
use homeport_engine::local::unit::Unit;
use homeport_engine::op::{GuestIdentity, GuestSpec, Op};
use homeport_engine::plan::Plan;
use homeport_engine::probe::Probe;
use homeport_engine::report::Spec;
use homeport_engine::require::{Observation, Observations};
use homeport_plugin_api::wire::Kind;
use homeport_plugin_api::wire::conversation::{Handle, Plan as Asked};
use homeport_plugin_api::wire::database::Purpose;
use serde_json::json;

use crate::built;

/// Id of the operation.
pub const OPERATION: &str = "0065920080-0123456789abcdef";
/// Id of the operation that adopts a copy.
const ADOPTION: &str = "0065920090-0123456789abcdef";
/// Unix time of everything: 2024-01-01T00:00:00Z.
const AT: u64 = 1_704_067_200;
/// Where the bundle is unpacked for this run only.
pub const BUNDLE: &str = "/tmp/homeport-bundle";
/// Version of this Homeport. Not the real one, so that a release changes no snapshot.
pub const HOMEPORT: &str = "1.2.3";

pub const SETTINGS: &str = "\
deployment: {instance_id: Tasks}
network: {domain: tasks.example.org, ip_address: 192.168.1.50/24, gateway: 192.168.1.1, ipv6_address: '2001:db8::50/64', ipv6_gateway: 'fe80::1'}
admin: {email: admin@example.org}
";

/// A Debian guest as the plugins find it once their packages are installed.
pub fn observations() -> Observations {
    let seen = |exit, stdout: &str| Observation {
        exit,
        stdout: stdout.to_owned(),
    };
    let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                  Max open files            1024                 524288               files\n";
    let pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    [
        ("nginx.site.running", seen(0, "active\n")),
        ("nginx.site.limits", seen(1, "")),
        ("nginx.site.hard_limit", seen(0, limits)),
        (
            "nginx.site.ipv6",
            seen(0, "fe800000000000000000000000000001 02 40 20 80 eth0\n"),
        ),
        ("nginx.site.self_signed_for", seen(1, "")),
        ("component mcp", seen(0, "absent\n")),
        (CERTIFICATE, seen(0, pem)),
        (
            FINGERPRINT,
            seen(0, &serde_json::to_string(&fingerprint(ORIGINAL)).unwrap()),
        ),
        ("nginx.verify.master", seen(0, "731\n")),
        ("nginx.verify.nginx_files", seen(0, "13568\n")),
    ]
    .map(|(name, seen)| (name.to_owned(), seen))
    .into()
}

/// MAC address of the guest as it was made.
pub const ORIGINAL: &str = "bc:24:11:00:00:01";

/// A guest's marks.
pub fn fingerprint(mac: &str) -> Fingerprint {
    Fingerprint {
        mac: mac.to_owned(),
        machine_id: "0123456789abcdef0123456789abcdef".to_owned(),
    }
}

/// Everything plans are made of.
pub struct Facts {
    pub wanted: Wanted,
    pub plugins: Registry,
    seen: Observations,
}

/// What is to be installed.
pub struct Wanted {
    pub recipe: Loaded,
    pub settings: Settings,
    pub pages: Pages,
}

impl Facts {
    /// The shipped recipe, the shipped plugins in the processes that the real `homeport` makes for them.
    pub fn shipped() -> Facts {
        Facts::with(SETTINGS)
    }

    /// The same with these settings.
    pub fn with(text: &str) -> Facts {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates");
        let mut recipe = recipe::load(&templates, "vikunja").unwrap();
        // The publisher's key, which a checkout may or may not have.
        let key = format!("{BUNDLE}/templates/vikunja/keys/publisher.asc");
        recipe.key = Some(PathBuf::from(key));
        let plugins = registry();
        let file = ConfigFile {
            name: "settings.yaml".to_owned(),
            bytes: text.into(),
        };
        let defaults = install::defaults(&recipe, &plugins, text != SETTINGS);
        let settings = settings::from_yaml(file, &defaults).unwrap();
        let pages = Pages::of(&settings, &defaults);
        Facts {
            wanted: Wanted {
                recipe,
                settings,
                pages,
            },
            plugins,
            seen: observations(),
        }
    }

    /// The same of a release that has an MCP server.
    pub fn with_mcp(mut self) -> Facts {
        let there = Observation {
            exit: 0,
            stdout: "there\n".to_owned(),
        };
        self.seen.insert("component mcp".to_owned(), there);
        self
    }

    /// The recipe of what the release in service has.
    pub fn installed(&self) -> Loaded {
        let there = self.seen["component mcp"].stdout == "there\n";
        let absent = if there { None } else { Some("mcp".to_owned()) };
        self.wanted.recipe.without(&Vec::from_iter(absent))
    }

    /// Why a release with an MCP server – or without – cannot take the place of the one in service.
    pub fn refused(mut self, brings: bool) -> Option<String> {
        let recipe = self.installed();
        let (deployment, _) = self.deployment();
        let deploy = Deploy {
            recipe: &recipe,
            ..deployment.deploy(&self.wanted)
        };
        let seen = match brings {
            true => Facts::shipped().with_mcp().seen,
            false => observations(),
        };
        let judged = deploy.has_what_is_installed(&self.wanted.recipe, &seen);
        judged.err().map(|error| error.to_string())
    }

    /// The four stages of an install, as `verbs::install` makes them one after another.
    pub fn install(mut self) -> Vec<Plan> {
        let seen = self.seen.clone();
        let (deployment, mut partners) = self.deployment();
        let deploy = deployment.deploy(&self.wanted);
        let guest = deploy.guest().unwrap();
        let base = deploy.base(guest.end()).unwrap();
        let built = built::stages(&deploy, base.end());
        let absent = deploy.absent(&seen).unwrap();
        let recipe = self.wanted.recipe.without(&absent);
        partners.serve(&recipe.recipe, &self.wanted.settings);
        let deploy = Deploy {
            recipe: &recipe,
            ..deploy
        };
        let app = deploy
            .app(
                built.last().unwrap_or(&base).end(),
                &partners.steps(&deploy, &seen).unwrap(),
            )
            .unwrap();
        let verify = partners.verify(&deploy, &seen).unwrap();
        let prove = deploy
            .prove(
                app.end(),
                &seen[CERTIFICATE].stdout,
                &verify,
                Some(&fingerprint(ORIGINAL)),
            )
            .unwrap();
        [vec![guest, base], built, vec![app, prove]].concat()
    }

    /// What the guest tells of how it is asked about its health.
    pub fn probes(&mut self) -> Vec<Probe> {
        let (deployment, _) = self.deployment();
        let spec: Spec = serde_json::from_str(&deployment.health.spec).unwrap();
        spec.probes.into_values().collect()
    }

    fn deployment(&mut self) -> (Deployment, Partners) {
        let recipe = &self.wanted.recipe.recipe;
        let mut partners =
            Partners::start(&mut self.plugins, recipe, &self.wanted.settings, None).unwrap();
        let operation = operation("install", true);
        let mut deployment = Deployment {
            spec: spec(&operation.guest, &self.wanted.settings),
            operation,
            registries: Registries {
                go_proxy: Some("https://go.example.org".to_owned()),
                npm: None,
                proxy: true,
            },
            carry: Carry {
                authorities: Some(
                    "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n".to_owned(),
                ),
                proxy: true,
                package_sources: Some(
                    "deb http://mirror.example.org/debian bookworm main\n".to_owned(),
                ),
            },
            program: Program {
                version: HOMEPORT.to_owned(),
                directory: BUNDLE.to_owned(),
                passing: true,
            },
            database: partners.database(&parts::live(recipe, 1)).unwrap(),
            proxy: partners.proxy().unwrap(),
            health: Health::default(),
        };
        let deploy = deployment.deploy(&self.wanted);
        let absent = deploy.absent(&self.seen).unwrap();
        let recipe = self.wanted.recipe.without(&absent);
        let deploy = Deploy {
            recipe: &recipe,
            ..deploy
        };
        deployment.health = health::planned(&deploy, &mut self.plugins).unwrap();
        (deployment, partners)
    }

    /// Removal; with an archive left, if `keep`.
    pub fn uninstall(mut self, keep: bool) -> Vec<Plan> {
        let keep = keep.then(|| self.keep());
        vec![uninstall(&operation("uninstall", false), keep)]
    }

    fn keep(&mut self) -> Keep {
        let recipe = &self.wanted.recipe.recipe;
        let plugin = &self.wanted.settings.database.plugin;
        let file = Handle {
            name: "file".to_owned(),
            path: DUMP.to_owned(),
            database: String::new(),
        };
        let purpose = Purpose::Dump {
            database: parts::live(recipe, 1),
            file,
        };
        let context = parts::context(recipe, &self.wanted.settings);
        let mut database = self.plugins.take(Kind::Database, plugin).unwrap();
        let steps = database.call(&Asked { purpose, context }).unwrap();
        let part = homeport_core::plan::parts::Plugin {
            name: plugin,
            purpose: "dump",
            app: &recipe.app,
        };
        let entry = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        Keep {
            archive: Archive {
                directory: self.wanted.settings.backup.directory.clone(),
                archive: format!(
                    "{}/tasks/2024-01-01T00-00-00Z.tar.gz",
                    self.wanted.settings.backup.directory
                ),
                metadata: BTreeMap::from([("instance".to_owned(), "tasks".to_owned())]),
                entries: vec![
                    entry(
                        &places::guest::deployment_config(&recipe.app),
                        "deployment-config.yaml",
                    ),
                    entry(&recipe.data.files, "files"),
                ],
            },
            units: vec![unit("active")],
            dump: part.steps(&steps).unwrap(),
            user: recipe.user.clone(),
        }
    }
}

/// What a deployment is planned from, beside settings and recipe.
struct Deployment {
    operation: Operation,
    registries: Registries,
    spec: GuestSpec,
    carry: Carry,
    program: Program,
    database: DatabasePart,
    proxy: ProxyPart,
    health: Health,
}

impl Deployment {
    fn deploy<'a>(&'a self, wanted: &'a Wanted) -> Deploy<'a> {
        Deploy {
            operation: &self.operation,
            settings: &wanted.settings,
            pages: &wanted.pages,
            recipe: &wanted.recipe,
            version: "2.5.0",
            release: "2.5.0",
            colour: Color::Blue,
            build: Build::of(
                &self.operation,
                &wanted.recipe,
                &wanted.settings,
                &self.registries,
            ),
            revision: None,
            spec: self.spec.clone(),
            template: Some(Op::EnsureTemplate {
                storage: "local".to_owned(),
                name: "debian-12-standard_12.12-1_amd64.tar.zst".to_owned(),
            }),
            neighbour6: true,
            carry: &self.carry,
            program: &self.program,
            database: &self.database,
            proxy: &self.proxy,
            health: &self.health,
            first_login: true,
        }
    }
}

/// The guest is off; what it is to be started for is known once it runs.
pub fn boot_and_start(probes: &[Probe]) -> Vec<Plan> {
    let about = operation("start", false);
    let boot = power::boot(&about);
    let start = with_instance(Status::Stopped, "active", probes, |it| {
        power::start(&about, it, boot.end())
    });
    vec![boot, start]
}

/// The guest runs; its app is in this state.
pub fn start(probes: &[Probe], active: &str) -> Vec<Plan> {
    let about = operation("start", false);
    vec![with_instance(Status::Running, active, probes, |it| {
        power::start(&about, it, 0)
    })]
}

pub fn stop(probes: &[Probe]) -> Vec<Plan> {
    vec![with_instance(Status::Running, "active", probes, |it| {
        power::stop(&operation("stop", false), it)
    })]
}

pub fn restart(probes: &[Probe]) -> Vec<Plan> {
    let about = operation("restart", false);
    vec![with_instance(Status::Running, "active", probes, |it| {
        power::restart(&about, it)
    })]
}

/// Its agent, gate and units are exchanged.
pub fn upgrade(probes: &[Probe]) -> Vec<Plan> {
    let about = operation("upgrade", false);
    let agent = Agent {
        file: format!("{BUNDLE}/bin/homeport-agent"),
        sha256: "a".repeat(64),
    };
    let gate = Unit {
        unit: "homeport-gate@backend.service".to_owned(),
        ..unit("active")
    };
    vec![with_instance(Status::Running, "active", probes, |it| {
        upgrade::upgrade(&about, it, &agent, &[gate], 0)
    })]
}

fn with_instance(
    status: Status,
    active: &str,
    probes: &[Probe],
    plan: impl FnOnce(&Instance<'_>) -> Plan,
) -> Plan {
    let state = state(status, fingerprint(ORIGINAL));
    let registered = Registered::of(&state, &operation("", false).guest, "192.168.1.50");
    plan(&Instance {
        state: &state,
        registered: &registered,
        units: &[unit(active)],
        probes,
    })
}

/// A clone of the instance, which runs without its app, becomes one of its own.
pub fn adopt_copy(probes: &[Probe]) -> Vec<Plan> {
    let mut about = operation("adopt", false);
    about.guest.id = "106".to_owned();
    about.guest.instance = "tasks-106".to_owned();
    let state = State {
        instance: about.guest.instance.clone(),
        ..state(Status::Running, fingerprint("bc:24:11:00:00:02"))
    };
    let adoption = Adoption {
        tags: identity::tags("vikunja", &state.instance)
            .into_iter()
            .chain([about.guest.tag.clone(), identity::tag(ADOPTION)])
            .collect(),
        released: None,
    };
    let guest = GuestIdentity {
        tag: identity::tag(ADOPTION),
        ..about.guest.clone()
    };
    let instance = Instance {
        state: &state,
        registered: &Registered::of(&state, &guest, "192.168.1.51"),
        units: &[unit("inactive")],
        probes,
    };
    vec![adopt(&about, &instance, adoption, 0)]
}

/// The instance after its second change.
pub fn state(status: Status, fingerprint: Fingerprint) -> State {
    State {
        schema: SCHEMA,
        instance: "tasks".to_owned(),
        app: "vikunja".to_owned(),
        title: "Vikunja".to_owned(),
        status,
        version: "2.5.0".to_owned(),
        commit: None,
        release: None,
        active_colour: Color::Blue,
        epoch: 2,
        fingerprint: Some(fingerprint),
        generation: 1,
        url: "https://tasks.example.org".to_owned(),
        homeport: HOMEPORT.to_owned(),
        previous: None,
        last_operation: json!({"id": OPERATION, "verb": "install", "at": AT}),
        rest: serde_json::Map::new(),
    }
}

/// The app's unit as the recipe names it, in one of systemd's states.
pub fn unit(active: &str) -> Unit {
    Unit {
        unit: "vikunja-backend@blue.service".to_owned(),
        active: active.to_owned(),
        ..Unit::default()
    }
}

pub fn operation(verb: &str, candidate: bool) -> Operation {
    let guest = GuestIdentity {
        id: "105".to_owned(),
        instance: "tasks".to_owned(),
        tag: identity::tag(OPERATION),
        storage: "local-lvm".to_owned(),
    };
    Operation {
        id: OPERATION.to_owned(),
        verb: verb.to_owned(),
        guest,
        candidate,
        at: AT,
    }
}

fn spec(guest: &GuestIdentity, settings: &Settings) -> GuestSpec {
    GuestSpec {
        identity: guest.clone(),
        hostname: guest.instance.clone(),
        template: "local:vztmpl/debian-12-standard_12.12-1_amd64.tar.zst".to_owned(),
        disk_gb: settings.resources.disk_size_gb,
        cores: settings.resources.cpu_cores,
        memory_mb: settings.resources.memory_mb,
        swap_mb: 512,
        network: surround::network(&HostFacts::default(), settings),
        tags: identity::tags("vikunja", &guest.instance),
    }
}

fn registry() -> Registry {
    let built = std::env::var_os("HOMEPORT_BIN_DIR")
        .expect("HOMEPORT_BIN_DIR names the directory of built files");
    let (homeport, plugins) = (
        Path::new(&built).join("homeport"),
        Path::new(&built).join("plugins"),
    );
    let files: Vec<PathBuf> = fs::read_dir(&plugins)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    let digest = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, Digest::of(&fs::read(path).unwrap()))
    };
    let trust = Trust::release(files.iter().map(digest).collect::<BTreeMap<_, _>>());
    Registry::scan(&Host::default().with_program(&homeport), &[plugins], &trust).unwrap()
}
