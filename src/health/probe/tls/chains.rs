//! Chains of certificates, each verified once in a while and remembered in between.
//!
//! A target shows the same chain to every probe. Whether that chain leads to an authority and is
//! for a name follows from the chain, the name and the authorities; the time of the probe matters
//! only to the dates of validity (RFC 5280 §6.1.3 (a) (2)). So a chain that was accepted is accepted
//! again, without the cost of its signatures, while none of its certificates has ended. Another
//! chain, another name or a date that has passed is verified from the start.
//!
//! Each probe still shakes hands in full: the target proves every time that it holds the key of
//! the certificate (CertificateVerify, RFC 8446 §4.4.3).

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ring::digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

/// For how many seconds a chain is remembered. Nothing else that it was verified by can change, so
/// this bounds only a mistake in that reasoning; one verification per hour costs nothing.
const REMEMBERED: u64 = 3_600;

/// How many chains are remembered: three for each of 5,000 targets, in some 2 MiB.
const MOST: usize = 16_384;

/// A verifier that remembers what another one, to which the authorities belong, accepted.
#[derive(Debug)]
pub(super) struct Chains {
    verifier: Arc<dyn ServerCertVerifier>,
    accepted: Mutex<Accepted>,
}

/// The chains that were accepted, and the times at which they still are.
#[derive(Debug, Default)]
struct Accepted {
    spans: HashMap<Shown, Span>,
}

/// Seconds since 1970.
type Span = RangeInclusive<u64>;

/// A chain, shown to one who asked for this name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Shown {
    name: ServerName<'static>,
    /// SHA-256: a target can add what it likes to a chain, and must not fill the memory.
    chain: Box<[u8]>,
}

impl Chains {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>) -> Self {
        Self { verifier, accepted: Mutex::default() }
    }

    /// A panic elsewhere leaves nothing half done here: every change is made in one go.
    fn accepted(&self) -> MutexGuard<'_, Accepted> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Chains {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Shown::new(end_entity, intermediates, server_name);
        if self.accepted().holds(&shown, now) {
            return Ok(ServerCertVerified::assertion());
        }
        let verified = self.verifier.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        if let Some(span) = span(end_entity, intermediates, now) {
            self.accepted().remember(shown, span);
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

impl Accepted {
    fn holds(&self, shown: &Shown, now: UnixTime) -> bool {
        self.spans.get(shown).is_some_and(|span| span.contains(&now.as_secs()))
    }

    /// Forgets everything rather than grow beyond [`MOST`]: that costs one verification each.
    fn remember(&mut self, shown: Shown, span: Span) {
        if self.spans.len() >= MOST {
            self.spans.clear();
        }
        self.spans.insert(shown, span);
    }
}

impl Shown {
    fn new(
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
    ) -> Self {
        let mut chain = digest::Context::new(&digest::SHA256);
        for certificate in std::iter::once(end_entity).chain(intermediates) {
            // With its length, so that no two chains run together to the same bytes.
            chain.update(&certificate.len().to_be_bytes());
            chain.update(certificate);
        }
        Self { name: name.to_owned(), chain: chain.finish().as_ref().into() }
    }
}

/// The times at which a chain that was accepted `now` still is: until the first of its certificates
/// ends, but for those that had ended by now and so took no part. Those that did had begun by now.
/// Nothing when a certificate cannot be read.
fn span(
    end_entity: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Option<Span> {
    let now = now.as_secs();
    let mut last = now.saturating_add(REMEMBERED);
    for certificate in std::iter::once(end_entity).chain(intermediates) {
        let end = super::not_after(certificate)?;
        if end >= now {
            last = last.min(end);
        }
    }
    Some(now..=last)
}

#[cfg(test)]
mod tests;
