//! `token admin-pins`: tokens get the admin PINs that an office derived for them (`ra-web stock`), in place of their
//! maker's. Run again after an interruption it goes on where it stopped.

use zeroize::Zeroizing;

use super::{AdminPins, CliError, Context, secret};
use crate::driver::{Drivers, Pin, TokenError, TokenSerial};

pub(super) fn admin_pins(context: &Context, asked: &AdminPins) -> Result<(), CliError> {
    let t = context.language;
    let read = std::fs::read_to_string(&asked.list).map(Zeroizing::new);
    let text = read.map_err(|error| CliError::File { path: asked.list.clone(), error })?;
    let present = secret::pin(asked.so_pin_file.as_deref(), &t.say("cli-ask-so-pin"))?;
    let drivers = context.drivers()?;
    for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let entry = line.split_once(' ').and_then(|(serial, pin)| Some((serial.parse().ok()?, Pin::typed(pin.trim()))));
        let (serial, pin): (TokenSerial, Pin) =
            entry.ok_or_else(|| CliError::Said(t.with("cli-list-line", "n", n + 1)))?;
        change(&drivers, &serial, &present, &pin)?;
        println!("{}", t.with("cli-admin-pin-set", "serial", serial.to_string()));
    }
    Ok(())
}

fn change(drivers: &Drivers, token: &TokenSerial, present: &Pin, new: &Pin) -> Result<(), TokenError> {
    match drivers.change_admin_pin(token, present, new) {
        // It may have it already.
        Err(TokenError::AdminPin) => drivers.change_admin_pin(token, new, new),
        outcome => outcome,
    }
}
