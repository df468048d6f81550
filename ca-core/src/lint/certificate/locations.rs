//! CRL, issuer certificate and responder are named where the profile says so, by http.

use super::{Case, Rule};
use crate::lint::demand;
use crate::x509::oid;

pub(super) const RULE: Rule = Rule { name: "locations", clause: "RFC 5280 §4.2.1.13, §4.2.2.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let profile = case.profile;
    let points = case.extension(oid::CRL_DISTRIBUTION_POINTS)?;
    let access = case.extension(oid::AUTHORITY_INFO_ACCESS)?;
    demand(
        points.is_some() == profile.crl_distribution_point,
        "the CRL distribution point is not as the profile says",
    )?;
    demand(access.is_some() == (profile.ocsp || profile.ca_issuers), "authorityInfoAccess is not as the profile says")?;
    let names = |method: const_oid::ObjectIdentifier| {
        access.is_some_and(|extension| contains(extension.value, method.as_bytes()))
    };
    demand(names(oid::AD_OCSP) == profile.ocsp, "the responder is not as the profile says")?;
    demand(names(oid::AD_CA_ISSUERS) == profile.ca_issuers, "the issuer's certificate is not as the profile says")?;
    for extension in points.iter().chain(&access) {
        demand(contains(extension.value, b"http://"), "an address is not http")?;
    }
    Ok(())
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
