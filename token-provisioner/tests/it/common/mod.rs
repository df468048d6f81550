//! What the tests of this crate share: tokens to play with, and an authority to issue for them.

pub(crate) mod authority;
pub(crate) mod house;
pub(crate) mod ra;
pub(crate) mod softhsm;

use std::path::Path;
use std::process::{Command, Output};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use token_provisioner::driver::soft::Soft;
use token_provisioner::driver::{InitTarget, Pin, TokenDriver, TokenInfo};

/// The SO PIN of all test tokens.
pub(crate) const SO_PIN: &str = "87654321";
/// The user PIN of test tokens that are not fresh.
pub(crate) const PIN: &str = "246813";

/// Soft tokens in a folder, with seeded chance.
pub(crate) fn soft(folder: &Path, seed: u64) -> Soft {
    Soft::new(folder, Box::new(ChaCha20Rng::seed_from_u64(seed)))
}

/// A blank token of this driver, initialised.
pub(crate) fn initialised(driver: &dyn TokenDriver, label: &str, pin: &str) -> TokenInfo {
    driver.init(&InitTarget::Blank, &label.parse().unwrap(), &Pin::typed(SO_PIN), &Pin::typed(pin)).unwrap()
}

/// Runs a program that must succeed.
pub(crate) fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
