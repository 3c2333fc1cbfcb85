//! TLS for probes from the host: the user's way in, with the user's certificate. Only certificates that were handed over
//! count, never the host's own list of authorities.

use std::io;
use std::sync::Arc;

use homeport_engine::local::{Stream, Timed};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{self, CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    StreamOwned,
};

/// Makes a TLS connection to `host`, a name or address with or without a port. Its certificate must chain to one of
/// `roots` (PEM), or be one of them.
pub(crate) fn connect(connection: Timed, host: &str, roots: &str) -> io::Result<Box<dyn Stream>> {
    let name = ServerName::try_from(bare(host).to_owned()).map_err(io::Error::other)?;
    let config = config(roots).map_err(io::Error::other)?;
    let client = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(Box::new(StreamOwned::new(client, connection)))
}

/// A host without its port; an IPv6 address without its brackets.
pub(crate) fn bare(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => match host.rsplit_once(':') {
            Some((name, port))
                if !name.contains(':') && port.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                name
            }
            _ => host,
        },
    }
}

fn config(roots: &str) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let good: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(roots.as_bytes()).collect();
    let good =
        good.map_err(|error| Error::General(format!("the certificate is not PEM: {error}")))?;
    let mut anchors = RootCertStore::empty();
    anchors.add_parsable_certificates(good.iter().cloned());
    let chain =
        WebPkiServerVerifier::builder_with_provider(Arc::new(anchors), provider.clone()).build();
    let chain = chain
        .map_err(|error| Error::General(format!("the certificate cannot be used: {error}")))?;
    let verifier = Handed {
        good,
        chain,
        provider: provider.clone(),
    };
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// Certificates that were handed over. A self-signed one often calls itself an authority, and the leaf of a company's
/// chain comes without its root: neither passes as the end of a chain, but being the very certificate is better still.
#[derive(Debug)]
struct Handed {
    good: Vec<CertificateDer<'static>>,
    chain: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Handed {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.good.iter().any(|good| good == certificate) {
            verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.chain
            .verify_server_cert(certificate, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
