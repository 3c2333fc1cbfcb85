//! An instance of a test's own: its name, address and settings; whatever is left of it goes when the test ends.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use homeport_tests::app::App;

use crate::release;
use crate::run::call;
use crate::user::certificate;

/// First three numbers of the lab's network.
pub const NET: &str = "10.78.0";

/// Where Homeport keeps what it knows of an instance on the host.
pub const STATE: &str = "/var/lib/homeport";

/// One test at a time has the host. One that failed has cleaned up, too.
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = std::env::var("HOMEPORT_LAB_PATH").expect("HOMEPORT_LAB_PATH is not set");
    let called = fs::canonicalize("/usr/local/sbin/pct").expect("tests/lab/up.sh links programs");
    let meant = fs::canonicalize(Path::new(&lab).join("pct")).expect("the lab has its programs");
    assert_eq!(called, meant, "another lab than HOMEPORT_LAB_PATH is up");
    turn
}

/// An instance that may or may not be there.
pub struct Instance {
    pub name: &'static str,
    pub address: String,
    pub gateway: String,
    pub domain: String,
}

impl Instance {
    /// Nothing of this name is there any more. `number` is the last of its address.
    pub fn new(name: &'static str, number: u8) -> Instance {
        let instance = Instance {
            name,
            address: format!("{NET}.{number}"),
            gateway: format!("{NET}.1"),
            domain: format!("{name}.homeport.test"),
        };
        instance.sweep();
        instance
    }

    /// The settings every install of it needs, by name.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("instance-id", self.name.to_owned()),
            ("domain", self.domain.clone()),
            ("ip-address", format!("{}/24", self.address)),
            ("gateway", self.gateway.clone()),
            ("admin-email", "admin@homeport.test".to_owned()),
            ("registration", "open".to_owned()),
            ("source-sha256", release::digest()),
        ]
    }

    /// `install --yes` with those settings as flags, and more words behind them; a flag among these wins.
    pub fn install(&self, more: &[&str]) -> Vec<String> {
        install(self.settings(), more)
    }

    /// The same, told no digest of the release.
    pub fn install_without_digest(&self, more: &[&str]) -> Vec<String> {
        let mut settings = self.settings();
        settings.retain(|(name, _)| *name != "source-sha256");
        install(settings, more)
    }

    /// `uninstall --yes`.
    pub fn uninstall(&self) -> Vec<String> {
        ["uninstall", self.name, "--yes"].map(str::to_owned).into()
    }

    /// The app at its public address over TLS, trusting this certificate alone.
    pub fn app(&self, certificate: &str) -> App {
        let at: SocketAddr = format!("{}:443", self.address).parse().unwrap();
        App::new(&self.url(), Some(at), Some(certificate)).unwrap()
    }

    /// The same, trusting the certificate that is served there now.
    pub fn served(&self) -> App {
        self.app(&certificate(&self.address, &self.domain))
    }

    /// Its public address.
    pub fn url(&self) -> String {
        format!("https://{}", self.domain)
    }

    /// Id of its container, by the tag that names the instance.
    pub fn id(&self) -> Option<String> {
        self.ids().next()
    }

    /// The same of all its copies.
    fn ids(&self) -> impl Iterator<Item = String> + use<> {
        let tag = format!("hp-id-{}", self.name);
        let files = fs::read_dir("/etc/pve/lxc").into_iter().flatten().flatten();
        let tagged = files.map(|entry| entry.path()).filter(move |path| {
            let text = fs::read_to_string(path).unwrap_or_default();
            let mut lines = text.lines().take_while(|line| !line.starts_with('['));
            lines
                .find_map(|line| line.strip_prefix("tags: "))
                .is_some_and(|tags| tags.split(';').any(|found| found == tag))
        });
        tagged.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
    }

    /// Directory of its journals on the host.
    pub fn journals(&self) -> PathBuf {
        Path::new(STATE).join("journal").join(self.name)
    }

    /// Takes away whatever is left of it, without Homeport's help.
    fn sweep(&self) {
        for id in self.ids() {
            call(&["pct", "unlock", &id]);
            call(&["pct", "destroy", &id, "--force", "1", "--purge", "1"]);
        }
        let _ = fs::remove_dir_all(self.journals());
        let _ = fs::remove_dir_all(Path::new("/var/backups/vikunja").join(self.name));
        for file in [
            format!("{STATE}/instances/{}.json", self.name),
            format!("{STATE}/health/{}.json", self.name),
            format!("/var/lock/homeport/{}", self.name),
            format!("/var/log/homeport/{}.log", self.name),
        ] {
            let _ = fs::remove_file(file);
        }
    }
}

/// `install --yes` with these settings as flags, and more words behind them; a flag among these wins.
fn install(settings: Vec<(&'static str, String)>, more: &[&str]) -> Vec<String> {
    let mut words = vec!["install".to_owned(), "--yes".to_owned()];
    for (name, value) in settings {
        let flag = format!("--{name}");
        if !more.contains(&flag.as_str()) {
            words.extend([flag, value]);
        }
    }
    words.extend(more.iter().map(|word| (*word).to_owned()));
    words
}

impl Drop for Instance {
    /// By its own verb first, which knows of half-made containers, too.
    fn drop(&mut self) {
        if self.id().is_some() || self.journals().exists() {
            release::bundled(&self.uninstall());
        }
        self.sweep();
    }
}
