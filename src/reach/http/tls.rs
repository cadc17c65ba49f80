//! Whom an https server must be, and who we are to it.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto::ring};

use super::super::dial;
use super::HttpError;

/// Who is trusted, and who we are.
#[derive(Debug, Default)]
pub struct Trust {
    /// Certificate authorities, and no others; `None`: the machine's own.
    pub roots: Option<Vec<CertificateDer<'static>>>,
    /// What is shown to a server that asks who we are.
    pub identity: Option<Identity>,
}

/// A client certificate with those that prove it, and its key.
#[derive(Debug)]
pub struct Identity {
    /// Ours first.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// The certificates of a PEM text. The error says in words what is wrong with it.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| format!("it is damaged: {error}"))?;
    if read.is_empty() { Err("there is no certificate in it (PEM is wanted)".into()) } else { Ok(read) }
}

/// The first private key of a PEM text. The error says in words what is wrong with it, and nothing of the key.
pub fn key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_holds_parts_of_it| "there is no private key in it that can be read (PEM, not encrypted)".into())
}

pub(super) fn machine_roots() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// The machine's own authorities in DER, without those that nobody can read.
pub(in crate::reach) fn machine_roots_in_der() -> Vec<Vec<u8>> {
    let fit = |root: &CertificateDer<'static>| RootCertStore::empty().add(root.clone()).is_ok();
    machine_roots().into_iter().filter(fit).map(|root| root.to_vec()).collect()
}

pub(super) fn configure(roots: Vec<CertificateDer<'static>>) -> Arc<ClientConfig> {
    Arc::new(builder().with_root_certificates(store(roots)).with_no_client_auth())
}

pub(super) fn configure_with(trust: Trust) -> Result<Arc<ClientConfig>, HttpError> {
    let roots = trust.roots.unwrap_or_else(machine_roots);
    let Some(identity) = trust.identity else { return Ok(configure(roots)) };
    let config = builder().with_root_certificates(store(roots)).with_client_auth_cert(identity.chain, identity.key);
    config.map(Arc::new).map_err(|error| HttpError::Tls(format!("the client certificate cannot be used: {error}")))
}

fn store(roots: Vec<CertificateDer<'static>>) -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    store
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    // Named here, so that it does not matter what the process has installed as its default.
    let provider = Arc::new(ring::default_provider());
    match ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions() {
        Ok(builder) => builder,
        // ring supports every default version; this is what the builder would use.
        Err(_unsupported) => ClientConfig::builder(),
    }
}

pub(super) fn words(error: &std::io::Error) -> HttpError {
    use tokio_rustls::rustls::Error;
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(why)) => HttpError::Tls(format!("the certificate is not trusted: {why}")),
        Some(Error::InvalidMessage(_)) => HttpError::Tls("the answer is not TLS; is it an http:// url?".into()),
        Some(other) => HttpError::Tls(other.to_string()),
        None => HttpError::Broken(dial::broken(error)),
    }
}
