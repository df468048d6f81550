//! Unblocking: a grant that an officer gives once two have signed, the admin PIN that it opens once, and the token's own
//! word that its holder chose a new PIN.

use std::collections::BTreeMap;

use ca_core::cms;
use ca_core::domain::{Officer, PinChange, Sha256, Timestamp, decode};
use ca_core::sql::DatabaseError;
use rand::RngCore as _;
use zeroize::Zeroizing;

use super::process::MAX_FAILURES;
use super::{GrantState, Kind, Matter, MatterNumber, State, StoredGrant};
use crate::audit::Event;
use crate::enrolment::case::{Forbidden, Step};
use crate::enrolment::desk::{Desk, GrantFault, OfficeError, again};
use crate::enrolment::intake::hash_of;
use crate::matters::store::MatterFilter;
use crate::store::{OrderSubject, Tx};
use crate::tokens::admin_pin::AdminPin;
use crate::tokens::life::may_be_unlocked;
use crate::tokens::{Token, TokenNumber};

/// How long a grant opens, in seconds (`domain.md` §3.8).
pub const GRANT_SECONDS: i64 = 15 * 60;
/// Crockford's base 32: what can be read out over the telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 120 random bits.
const CHARS: usize = 24;

/// What a grant allows.
pub struct Offer {
    /// The number of the matter.
    pub matter: MatterNumber,
    /// Which token.
    pub token: TokenNumber,
    /// SHA-256 of the certificate on it.
    pub certificate_sha256: Sha256,
    /// Whom that names.
    pub holder: String,
    /// Until when.
    pub expires: Timestamp,
}

/// Whether a token can be unblocked: it is with its unit, and the office has its admin PIN.
pub(super) async fn unlockable(tx: &mut Box<dyn Tx>, token: &Token) -> Result<bool, DatabaseError> {
    let steps = tx.steps(&OrderSubject::Token(token.serial.clone())).await?;
    Ok(may_be_unlocked(&token.state) && steps.iter().any(|step| step.act == "token_format"))
}

impl Desk {
    /// Whether the PIN of a token can be unblocked by this office.
    ///
    /// # Errors
    /// Storage.
    pub async fn may_unlock(&self, token: &Token) -> Result<bool, OfficeError> {
        Ok(unlockable(&mut self.store.read().await?, token).await?)
    }

    /// Gives a grant for an unblocking that two officers signed. Earlier grants of the matter end; one that told an admin
    /// PIN without a report of what became of it counts as a failure.
    ///
    /// # Errors
    /// [`OfficeError`].
    pub async fn mint_grant(&self, officer: &Officer, number: &MatterNumber) -> Result<Zeroizing<String>, OfficeError> {
        let now = self.clock.now();
        let mut random = Zeroizing::new([0_u8; CHARS]);
        self.draw().fill_bytes(&mut *random);
        let plain: Zeroizing<String> =
            Zeroizing::new(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect());
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut matter = tx.matter(number).await?.ok_or(OfficeError::NotFound)?;
            matter.mine(officer)?;
            if matter.kind != Kind::Unlock || matter.state != State::Approved {
                return Err(Forbidden::State { state: matter.state.word(), act: "granted" }.into());
            }
            if let Some(unreported) = tx.grant_in(number, GrantState::Released).await? {
                tx.move_grant(unreported.hash, GrantState::Released, GrantState::Failed).await?;
                if self.note_failure(&mut tx, &mut matter, "not reported", now).await? {
                    tx.commit().await?;
                    return Err(Forbidden::State { state: "dropped", act: "granted" }.into());
                }
            }
            tx.drop_grants(number).await?;
            tx.add_grant(&StoredGrant {
                hash: hash_of(plain.as_bytes()),
                matter: number.clone(),
                state: GrantState::Open,
                minted: officer.into(),
                created: now,
                expires: now.plus(GRANT_SECONDS),
            })
            .await?;
            let word = matter.state.word();
            let by = Some(officer.into());
            let step = Step { act: "matter_grant", from: word, to: word, by, reason: None, at: now };
            self.move_matter(&mut tx, &matter, &step).await?;
            Ok(tx.commit().await?)
        })
        .await?;
        let groups: Vec<&str> = (0..CHARS / 4).map(|n| &plain[4 * n..4 * n + 4]).collect();
        Ok(Zeroizing::new(groups.join("-")))
    }

    /// What a grant allows. Repeatable.
    ///
    /// # Errors
    /// [`OfficeError::Grant`], storage.
    pub async fn open_grant(&self, grant: &str) -> Result<Offer, OfficeError> {
        let mut tx = self.store.read().await?;
        let (grant, matter) = self.usable(&mut tx, grant).await?;
        let about = &matter.about;
        let issued = tx.certificate(&about.issuer, &about.serial).await?.ok_or(OfficeError::NotFound)?;
        Ok(Offer {
            token: about.token.clone().ok_or(OfficeError::NotFound)?,
            certificate_sha256: hash_of(&issued.certificate),
            holder: about.unit_name.clone(),
            expires: grant.expires,
            matter: matter.number,
        })
    }

    /// Spends a grant: the admin PIN of its token, told once. That it was told is written down before it is.
    ///
    /// # Errors
    /// [`OfficeError::Grant`], storage; then nothing was told.
    pub async fn release_grant(&self, grant: &str) -> Result<AdminPin, OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let (grant, matter) = self.usable(&mut tx, grant).await?;
            let token = matter.about.token.clone().ok_or(OfficeError::NotFound)?;
            tx.move_grant(grant.hash, GrantState::Open, GrantState::Released).await?;
            let word = matter.state.word();
            let step = Step { act: "matter_release_pin", from: word, to: word, by: None, reason: None, at: now };
            tx.add_step(&OrderSubject::Matter(matter.number.clone()), &step).await?;
            let details = BTreeMap::from([
                ("matter".to_owned(), matter.number.to_string()),
                ("granted_by".to_owned(), grant.minted.id.to_string()),
            ]);
            let actor = format!("grant:{}", matter.number);
            let kind = "unlock.admin_pin_released";
            tx.audit(&Event { at: now, actor, kind, subject: format!("token/{token}"), details }).await?;
            let pin = self.token_master(&mut tx, now).await?.pin_of(&token)?;
            tx.commit().await?;
            tracing::info!(matter = %matter.number, %token, "Admin PIN released");
            Ok(pin)
        })
        .await
    }

    /// What became of an unblocking. Repeatable.
    ///
    /// # Errors
    /// [`OfficeError::Grant`], storage.
    pub async fn report_grant(&self, grant: &str, failed: Option<&str>) -> Result<(), OfficeError> {
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let grant = tx.grant(hash_of(plain_of(grant).as_bytes())).await?.ok_or(GrantFault::Unknown)?;
            match grant.state {
                GrantState::Released => {}
                GrantState::Done | GrantState::Failed => return Ok(()),
                GrantState::Open | GrantState::Dropped => return Err(GrantFault::Used.into()),
            }
            let mut matter = tx.matter(&grant.matter).await?.ok_or(OfficeError::NotFound)?;
            if let Some(why) = failed {
                tx.move_grant(grant.hash, GrantState::Released, GrantState::Failed).await?;
                self.note_failure(&mut tx, &mut matter, why, now).await?;
            } else {
                tx.move_grant(grant.hash, GrantState::Released, GrantState::Done).await?;
                if matter.state == State::Approved {
                    let (matter, step) = matter.carry_out(None, now)?;
                    self.move_matter(&mut tx, &matter, &step).await?;
                    self.token_unlocked(&mut tx, &matter, now).await?;
                }
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    /// A token's signed word that its PIN is the holder's own: kept with the token, and the end of an unblocking.
    ///
    /// # Errors
    /// [`OfficeError::Signature`], or [`OfficeError::NotFound`] for a token or certificate that is not ours.
    pub async fn pin_changed(&self, message: &[u8]) -> Result<(), OfficeError> {
        let signed = cms::verify(message).map_err(crate::enrolment::desk::SignatureFault::from)?;
        let change: PinChange = decode(&signed.content).map_err(|_| crate::enrolment::desk::SignatureFault::Content)?;
        let serial: TokenNumber = change.token.parse().map_err(|()| OfficeError::NotFound)?;
        if hash_of(&signed.certificate) != change.certificate_sha256 {
            return Err(crate::enrolment::desk::SignatureFault::Signer.into());
        }
        let now = self.clock.now();
        again(|| async {
            let mut tx = self.store.begin().await?;
            let mut token = tx.token(&serial).await?.ok_or(OfficeError::NotFound)?;
            let holder = token.state.holder().cloned().ok_or(OfficeError::NotFound)?;
            let issued = tx.certificate(&holder.issuer, &holder.serial).await?.ok_or(OfficeError::NotFound)?;
            // The very certificate that we had issued: whoever signed has its key.
            if issued.certificate != signed.certificate {
                return Err(OfficeError::NotFound);
            }
            // Told again, or an old word played back.
            if token.pin_changed.is_some_and(|before| change.changed <= before) {
                return Ok(());
            }
            token.pin_changed = Some(change.changed.min(now));
            let word = token.state.word();
            let step = Step { act: "token_pin", from: word, to: word, by: None, reason: None, at: now };
            self.move_token(&mut tx, (token, step)).await?;
            for matter in tx.matters(&MatterFilter::Token(serial.clone()), 50).await? {
                let waits = matter.kind == Kind::Unlock && matches!(matter.state, State::Approved | State::Done);
                if waits && change.changed >= matter.created {
                    self.token_unlocked(&mut tx, &matter, now).await?;
                    let (matter, step) = matter.close(None, None, now)?;
                    self.move_matter(&mut tx, &matter, &step).await?;
                }
            }
            Ok(tx.commit().await?)
        })
        .await
    }

    async fn token_unlocked(&self, tx: &mut Box<dyn Tx>, matter: &Matter, now: Timestamp) -> Result<(), OfficeError> {
        if let Some(serial) = &matter.about.token
            && let Some(token) = tx.token(serial).await?
            && let Ok(moved) = token.unlock(None, now)
        {
            self.move_token(tx, moved).await?;
        }
        Ok(())
    }

    /// Counts a failure; the third one ends the matter, and answers so.
    async fn note_failure(
        &self,
        tx: &mut Box<dyn Tx>,
        matter: &mut Matter,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, OfficeError> {
        let why: String = why.chars().filter(|c| !c.is_control()).take(200).collect();
        matter.facts.failures = matter.facts.failures.saturating_add(1);
        if matter.facts.failures < MAX_FAILURES {
            let word = matter.state.word();
            let step = Step { act: "matter_failed", from: word, to: word, by: None, reason: Some(why), at: now };
            self.move_matter(tx, matter, &step).await?;
            matter.version += 1;
            return Ok(false);
        }
        let (dropped, step) = matter.clone().drop_it(None, why, now)?;
        self.move_matter(tx, &dropped, &step).await?;
        Ok(true)
    }

    async fn usable(&self, tx: &mut Box<dyn Tx>, grant: &str) -> Result<(StoredGrant, Matter), OfficeError> {
        let grant = tx.grant(hash_of(plain_of(grant).as_bytes())).await?.ok_or(GrantFault::Unknown)?;
        if grant.state != GrantState::Open {
            return Err(GrantFault::Used.into());
        }
        if self.clock.now() >= grant.expires {
            return Err(GrantFault::Expired.into());
        }
        let matter = tx.matter(&grant.matter).await?.ok_or(OfficeError::NotFound)?;
        if matter.state != State::Approved {
            return Err(GrantFault::Used.into());
        }
        Ok((grant, matter))
    }
}

/// As it was drawn: hyphens are for people.
fn plain_of(grant: &str) -> Zeroizing<String> {
    Zeroizing::new(grant.chars().filter(|c| *c != '-').take(2 * CHARS).collect())
}
