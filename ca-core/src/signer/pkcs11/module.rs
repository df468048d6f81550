//! A module and its tokens: finding them, logging in, and what their errors mean.

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::RawAuthPin;

use super::Location;
use crate::signer::{Passphrase, SignError};

/// Loads the module, or shares it if this program has initialised it before.
pub(super) fn load(location: &Location) -> Result<Pkcs11, SignError> {
    let unusable = |error: Error| SignError::Unusable(format!("{}: {error}", location.module.display()));
    let module = Pkcs11::new(&location.module).map_err(unusable)?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(module),
        Err(error) => Err(unusable(error)),
    }
}

/// Slots are looked up anew each time: their numbers change when tokens are initialised.
pub(super) fn slot(module: &Pkcs11, label: &str) -> Result<Slot, SignError> {
    let slots = module.get_slots_with_token().map_err(explain)?;
    // A token that cannot describe itself (opencryptoki's clock) cannot be ours.
    let called = |slot: &Slot| module.get_token_info(*slot).is_ok_and(|info| info.label().trim_end() == label);
    match slots.into_iter().filter(called).collect::<Vec<_>>()[..] {
        [slot] => Ok(slot),
        [] => Err(SignError::KeyMissing),
        _ => Err(SignError::Unusable(format!("several tokens are called {label}"))),
    }
}

pub(super) fn log_in(session: &Session, pin: &Passphrase) -> Result<(), SignError> {
    match session.login_with_raw(UserType::User, &RawAuthPin::new(Box::new(pin.expose().to_vec()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(error) => Err(explain(error)),
    }
}

/// What an error of the module means for whoever wants a signature.
#[expect(clippy::needless_pass_by_value, reason = "it is the function of map_err")]
pub(super) fn explain(error: Error) -> SignError {
    match &error {
        Error::Pkcs11(
            RvError::DeviceError
            | RvError::DeviceMemory
            | RvError::DeviceRemoved
            | RvError::FunctionFailed
            | RvError::GeneralError
            | RvError::HostMemory
            | RvError::KeyHandleInvalid
            | RvError::ObjectHandleInvalid
            | RvError::OperationActive
            | RvError::SessionClosed
            | RvError::SessionCount
            | RvError::SessionHandleInvalid
            | RvError::TokenNotPresent
            | RvError::UserNotLoggedIn,
            function,
        ) => SignError::Retry(format!("{function:?}: {error}")),
        _ => SignError::Unusable(error.to_string()),
    }
}
