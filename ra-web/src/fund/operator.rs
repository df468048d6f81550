//! What the operator's commands do, and what they print: statements, their lines, a city's data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use ca_core::clock::Clock;
use unicode_normalization::UnicodeNormalization as _;

use super::app;
use super::bank::desk::Received;
use super::bank::{BankLine, LineState};
use super::config::Config;
use super::hall::Hall;
use super::import::{ImportError, Source, import};
use super::withdrawal::again::{Heard, TypedCard};
use super::withdrawal::bank::answers;
use super::withdrawal::counter::lay_payments;
use super::withdrawal::payments::PaymentAgain;
use crate::Chance;
use crate::retry::settled;
use crate::statement::{FileFault, MAX_FILE_BYTES};

/// Lines of a statement that are printed.
const MOST_LINES: i64 = 5_000;

/// The operator at the fund's own database.
pub struct Operator {
    config: Config,
    hall: Hall,
    clock: Arc<dyn Clock>,
}

impl Operator {
    /// With the portal's configuration.
    ///
    /// # Errors
    /// Names what of it cannot be used.
    pub async fn of(config: Config, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Self> {
        let hall = app::hall(&config, clock.clone(), chance).await?;
        Ok(Self { config, hall, clock })
    }

    /// Takes statements in, one after another; says what became of each line that is new.
    ///
    /// # Errors
    /// At the first file that is not taken; those before it were.
    pub async fn statements(&self, files: &[PathBuf]) -> anyhow::Result<String> {
        anyhow::ensure!(!self.config.trustee.is_empty(), "there is no [[trustee]] in the configuration");
        let mut said = String::new();
        for file in files {
            let bytes = read(file, MAX_FILE_BYTES)?;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let now = self.clock.now();
            match self.hall.take_statement(&self.config.trustee, &name, &bytes, "operator", now).await? {
                Err(fault) => anyhow::bail!("{said}{}: nothing of it was taken: {}", file.display(), told(&fault)),
                Ok(Received::Before(taken)) => {
                    said += &format!("{name}: taken in before, at {}; nothing was done\n", taken.at.beijing_text());
                }
                Ok(Received::New(taken)) => {
                    said += &format!("{name}: {} new lines, {} known before\n", taken.lines, taken.known);
                    let mut tx = self.hall.store.begin_read().await?;
                    let lines = tx.lines_of(&taken.number, "", MOST_LINES).await?;
                    tx.commit().await?;
                    said += &listed(&lines);
                }
            }
        }
        Ok(said)
    }

    /// The lines that wait for a clerk.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn lines(&self) -> anyhow::Result<String> {
        self.hall.judge_lines(self.clock.now()).await?;
        let waiting = self.hall.waiting_lines().await?;
        if waiting.is_empty() {
            return Ok("no line waits\n".to_owned());
        }
        let one = |(line, asked_by): &(BankLine, Option<String>)| {
            let asked = asked_by.as_ref().map(|by| format!("    {by} asks that it be sent back\n")).unwrap_or_default();
            listed(std::slice::from_ref(line)) + &asked
        };
        Ok(waiting.iter().map(one).collect())
    }

    /// A clerk says whose a line is.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn assign(&self, line: &str, account: &str, clerk: &str) -> anyhow::Result<String> {
        let account = account.parse().map_err(|what: String| anyhow::anyhow!(what))?;
        let line = self.hall.assign_line(line, &account, clerk, self.clock.now()).await?;
        Ok(listed(&[line]))
    }

    /// A clerk asks that a line be sent back, or not after all.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn send_back(&self, line: &str, drop: bool, clerk: &str) -> anyhow::Result<String> {
        let line = self.hall.ask_return(line, drop, clerk, self.clock.now()).await?;
        let what = if drop { "stays" } else { "is to be sent back: another clerk does it and notes the bank's number" };
        Ok(format!("{}{} {what}\n", listed(std::slice::from_ref(&line)), line.number))
    }

    /// Another clerk says that a line was sent back.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn sent_back(&self, line: &str, reference: &str, clerk: &str) -> anyhow::Result<String> {
        let line = self.hall.line_sent_back(line, reference, clerk, self.clock.now()).await?;
        Ok(listed(&[line]))
    }

    /// Takes in what the bank says of payment orders (pain.002).
    ///
    /// # Errors
    /// When the file is none, or storage fails.
    pub async fn bank_answers(&self, file: &Path) -> anyhow::Result<String> {
        let bytes = read(file, super::withdrawal::bank::MAX_ANSWERS)?;
        let mut said = String::new();
        for answer in answers(&bytes).map_err(|what| anyhow::anyhow!(what))? {
            let heard = self.hall.bank_says(&answer, self.clock.now()).await?;
            let what = match heard {
                Heard::Paid => "paid",
                Heard::Refused => "NOT PAID: the money is the person's; `fund pay-again` orders it to another account",
                Heard::PaidAfterRefusal => "PAID, but it was refused before: stop what was ordered in its place",
                Heard::Nothing if answer.is_refused() => {
                    "not paid, and no order waits for it; if a payment came back, note it with `fund payment-refused`"
                }
                Heard::Nothing => "no withdrawal waits for it",
            };
            said += &format!("{} {}: {what}\n", answer.serial, answer.status);
        }
        Ok(said)
    }

    /// Payments that the bank did not make and nobody ordered again.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn payments(&self) -> anyhow::Result<String> {
        let refused = self.hall.refused_payments().await?;
        if refused.is_empty() {
            return Ok("no payment was refused\n".to_owned());
        }
        let mut said = String::new();
        for (refusal, again) in refused {
            said += &format!("{}  {}  {}\n", refusal.payment, refusal.at.beijing_text(), refusal.said);
            said += &again.map(|again| format!("    {}\n", proposed(&again))).unwrap_or_default();
        }
        Ok(said)
    }

    /// A clerk says that a payment was not made, or came back.
    ///
    /// # Errors
    /// Says why it is not noted.
    pub async fn payment_refused(&self, payment: &str, said: &str, clerk: &str) -> anyhow::Result<String> {
        self.hall.payment_refused(payment, said, clerk, self.clock.now()).await?;
        Ok(format!("{payment}: the order is closed, the money is the person's\n"))
    }

    /// A clerk gives the account to which it is to be ordered again; `card_file` has its number.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn pay_again(
        &self,
        payment: &str,
        bank: &str,
        bank_code: &str,
        card_file: &Path,
        clerk: &str,
    ) -> anyhow::Result<String> {
        let card = zeroize::Zeroizing::new(read(card_file, 64)?);
        let card = std::str::from_utf8(&card).context("the file with the account is no text")?.trim();
        let typed = TypedCard { bank, bank_code, card };
        let again = self.hall.pay_again(payment, &typed, clerk, self.clock.now()).await?;
        Ok(format!("{}\nnothing is ordered before another clerk confirms it\n", proposed(&again)))
    }

    /// Another clerk confirms it, and the bank is told.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn confirm_payment(&self, payment: &str, card_ends: &str, clerk: &str) -> anyhow::Result<String> {
        let bank = app::bank(&self.config)?.context("there is no [bank] in the configuration")?;
        let now = self.clock.now();
        let again = self.hall.confirm_payment(&bank, payment, card_ends, clerk, now).await?;
        // Ordered it is; the portal lays it into the folder with the next one if it cannot be laid there now.
        lay_payments(&self.hall, &bank, now).await.context("ordered, but it does not lie in the bank's folder yet")?;
        Ok(format!("{}: ordered, to {} {}\n", again.serial, again.card.bank, again.card.masked))
    }

    /// Money that arrived for a unit, by hand. A later statement with the same number of the bank's does not count it again.
    ///
    /// # Errors
    /// Says why it is not done.
    pub async fn receive(&self, account: &str, amount: &str, reference: &str) -> anyhow::Result<String> {
        let account = account.parse().map_err(|what: String| anyhow::anyhow!(what))?;
        let amount = super::amounts::Fen::typed(amount).context("--amount is no amount")?;
        let reference = crate::statement::plain(reference);
        anyhow::ensure!(!reference.is_empty(), "--reference is no number of a bank's");
        Ok(match self.hall.receive(&account, amount, &reference, self.clock.now()).await? {
            true => format!("{amount} received for {account}\n"),
            false => format!("{reference} was taken in before; nothing was done\n"),
        })
    }

    /// Evidence that has no time stamp: first what was given up, then what waits. `again` lets what was given up be tried for
    /// another week.
    ///
    /// # Errors
    /// When storage fails.
    pub async fn stamps(&self, again: bool) -> anyhow::Result<String> {
        let store = &self.hall.store;
        let mut said = String::new();
        if again {
            let now = self.clock.now();
            let revived = settled(|| async {
                let mut tx = store.begin().await?;
                let revived = tx.revive_stamps(now).await?;
                tx.commit().await?;
                Ok(revived)
            });
            said += &format!("{} are tried again\n", revived.await?);
        }
        let mut tx = store.begin_read().await?;
        let (waiting, given_up) = tx.count_stamps().await?;
        let lists = [tx.given_up_stamps(MOST_LINES).await?, tx.waiting_stamps(MOST_LINES).await?];
        tx.commit().await?;
        said += &format!("{waiting} wait for a time stamp, {given_up} were given up\n");
        if self.config.timestamp.is_none() && waiting > 0 {
            said += "there is no [timestamp] in the configuration: nobody is asked\n";
        }
        for (word, list) in ["given up", "waits"].into_iter().zip(lists) {
            for one in list {
                let (asked, tries, refused) = (one.asked.beijing_text(), one.tries, one.refused);
                said += &format!(
                    "{}  {word}  since {asked}, {tries} tries, {refused} refused  {}\n",
                    one.serial,
                    clean(&one.fault)
                );
            }
        }
        Ok(said)
    }

    /// Brings a city's files in, or only looks at them.
    ///
    /// # Errors
    /// Names every faulty row of every file; then nothing was brought in.
    pub async fn import(&self, files: &[PathBuf], look_only: bool) -> anyhow::Result<String> {
        let source = |file: &PathBuf| -> anyhow::Result<Source> {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Source { name, bytes: read(file, crate::batches::table::MAX_FILE_BYTES)? })
        };
        let sources: Vec<Source> = files.iter().map(source).collect::<anyhow::Result<_>>()?;
        let (hall, now) = (&self.hall, self.clock.now());
        match import(&hall.store, &sources, look_only, &hall.key, &hall.chance, now).await {
            Ok(report) => {
                let what = if look_only { "would be brought in" } else { "brought in" };
                Ok(format!("{what}: {}\nthere before: {}\n", report.new, report.known))
            }
            Err(ImportError::Faults(faults)) => {
                let named: Vec<String> = faults.iter().map(ToString::to_string).collect();
                anyhow::bail!("nothing was brought in; {} faults:\n{}", faults.len(), named.join("\n"))
            }
            Err(ImportError::Other(error)) => Err(error.context("nothing was brought in")),
        }
    }
}

fn read(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    let size = std::fs::metadata(file).with_context(|| format!("reading {}", file.display()))?.len();
    anyhow::ensure!(size <= most as u64, "{} has over {most} bytes", file.display());
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

/// What is to be ordered in place of a refused payment.
fn proposed(again: &PaymentAgain) -> String {
    let PaymentAgain { serial, card, asked_by, .. } = again;
    format!("{serial} to {} {}, asked for by {asked_by}", card.bank, card.masked)
}

/// Words of others, for a terminal.
fn clean(text: &str) -> String {
    text.nfc().filter(|c| !c.is_control()).collect()
}

/// A fault of a file, with its rows.
fn told(fault: &FileFault) -> String {
    let FileFault::Rows { rows, .. } = fault else { return fault.to_string() };
    let row = |row: &crate::statement::FaultyRow| format!("\n  row {}: {} ({})", row.row, row.fault.word(), row.typed);
    format!("{fault}{}", rows.iter().map(row).collect::<String>())
}

/// Lines, one a line: number, day, amount, payer, memo, and where it stands.
fn listed(lines: &[BankLine]) -> String {
    let line = |line: &BankLine| {
        let stands = match &line.state {
            LineState::Proposed { reason, unit } => format!("whose? {} perhaps ({})", unit, reason.word()),
            LineState::Open(reason) => format!("whose? ({})", reason.word()),
            LineState::Credited { unit, operation: Some(serial) } => format!("{unit}, booked {serial}"),
            LineState::Credited { unit, operation: None } => format!("{unit}, in suspense"),
            LineState::Returned { reference } => format!("sent back, {reference}"),
            state => state.word().to_owned(),
        };
        format!(
            "{}  {}  {:>14}  {}  {}  {stands}\n",
            line.number,
            line.day,
            line.amount.to_string(),
            clean(&line.payer),
            clean(&line.memo)
        )
    };
    lines.iter().map(line).collect()
}
