//! SoftHSM2 with a token store of its own for each test.
//!
//! SoftHSM2 reads SOFTHSM2_CONF when it is loaded, and a safe program can't set its own environment: so the
//! test starts itself again, alone, with the variable set.

use std::fs;
use std::path::Path;
use std::process::Command;

use token_provisioner::driver::pkcs11::Pkcs11;

/// Where Debian puts the module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Runs `body` in a process of its own, with an empty token store in a folder that is handed to it.
pub(crate) fn alone(test: &str, body: impl FnOnce(&Path)) {
    const FOLDER: &str = "YINXIN_TEST_SOFTHSM_FOLDER";
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = configure(folder.path());
    let program = std::env::current_exe().expect("a test program knows itself");
    let status = Command::new(program)
        .args(["--exact", test, "--nocapture"])
        .env(FOLDER, folder.path())
        .env("SOFTHSM2_CONF", configuration)
        .status()
        .expect("the test program starts");
    assert!(status.success(), "{test} failed in its own process");
}

/// Writes the configuration of a token store in `folder` and returns its path.
pub(crate) fn configure(folder: &Path) -> std::path::PathBuf {
    let tokens = folder.join("softhsm");
    fs::create_dir_all(&tokens).expect("a folder");
    let configuration = folder.join("softhsm2.conf");
    let text = format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
    fs::write(&configuration, text).expect("a file");
    configuration
}

/// The module, loaded.
pub(crate) fn module() -> Pkcs11 {
    Pkcs11::load(Path::new(MODULE)).expect("SoftHSM2 is installed")
}
