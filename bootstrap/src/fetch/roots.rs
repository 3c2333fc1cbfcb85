//! Which certificate authorities count for HTTPS: the file `SSL_CERT_FILE` names, else the system's bundle, which knows
//! the authority of a company's proxy, else Mozilla's list as compiled in. A file that is named must be good.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use super::FetchError;

/// Where Debian, Fedora, openSUSE and Alpine keep the bundle.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The TLS settings. The files are read once per process; 145 authorities take about 2 ms.
pub(super) fn tls() -> Result<TlsConfig, FetchError> {
    static LOADED: OnceLock<TlsConfig> = OnceLock::new();
    if let Some(loaded) = LOADED.get() {
        return Ok(loaded.clone());
    }
    let config = TlsConfig::builder().root_certs(load()?).build();
    Ok(LOADED.get_or_init(|| config).clone())
}

fn load() -> Result<RootCerts, FetchError> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    if let Some(path) = named {
        return read(Path::new(&path));
    }
    match SYSTEM.iter().map(Path::new).find(|path| path.exists()) {
        Some(path) => read(path),
        None => Ok(RootCerts::WebPki),
    }
}

fn read(path: &Path) -> Result<RootCerts, FetchError> {
    let refused = |why: String| FetchError::Certificates {
        path: path.display().to_string(),
        why,
    };
    let bytes = fs::read(path).map_err(|error| refused(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&bytes) {
        if let PemItem::Certificate(certificate) =
            item.map_err(|error| refused(error.to_string()))?
        {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
