//! Provisioning by files: a request out, a certificate in. For the ceremony, where the officers' keys are
//! born in their tokens before there is a server.

use ca_core::domain::KeyKind;

use super::{ProvisionError, key_for, key_of, request_by, self_test, write};
use crate::certificate::Facts;
use crate::driver::{Drivers, KeyUse, Pin, TokenSerial};

/// A request for `common_name` by a key on the token: DER. The same name finds the same key again.
///
/// # Errors
/// [`ProvisionError::Token`].
pub fn request(
    drivers: &Drivers,
    token: &TokenSerial,
    pin: &Pin,
    common_name: &str,
    algorithm: KeyKind,
) -> Result<Vec<u8>, ProvisionError> {
    let mut session = drivers.open(token, pin).map_err(ProvisionError::Token)?;
    let key = key_for(&mut *session, &format!("yinxin {common_name}"), algorithm, KeyUse::Sign)
        .map_err(ProvisionError::Token)?;
    request_by(&mut *session, &key, common_name).map_err(ProvisionError::Token)
}

/// Writes a certificate to the token that has its key, reads it back and tests the key.
///
/// # Errors
/// [`ProvisionError::ForeignKey`] on the wrong token, [`ProvisionError::SelfTest`] on a faulty one,
/// [`ProvisionError::Token`].
pub fn install(drivers: &Drivers, token: &TokenSerial, pin: &Pin, facts: &Facts) -> Result<(), ProvisionError> {
    let mut session = drivers.open(token, pin).map_err(ProvisionError::Token)?;
    let key = key_of(&mut *session, facts)?;
    write(&mut *session, &key, facts)?;
    self_test(&mut *session, &key, facts)
}
