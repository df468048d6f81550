//! An office and units without browsers: officers take in, approve, take money and give it back, units renew online, each over
//! the sites' own addresses and with keys in memory. Every act can be repeated, as people repeat it when a page did not come.

use anyhow::{Context as _, ensure};
use ca_core::domain::{Install, IssuerId, KeyBinding, KeyKind, Order, Serial, Sha256, Uscc, decode, encode};
use ca_core::service::protocol::Blob;
use serde_json::{Value, json};

use crate::ceremony::Ceremony;
use crate::counter::{CLERK, FINANCE, REVIEWER};
use crate::house::{Engine, House, OFFICERS};
use crate::judges::root;
use crate::people::Person;
use crate::visitor::{Answer, Visitor};

/// The running office, whose officers sign with keys in memory.
pub struct Counter {
    /// Folder, configuration, programs.
    pub house: House,
    officers: Vec<Person>,
    desks: Vec<Visitor>,
}

/// A unit with its certificate.
pub struct Member {
    /// Its name.
    pub name: String,
    person: Person,
    /// The key that is being made on the token: the same one, however often that breaks off.
    making: Option<Person>,
    token: String,
    site: Visitor,
}

/// Where a unit's renewal stands, as its page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// To be begun.
    Form,
    /// To be signed.
    Sign,
    /// To be paid.
    Pay,
    /// To be put on the token.
    Install,
    /// The new certificate is there, and no invoice yet.
    Installed,
    /// The invoice can be fetched.
    Invoiced,
}

impl Counter {
    /// Holds the ceremony and changes the office's configuration by `amend`; nothing runs yet.
    ///
    /// # Errors
    /// When the ceremony fails.
    pub fn found(amend: impl Fn(String) -> String) -> anyhow::Result<Self> {
        let mut officers =
            OFFICERS.iter().map(|name| Person::new(name, KeyKind::P256)).collect::<anyhow::Result<Vec<_>>>()?;
        let requests = officers.iter().map(Person::request_pem).collect::<anyhow::Result<Vec<_>>>()?;
        let house = House::found(Engine::Sqlite, &Ceremony::shipped()?, &requests)?;
        for (officer, id) in officers.iter_mut().zip(OFFICERS) {
            officer.certificate = house.certificate(id)?;
        }
        let file = house.path("ra.toml");
        // Nobody's assistant watches a token here, and one address asks more than people do.
        let text = std::fs::read_to_string(&file)? + "[limits]\nburst = 100000\npresence_seconds = 0\n";
        std::fs::write(&file, amend(text))?;
        let desks = OFFICERS.iter().map(|_| Visitor::new(house.ports.staff)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(Self { house, officers, desks })
    }

    /// An officer's desk, signed in when they are not.
    async fn desk(&self, who: usize) -> anyhow::Result<&Visitor> {
        let desk = &self.desks[who];
        if desk.get("/").await?.to.starts_with("/login") {
            desk.sign_in(&self.officers[who]).await?;
        }
        Ok(desk)
    }

    /// An officer's form; an answer that is not the way on is a fault.
    async fn act(&self, who: usize, path: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Answer> {
        let answer = self.desk(who).await?.post(path, pairs).await?;
        ensure!(answer.status == 303 && answer.to.contains("done="), "{path}: {} {}", answer.status, answer.text());
        Ok(answer)
    }

    /// The n-th unit, with a certificate of a year that the office made for it.
    ///
    /// # Errors
    /// When the office does not.
    pub async fn enrol(&self, n: usize, mail: bool) -> anyhow::Result<Member> {
        let (name, uscc) = (format!("示范市第{n}建筑工程有限公司"), code(n)?);
        let address = format!("unit{n}@unit.example");
        let clerk = self.desk(CLERK).await?;
        let scan = |file: &str| std::fs::read(root().join("scripts/demo/application").join(file));
        let pairs = [
            ("unit_name", name.as_str()),
            ("uscc", &uscc),
            ("unit_kind", "enterprise"),
            ("address", "示范市东湖区建设大街18号"),
            ("legal_person", "周建国"),
            ("handler_name", "周晓燕"),
            ("handler_id", "11010519491231002X"),
            ("handler_mobile", "13800000001"),
            ("handler_email", if mail { &address } else { "" }),
            ("years", "1"),
            ("key", "P-256"),
            ("action", "check"),
        ];
        let files = [("licence", scan("licence.png")?), ("id_card", scan("id-card.png")?), ("seal", scan("seal.png")?)];
        let taken = clerk.upload("/applications/new", &pairs, &files).await?;
        let case = taken.to.strip_suffix("/check").with_context(|| taken.text())?.to_owned();
        let check = clerk.get(&taken.to).await?;
        let submitted = clerk.sign(&check, &self.officers[CLERK], &format!("{case}/submit")).await?;
        ensure!(submitted.to.contains("done="), "{}", submitted.text());
        let reviewer = self.desk(REVIEWER).await?;
        let page = reviewer.get(&case).await?;
        let approved = reviewer.sign(&page, &self.officers[REVIEWER], &format!("{case}/approve")).await?;
        ensure!(approved.to.contains("done="), "{}", approved.text());
        let bill = clerk.get(&case).await?.link("/money/bills/").context("a bill")?;
        self.act(CLERK, &format!("{bill}/pay"), &[("method", "cash")]).await?;
        let ticket = clerk.post(&format!("{case}/ticket"), &[]).await?;
        let ticket = ticket.field("ticket").with_context(|| ticket.text())?;
        let token = format!("{:016x}", 0xA000_0000_u64 + n as u64);
        let mut making = None;
        make(clerk, &ticket, &self.officers[CLERK], &token, &mut making).await?;
        let person = making.context("a certificate")?;
        Ok(Member { name, person, making: None, token, site: Visitor::new(self.house.ports.public)? })
    }

    /// Finance has the e-invoice of a bill reversed.
    ///
    /// # Errors
    /// When it cannot be, or the office is away.
    pub async fn reverse(&self, bill: &str) -> anyhow::Result<()> {
        self.act(FINANCE, &format!("/money/bills/{bill}/reverse"), &[("reason", "allowance")]).await.map(drop)
    }

    /// The clerk asks for so much of a bill back.
    ///
    /// # Errors
    /// When it cannot go back, or the office is away.
    pub async fn ask_back(&self, bill: &str, yuan: &str) -> anyhow::Result<()> {
        let pairs = [("amount", yuan), ("reason", "单位申请退款")];
        self.act(CLERK, &format!("/money/bills/{bill}/refund"), &pairs).await.map(drop)
    }

    /// Finance agrees to a refund.
    ///
    /// # Errors
    /// When it cannot, or the office is away.
    pub async fn agree(&self, refund: &str) -> anyhow::Result<()> {
        self.act(FINANCE, &format!("/money/refunds/{refund}/approve"), &[]).await.map(drop)
    }

    /// Finance asks for the e-invoice of what is kept of a bill.
    ///
    /// # Errors
    /// When there is nothing to invoice, or the office is away.
    pub async fn invoice(&self, bill: &str) -> anyhow::Result<()> {
        self.act(FINANCE, &format!("/money/bills/{bill}/einvoice"), &[]).await.map(drop)
    }
}

impl Member {
    /// Where the renewal stands; signs in when the site does not know the unit any more.
    ///
    /// # Errors
    /// When the site is away, or shows something else.
    pub async fn stands(&mut self) -> anyhow::Result<(Step, Answer)> {
        let mut page = self.site.get("/renew").await?;
        if page.to.starts_with("/login") {
            self.site.sign_in(&self.person).await?;
            page = self.site.get("/renew").await?;
        }
        let text = page.text();
        let signs = [
            ("action=\"/renew/sign\"", Step::Sign),
            ("action=\"/renew/pay\"", Step::Pay),
            ("action=\"/renew/install\"", Step::Install),
            ("id=\"invoice\"", Step::Invoiced),
            ("id=\"invoice-waits\"", Step::Installed),
            ("href=\"/renew/form\"", Step::Form),
        ];
        let step = signs.into_iter().find(|(sign, _)| text.contains(sign)).map(|(_, step)| step);
        let step = step.with_context(|| format!("{}: no step: {text}", page.status))?;
        if matches!(step, Step::Installed | Step::Invoiced)
            && let Some(made) = self.making.take()
        {
            self.person = made;
        }
        Ok((step, page))
    }

    /// Fills in the form for a year.
    ///
    /// # Errors
    /// When the site does not take it.
    pub async fn fill_in(&self, mail: &str) -> anyhow::Result<()> {
        let pairs =
            [("years", "1"), ("handler_name", "周晓燕"), ("handler_mobile", "13800000001"), ("handler_email", mail)];
        let answer = self.site.post("/renew/form", &pairs).await?;
        ensure!(answer.to == "/renew", "the form: {}: {}", answer.status, answer.text());
        Ok(())
    }

    /// Signs the order on the page.
    ///
    /// # Errors
    /// When the site does not take it.
    pub async fn sign(&self, page: &Answer) -> anyhow::Result<()> {
        let answer = self.site.sign(page, &self.person, "/renew/sign").await?;
        ensure!(answer.to == "/renew", "the signature: {}", answer.status);
        Ok(())
    }

    /// The provider's page for paying; `None` when it was paid in the meantime.
    ///
    /// # Errors
    /// When the site leads nowhere.
    pub async fn page_to_pay(&self) -> anyhow::Result<Option<String>> {
        let answer = self.site.post("/renew/pay", &[("way", "alipay")]).await?;
        ensure!(answer.status == 303, "the way to pay: {}", answer.status);
        Ok((answer.to != "/renew").then_some(answer.to))
    }

    /// Pays on the provider's page.
    ///
    /// # Errors
    /// When the page does not take it.
    pub async fn pay_there(&self, page: &str) -> anyhow::Result<()> {
        let answer = self.site.post(page, &[("act", "pay")]).await?;
        ensure!(answer.status == 303, "the provider: {}", answer.status);
        Ok(())
    }

    /// Comes back from the provider's page.
    ///
    /// # Errors
    /// When the site is away.
    pub async fn come_back(&self) -> anyhow::Result<()> {
        self.site.get("/renew/back").await.map(drop)
    }

    /// The next renewal is of the certificate that it has now, after another sign-in.
    ///
    /// # Errors
    /// When there is no client.
    pub fn begin_anew(&mut self, port: u16) -> anyhow::Result<()> {
        (self.site, self.making) = (Visitor::new(port)?, None);
        Ok(())
    }

    /// Puts the new certificate on the token; when its page says that it is there, it is the unit's.
    ///
    /// # Errors
    /// When the site is away or refuses.
    pub async fn install(&mut self) -> anyhow::Result<()> {
        let page = self.site.post("/renew/install", &[]).await?;
        let ticket = page.field("ticket").with_context(|| format!("{}: no ticket", page.status))?;
        make(&self.site, &ticket, &self.person, &self.token, &mut self.making).await
    }

    /// Fetches the invoice that its page offers.
    ///
    /// # Errors
    /// When it is no PDF.
    pub async fn fetch_invoice(&self, page: &Answer) -> anyhow::Result<()> {
        let href = page.link("/bills/").filter(|href| href.ends_with("/invoice.pdf")).context("an invoice")?;
        let invoice = self.site.get(&href).await?;
        ensure!(invoice.bytes.starts_with(b"%PDF"), "{href}: {}", invoice.status);
        Ok(())
    }
}

/// What the assistant does with a ticket: a new key, or the one that is there; its binding by who must, the certificate, and its
/// confirmation.
async fn make(
    site: &Visitor,
    ticket: &str,
    by: &Person,
    token: &str,
    making: &mut Option<Person>,
) -> anyhow::Result<()> {
    let base64 = |value: &Value| -> anyhow::Result<Vec<u8>> {
        Ok(serde_json::from_value::<Blob>(value.clone()).context("base64")?.0)
    };
    let opened = site.call("/api/v1/provisioning/open", &json!({ "ticket": ticket })).await?;
    let bytes = base64(&opened["order"])?;
    let order: Order = decode(&bytes)?;
    let person = match making {
        Some(person) => person,
        None => making.insert(Person::new("单位", KeyKind::P256)?),
    };
    let binding = KeyBinding {
        order: order.id,
        order_sha256: Sha256(openssl::sha::sha256(&bytes)),
        spki_sha256: Sha256(openssl::sha::sha256(&person.spki()?)),
        token: token.to_owned(),
    };
    let request = json!({ "ticket": ticket, "csr": Blob(person.request()?), "binding": by.sign(&encode(&binding))? });
    let redeemed = site.call("/api/v1/provisioning/redeem", &request).await?;
    person.certificate = base64(&redeemed["certificate"])?;
    let name = |field: &str| redeemed[field].as_str().context("a name");
    let install = Install {
        order: order.id,
        issuer: IssuerId::new(name("issuer")?).context("an issuer")?,
        serial: name("serial")?.parse::<Serial>().context("a serial number")?,
        certificate_sha256: Sha256(openssl::sha::sha256(&person.certificate)),
    };
    let confirm = json!({ "ticket": ticket, "install": person.sign(&encode(&install))? });
    site.call("/api/v1/provisioning/confirm", &confirm).await.map(drop)
}

/// The n-th credit code, with its check character.
fn code(n: usize) -> anyhow::Result<String> {
    let head = format!("91130502{n:09}");
    let codes = "0123456789ABCDEFGHJKLMNPQRTUWXY".chars().map(|last| format!("{head}{last}"));
    codes.into_iter().find(|code| code.parse::<Uscc>().is_ok()).context("a check character")
}
