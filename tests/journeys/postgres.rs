//! The same programs over PostgreSQL, as docs/install.md sets them up: the responder's role can only read the
//! status tables, and the authority killed in full work adds up.

use std::time::Duration;

use ca_core::domain::{KeyKind, RevocationReason};
use ca_core::sql::{Database, authority_migrations, testing};
use journeys::house::Engine;
use journeys::judges::{OcspVerdict, openssl_ocsp, text};
use journeys::office::Office;
use journeys::people::Person;
use journeys::programs::eventually;

/// What docs/install.md gives the responder's role, and nothing else.
const ROLE: [&str; 3] = [
    "CREATE ROLE yinxin_ocsp LOGIN",
    "GRANT USAGE ON SCHEMA public TO yinxin_ocsp",
    "GRANT SELECT ON feed, issuer, certificate_status, status_log TO yinxin_ocsp",
];

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_the_responder_only_reads_and_a_killed_authority_adds_up() -> anyhow::Result<()> {
    let fresh = testing::postgres(&authority_migrations()).await;
    let office = Office::found(Engine::Postgres(fresh.url.clone()))?;
    let Database::Postgres(owner) = &fresh.database else { anyhow::bail!("not PostgreSQL") };
    for statement in ROLE {
        sqlx::query(statement).execute(owner).await?;
    }
    let reader = sqlx::PgPool::connect(&office.house.responder_database_url()).await?;
    for forbidden in ["SELECT 1 FROM officer", "UPDATE certificate_status SET status = 0", "DELETE FROM status_log"] {
        assert!(sqlx::query(forbidden).execute(&reader).await.is_err(), "the responder's role may {forbidden}");
    }

    let mut ca = office.house.start_ca().await?;
    let _responder = office.house.start_responder().await?;
    let (chain, issuer) = (office.house.chain()?, office.house.issuer_pem("unit-p256")?);
    let unit = office.issue("unit-p256", KeyKind::P256).await?;
    let certificate = ["-cert", text(&unit.pem)?];
    let ask = || openssl_ocsp(&office.house.ocsp_url(), &chain, &issuer, &certificate, true);
    eventually("it is good", Duration::from_secs(1), async || ask().is_ok_and(|v| v == OcspVerdict::Good)).await?;
    office.revoke(&unit.view.issuer, &unit.view.serial, RevocationReason::KeyCompromise).await?;
    eventually("it is revoked", Duration::from_secs(1), async || ask().is_ok_and(|v| v == OcspVerdict::Revoked))
        .await?;

    for pause in [3, 9, 17, 40] {
        let unit = Person::new("单位", KeyKind::P256)?;
        let submission = office.application("unit-p256", &unit, KeyKind::P256)?;
        let (told, ()) = tokio::join!(office.submit(submission.clone()), async {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            ca.kill();
        });
        ca = office.house.start_ca().await?;
        let again = office.submit(submission).await?;
        if let Ok(told) = told {
            assert_eq!(told.certificate, again.certificate);
        }
    }
    ca.terminate()?;
    office.house.ca(&["audit", "verify"])?;
    office.house.ca(&["check"])?;
    let open: i64 =
        sqlx::query_scalar("SELECT count(*) FROM certificate WHERE certificate IS NULL").fetch_one(owner).await?;
    assert_eq!(open, 0, "serials without a certificate");
    Ok(())
}
