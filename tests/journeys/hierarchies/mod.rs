//! One hierarchy for each kind of key, made and run by the shipped programs, before judges that nobody here wrote:
//! root, issuing CA, unit certificates that are good, revoked, held and released, CRLs, OCSP answers.
//!
//! | judge | RSA, P-256, P-384 | SM2, standard id | SM2, empty id |
//! |---|---|---|---|
//! | `openssl` | chain strictly, CRLs, OCSP | the leaf; refuses it under no id | chain strictly, CRLs |
//! | Tongsuo | | chain strictly, CRLs, OCSP, request | must refuse |
//! | GnuTLS `certtool` | chain, CRL | reads | reads |
//! | pkilint | certificates, pairs of issuer and subject, CRLs, OCSP | the same | the same |
//! | Python `cryptography` | path, every field, CRLs, OCSP | every field | every field |
//! | rcgen | certificates, field by field | cannot express SM2 | |
//! | x509-cert | writes the same DER again | the same | the same |
//!
//! Every shipped profile for end entities, and deltas and shards, stand before the same judges in `profiles`.
//!
//! The first conformance checks of the plan and the tests that hold them:
//!
//! | check | tests |
//! |---|---|
//! | 1 SM2 vectors; the empty id is refused where the standard one is due, and the reverse | `sm2_under_the_standard_id`, `sm2_under_the_empty_id`, `tongsuo_accepts_…`; vectors: `keys::sm2` of ca-core |
//! | 2 tolerant reading of what the field practises | `x509` and `keys` of ca-core |
//! | 3 our certificates: DER, serial numbers, days of Beijing, profile, no personal number | each hierarchy, `encoders` |
//! | 4 key envelopes; no code exports a signature key | `envelope` of ca-core, `tests/architecture.rs`, `secrets` |
//! | 5 OCSP and lists: statuses, CertIDs by SHA-1, SHA-256 and SM3, nonce | each hierarchy; GET, stale delegates and list numbers: `ocsp/tests`, `revocation` of ca-core |

mod encoders;
mod exhibits;
mod independent;
mod profiles;
mod verdicts;

use ca_core::domain::KeyKind;
use exhibits::Exhibits;
use journeys::ceremony::Ceremony;
use journeys::house::Engine;
use journeys::office::Office;
use verdicts::Sm2;

/// The issuing CA of each hierarchy.
const ISSUING: &str = "issuing";

/// Makes a hierarchy, lets every judge look at it, and lets the authority check itself at the end.
async fn stands_before_all_judges(root: KeyKind, issuing: KeyKind, unit: KeyKind) -> anyhow::Result<()> {
    let responder = format!("responder_key = \"{issuing}\"");
    let ceremony = Ceremony::of(root.name(), issuing.name(), "", &responder)?;
    let office = Office::found_by(Engine::Sqlite, &ceremony)?;
    let [mut ca, _responder] = office.open().await?;
    let exhibits = Exhibits::make(&office, issuing, unit).await?;
    verdicts::openssl(&office, &exhibits)?;
    verdicts::gnutls(&exhibits)?;
    verdicts::pkilint(&exhibits)?;
    verdicts::cryptography(&exhibits, true)?;
    encoders::x509_cert_writes_the_same(&exhibits)?;
    independent::rcgen_writes_the_same(&exhibits, &office.house.base_url())?;
    encoders::numbers_and_days(&exhibits)?;
    ca.terminate()?;
    office.house.ca(&["audit", "verify"])?;
    office.house.ca(&["check"])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_2048_under_rsa_4096() -> anyhow::Result<()> {
    stands_before_all_judges(KeyKind::Rsa4096, KeyKind::Rsa2048, KeyKind::Rsa2048).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rsa_3072_under_rsa_4096() -> anyhow::Result<()> {
    stands_before_all_judges(KeyKind::Rsa4096, KeyKind::Rsa3072, KeyKind::Rsa2048).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p_256_under_p_384() -> anyhow::Result<()> {
    stands_before_all_judges(KeyKind::P384, KeyKind::P256, KeyKind::P256).await
}

#[tokio::test(flavor = "multi_thread")]
async fn p_384_under_p_384() -> anyhow::Result<()> {
    stands_before_all_judges(KeyKind::P384, KeyKind::P384, KeyKind::P256).await
}

#[tokio::test(flavor = "multi_thread")]
async fn sm2_under_the_standard_id() -> anyhow::Result<()> {
    stands_as_sm2(Sm2::Standard).await
}

/// What OpenSSL's commands can check: they hash no id unless told one, and only for the last certificate.
#[tokio::test(flavor = "multi_thread")]
async fn sm2_under_the_empty_id() -> anyhow::Result<()> {
    stands_as_sm2(Sm2::Empty).await
}

async fn stands_as_sm2(id: Sm2) -> anyhow::Result<()> {
    let setting = match id {
        Sm2::Standard => "",
        Sm2::Empty => "sm2_id = \"\"",
    };
    let sm2 = KeyKind::Sm2.name();
    let office = Office::found_by(Engine::Sqlite, &Ceremony::of(sm2, sm2, setting, setting)?)?;
    let [mut ca, _responder] = office.open().await?;
    let exhibits = Exhibits::make(&office, KeyKind::Sm2, KeyKind::Sm2).await?;
    verdicts::tongsuo(&exhibits, id)?;
    match id {
        Sm2::Standard => verdicts::openssl_on_the_leaf_alone(&exhibits)?,
        Sm2::Empty => verdicts::openssl_on_chain_and_lists(&office, &exhibits)?,
    }
    verdicts::gnutls_reads(&exhibits)?;
    verdicts::pkilint(&exhibits)?;
    verdicts::cryptography(&exhibits, false)?;
    encoders::x509_cert_writes_the_same(&exhibits)?;
    encoders::numbers_and_days(&exhibits)?;
    ca.terminate()?;
    office.house.ca(&["audit", "verify"])?;
    office.house.ca(&["check"])?;
    Ok(())
}
