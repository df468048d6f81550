//! The soft token: a sealed file that behaves like a USB token, for demonstrations and tests.
//!
//! A folder stands for the computer's sockets, a file for a token: move the file away and the token is
//! unplugged. A random master key seals the private keys; the user PIN and the SO PIN each wrap the master
//! key. The tries count down on disk *before* a PIN is tried, so that killing the program gives no free try.
//!
//! What it is not: whoever can copy the file can guess the PIN elsewhere, without count. It protects nothing
//! that a real token must protect.

mod file;
mod private;
mod seal;

use std::path::PathBuf;
use std::sync::Mutex;

use ca_core::domain::KeyKind;
use ca_core::envelope::{EncryptionKey, PrivateOperation, software};
use ca_core::service::protocol::Blob;
use openssl::error::ErrorStack;
use rand::CryptoRng;
use zeroize::Zeroizing;

use self::file::{Allowed, CertificateRecord, Folder, Guard, KeyRecord, TokenFile};
use self::seal::MasterKey;
use super::{
    InitTarget, KeyId, KeyUse, MAX_CERTIFICATE_BYTES, Pin, PublicKey, Session, StoredCertificate, TokenDriver,
    TokenError, TokenInfo, TokenKey, TokenLabel, TokenSerial, Tries,
};

/// Wrong PINs that lock a token; six is what the field's tokens have (`domain.md` §1.7).
pub const TRIES: u8 = 6;

/// The most keys, and the most certificates, of one token.
const MAX_OBJECTS: usize = 32;

/// A folder of soft tokens.
pub struct Soft {
    folder: Folder,
    rng: Mutex<Box<dyn CryptoRng + Send>>,
}

impl Soft {
    /// The tokens in this folder, which need not exist yet; `rng` makes serial numbers, salts and nonces.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, rng: Box<dyn CryptoRng + Send>) -> Self {
        Self { folder: Folder::new(folder.into()), rng: Mutex::new(rng) }
    }

    fn with_rng<T>(&self, act: impl FnOnce(&mut dyn CryptoRng) -> T) -> T {
        let mut rng = self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(rng.as_mut())
    }

    /// Tries a PIN on one of the two guards of a token; the token must be locked by the caller.
    fn unlock(&self, token: &mut TokenFile, who: Who, pin: &Pin) -> Result<MasterKey, TokenError> {
        let guard = who.guard(token);
        guard.tries_left = guard.tries_left.checked_sub(1).ok_or(TokenError::PinLocked)?;
        let left = guard.tries_left;
        self.folder.write(token)?;
        let context = who.context(&token.serial);
        match seal::unwrap(&who.guard(token).wrapped, pin, &context)? {
            Some(master) => {
                who.guard(token).tries_left = TRIES;
                self.folder.write(token)?;
                Ok(master)
            }
            None if left == 0 => Err(TokenError::PinLocked),
            None => Err(TokenError::WrongPin { tries: Tries::Left(left) }),
        }
    }
}

#[derive(Clone, Copy)]
enum Who {
    User,
    SecurityOfficer,
}

impl Who {
    fn guard(self, token: &mut TokenFile) -> &mut Guard {
        match self {
            Self::User => &mut token.user,
            Self::SecurityOfficer => &mut token.security_officer,
        }
    }

    fn context(self, serial: &str) -> Vec<u8> {
        match self {
            Self::User => format!("{serial}/user"),
            Self::SecurityOfficer => format!("{serial}/security-officer"),
        }
        .into_bytes()
    }
}

impl TokenDriver for Soft {
    fn name(&self) -> String {
        format!("soft {}", self.folder.path().display())
    }

    fn tokens(&self) -> Result<Vec<TokenInfo>, TokenError> {
        self.folder.all()?.iter().map(info).collect()
    }

    fn certificates(&self, token: &TokenSerial) -> Result<Vec<StoredCertificate>, TokenError> {
        Ok(certificates(&self.folder.read(token)?))
    }

    fn init(
        &self,
        target: &InitTarget,
        label: &TokenLabel,
        so_pin: &Pin,
        user_pin: &Pin,
    ) -> Result<TokenInfo, TokenError> {
        let _lock = self.folder.lock()?;
        let serial = match target {
            InitTarget::Blank => self.with_rng(new_serial),
            InitTarget::Erase(serial) => {
                self.unlock(&mut self.folder.read(serial)?, Who::SecurityOfficer, so_pin)?;
                serial.to_string()
            }
        };
        let master = self.with_rng(MasterKey::draw);
        let wrap = |who: Who, pin: &Pin| -> Result<Guard, TokenError> {
            let wrapped = self.with_rng(|rng| seal::wrap(&master, pin, &who.context(&serial), rng))?;
            Ok(Guard { tries_left: TRIES, wrapped })
        };
        let token = TokenFile {
            format: file::FORMAT,
            serial: serial.clone(),
            label: label.as_str().to_owned(),
            user: wrap(Who::User, user_pin)?,
            security_officer: wrap(Who::SecurityOfficer, so_pin)?,
            keys: Vec::new(),
            certificates: Vec::new(),
        };
        self.folder.write(&token)?;
        info(&token)
    }

    fn open<'a>(&'a self, token: &TokenSerial, pin: &Pin) -> Result<Box<dyn Session + 'a>, TokenError> {
        let _lock = self.folder.lock()?;
        let master = self.unlock(&mut self.folder.read(token)?, Who::User, pin)?;
        Ok(Box::new(SoftSession { driver: self, serial: token.clone(), master }))
    }

    fn change_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _lock = self.folder.lock()?;
        let mut file = self.folder.read(token)?;
        let master = self.unlock(&mut file, Who::User, old)?;
        let context = Who::User.context(&file.serial);
        file.user.wrapped = self.with_rng(|rng| seal::wrap(&master, new, &context, rng))?;
        self.folder.write(&file)
    }

    fn change_admin_pin(&self, token: &TokenSerial, old: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _lock = self.folder.lock()?;
        let mut file = self.folder.read(token)?;
        let master = self.unlock(&mut file, Who::SecurityOfficer, old).map_err(TokenError::of_admin)?;
        let context = Who::SecurityOfficer.context(&file.serial);
        file.security_officer.wrapped = self.with_rng(|rng| seal::wrap(&master, new, &context, rng))?;
        self.folder.write(&file)
    }

    fn unblock(&self, token: &TokenSerial, admin: &Pin, new: &Pin) -> Result<(), TokenError> {
        let _lock = self.folder.lock()?;
        let mut file = self.folder.read(token)?;
        let master = self.unlock(&mut file, Who::SecurityOfficer, admin).map_err(TokenError::of_admin)?;
        let context = Who::User.context(&file.serial);
        let wrapped = self.with_rng(|rng| seal::wrap(&master, new, &context, rng))?;
        file.user = Guard { tries_left: TRIES, wrapped };
        self.folder.write(&file)
    }
}

struct SoftSession<'a> {
    driver: &'a Soft,
    serial: TokenSerial,
    master: MasterKey,
}

impl SoftSession<'_> {
    fn key_context(&self, id: &str) -> Vec<u8> {
        format!("{}/key/{id}", self.serial).into_bytes()
    }

    /// A key that may do this: its public half, and its PKCS#8.
    fn private(
        &self,
        key: &KeyId,
        may: impl FnOnce(Allowed) -> bool,
    ) -> Result<(PublicKey, Zeroizing<Vec<u8>>), TokenError> {
        let file = self.driver.folder.read(&self.serial)?;
        let id = key.to_string();
        let record = file.keys.iter().find(|record| record.id == id).ok_or_else(|| TokenError::NoKey(key.clone()))?;
        if !may(record.allowed) {
            return Err(TokenError::Broken(format!("key {id} may not do this")));
        }
        let public = PublicKey::from_spki(&record.spki.0).map_err(|e| TokenError::Broken(e.to_string()))?;
        let opened = self.master.open(&record.sealed, &self.key_context(&id));
        let pkcs8 = opened.ok_or_else(|| TokenError::Broken(format!("key {id} was changed on disk")))?;
        Ok((public, pkcs8))
    }

    /// Seals a private key into the file; one with this id that is there stays as it is.
    fn keep(&mut self, label: &str, spki: &[u8], pkcs8: &[u8], allowed: Allowed) -> Result<TokenKey, TokenError> {
        let public = PublicKey::from_spki(spki).map_err(|e| TokenError::Broken(e.to_string()))?;
        let id = public.id().to_string();
        let context = self.key_context(&id);
        let sealed = self.driver.with_rng(|rng| self.master.seal(pkcs8, &context, rng))?;

        let _lock = self.driver.folder.lock()?;
        let mut file = self.driver.folder.read(&self.serial)?;
        let there = file.keys.iter().find(|record| record.id == id).map(|record| record.label.clone());
        let label = match there {
            Some(label) => label,
            None if file.keys.len() >= MAX_OBJECTS => return Err(TokenError::Full),
            None => {
                let label = label.to_owned();
                file.keys.push(KeyRecord { id, label: label.clone(), spki: Blob(spki.to_vec()), allowed, sealed });
                self.driver.folder.write(&file)?;
                label
            }
        };
        Ok(TokenKey { id: public.id(), label, public })
    }
}

impl Session for SoftSession<'_> {
    fn keys(&mut self) -> Result<Vec<TokenKey>, TokenError> {
        let file = self.driver.folder.read(&self.serial)?;
        file.keys
            .iter()
            .map(|record| {
                let public = PublicKey::from_spki(&record.spki.0).map_err(|e| TokenError::Broken(e.to_string()))?;
                Ok(TokenKey { id: key_id(&record.id)?, label: record.label.clone(), public })
            })
            .collect()
    }

    fn generate(&mut self, algorithm: KeyKind, label: &str, allowed: KeyUse) -> Result<TokenKey, TokenError> {
        let private = private::generate(algorithm).map_err(broken)?;
        let spki = private.public_key_to_der().map_err(broken)?;
        let pkcs8 = Zeroizing::new(private.private_key_to_pkcs8().map_err(broken)?);
        self.keep(label, &spki, &pkcs8, allowed.into())
    }

    fn sign(&mut self, key: &KeyId, message: &[u8]) -> Result<Vec<u8>, TokenError> {
        let (public, pkcs8) = self.private(key, Allowed::signs)?;
        private::sign(&pkcs8, &public, message).map_err(broken)
    }

    fn perform(&mut self, key: &KeyId, operation: PrivateOperation<'_>) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let (_, pkcs8) = self.private(key, Allowed::opens)?;
        software::perform(&pkcs8, operation).map_err(|e| TokenError::Broken(e.to_string()))
    }

    fn import(&mut self, key: &EncryptionKey, label: &str) -> Result<TokenKey, TokenError> {
        self.keep(label, key.spki_der(), key.pkcs8_der(), Allowed::Decrypt)
    }

    fn remove(&mut self, key: &KeyId) -> Result<(), TokenError> {
        let _lock = self.driver.folder.lock()?;
        let mut file = self.driver.folder.read(&self.serial)?;
        let id = key.to_string();
        file.keys.retain(|record| record.id != id);
        file.certificates.retain(|record| record.id != id);
        self.driver.folder.write(&file)
    }

    fn certificates(&mut self) -> Result<Vec<StoredCertificate>, TokenError> {
        Ok(certificates(&self.driver.folder.read(&self.serial)?))
    }

    fn store(&mut self, certificate: &StoredCertificate) -> Result<(), TokenError> {
        let _lock = self.driver.folder.lock()?;
        let mut file = self.driver.folder.read(&self.serial)?;
        if certificates(&file).iter().any(|c| c.id == certificate.id && c.der == certificate.der) {
            return Ok(());
        }
        if file.certificates.len() >= MAX_OBJECTS || certificate.der.len() > MAX_CERTIFICATE_BYTES {
            return Err(TokenError::Full);
        }
        file.certificates.push(CertificateRecord {
            id: certificate.id.to_string(),
            label: certificate.label.clone(),
            der: Blob(certificate.der.clone()),
        });
        self.driver.folder.write(&file)
    }
}

fn info(file: &TokenFile) -> Result<TokenInfo, TokenError> {
    Ok(TokenInfo {
        serial: file.serial.parse().map_err(TokenError::Broken)?,
        label: file.label.clone(),
        model: "Yinxin soft token".into(),
        ready: true,
        tries: if file.user.tries_left == 0 { Tries::Locked } else { Tries::Left(file.user.tries_left) },
    })
}

fn certificates(file: &TokenFile) -> Vec<StoredCertificate> {
    let stored = |record: &CertificateRecord| {
        let id = key_id(&record.id).ok()?;
        Some(StoredCertificate { id, label: record.label.clone(), der: record.der.0.clone() })
    };
    file.certificates.iter().filter_map(stored).collect()
}

fn key_id(hex_digits: &str) -> Result<KeyId, TokenError> {
    hex::decode(hex_digits).map(KeyId).map_err(|e| TokenError::Broken(format!("bad key id in the file: {e}")))
}

/// 16 characters, as many as CK_TOKEN_INFO.serialNumber holds.
fn new_serial(rng: &mut dyn CryptoRng) -> String {
    let mut random = [0; 7];
    rng.fill_bytes(&mut random);
    format!("YX{}", hex::encode_upper(random))
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn broken(error: ErrorStack) -> TokenError {
    TokenError::Broken(error.to_string())
}
