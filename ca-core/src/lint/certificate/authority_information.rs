//! authorityInfoAccess names the responder and the issuer's certificate where the profile says so, each once, by http.

use const_oid::ObjectIdentifier;

use super::uri::{file_below, http};
use super::{Case, Rule};
use crate::lint::demand;
use crate::tlv::{self, tag};
use crate::x509::{X509Error, oid, oid_of};

pub(super) const RULE: Rule = Rule { name: "authority_information", clause: "RFC 5280 §4.2.2.1", check };

fn check(case: &Case<'_>) -> Result<(), String> {
    let profile = case.profile;
    let said = match case.extension(oid::AUTHORITY_INFO_ACCESS) {
        Some(extension) => read(extension.value).map_err(|error| error.to_string())?,
        None => Vec::new(),
    };
    let wanted = [(profile.ocsp, oid::AD_OCSP), (profile.ca_issuers, oid::AD_CA_ISSUERS)];
    let methods = wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, method)| *method);
    demand(said.iter().map(|(method, _)| *method).eq(methods), "the ways are not those of the profile")?;
    for (method, url) in said {
        let url = http(url).ok_or("an address is not http")?;
        if method == oid::AD_CA_ISSUERS {
            let file = file_below(url, "ca").and_then(|file| file.strip_suffix(".cer"));
            let file = file.ok_or("the issuer's certificate is not at http://…/ca/….cer")?;
            demand(case.home.is_none_or(|home| file == home.issuer.as_str()), "it is the certificate of another CA")?;
        }
    }
    Ok(())
}

fn read(value: &[u8]) -> Result<Vec<(ObjectIdentifier, &[u8])>, X509Error> {
    let mut said = Vec::new();
    for access in tlv::single(value, tag::SEQUENCE)?.reader().rest()? {
        let mut fields = tlv::single(access.whole, tag::SEQUENCE)?.reader();
        said.push((oid_of(fields.next()?)?, fields.expect(tag::PRIMITIVE_6)?.content));
        fields.end()?;
    }
    Ok(said)
}
