//! A provider of e-invoices over HTTP, in the manner of Nuonuo's open platform (`domain.md` §5): signed requests, accepted first,
//! asked about until the tax platform has numbered the invoice, whose files are then fetched.
//!
//! Every request is found again by our own number of it, so that a lost answer costs nothing: it is asked about first and placed only
//! when nobody knows it. Trusts the provider over TLS with what it says; its files are bounded, come over TLS too, and are what they
//! claim to be. Secrets go in headers only. Never follows a redirect.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ca_core::clock::Clock;
use ca_core::domain::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use rand::RngCore as _;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use zeroize::Zeroizing;

use super::provider::{InvoiceError, InvoiceProvider, Numbered, Progress};
use super::record::{EInvoice, EState};
use crate::Chance;
use crate::outside::{self, AnswerFault};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// An answer has so many bytes at most, a file so many.
const MAX_ANSWER: usize = 512 * 1024;
const MAX_FILE: usize = 10 * 1024 * 1024;
/// Done: asked for, or accepted.
const GOOD: &str = "E0000";
const ISSUE: &str = "nuonuo.OpeMplatform.requestBillingNew";
const QUERY: &str = "nuonuo.OpeMplatform.queryInvoiceResult";
const RETRY: &str = "nuonuo.OpeMplatform.reInvoice";
const CONFIRM: &str = "nuonuo.OpeMplatform.saveInvoiceRedConfirm";
const CONFIRMATION: &str = "nuonuo.OpeMplatform.queryInvoiceRedConfirm";

/// By what the provider is reached. No Debug: it holds secrets.
pub struct Settings {
    /// `https://sdk.nuonuo.com/open/v1/services`.
    pub api: String,
    /// The application's key, which is a name.
    pub app_key: String,
    /// Its secret, with which requests are signed.
    pub app_secret: Zeroizing<String>,
    /// The merchant's access token.
    pub access_token: Zeroizing<String>,
    /// The seller's taxpayer number.
    pub tax_id: String,
}

/// The provider.
pub struct Nuonuo {
    settings: Settings,
    api: Url,
    client: reqwest::Client,
    clock: Arc<dyn Clock>,
    chance: Chance,
}

/// The outside of every answer.
#[derive(Deserialize)]
struct Answer {
    code: String,
    #[serde(default)]
    describe: String,
    #[serde(default)]
    result: Value,
}

/// What is told of an invoice.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    #[serde(default)]
    status: String,
    #[serde(default)]
    status_msg: String,
    #[serde(default)]
    fail_cause: String,
    #[serde(default)]
    serial_no: String,
    #[serde(default)]
    all_electronic_invoice_number: String,
    /// Milliseconds.
    #[serde(default)]
    invoice_time: Option<i64>,
    #[serde(default)]
    pdf_url: String,
    #[serde(default)]
    ofd_url: String,
}

/// What is told of a red-letter confirmation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Confirmation {
    #[serde(default)]
    bill_no: String,
    #[serde(default)]
    bill_uuid: String,
    #[serde(default)]
    bill_status: String,
    #[serde(default)]
    bill_message: String,
}

impl Nuonuo {
    /// A provider that is not spoken to yet.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn new(settings: Settings, clock: Arc<dyn Clock>, chance: Chance) -> anyhow::Result<Self> {
        // The first to come installs it; which of our parts that is does not matter.
        drop(rustls::crypto::ring::default_provider().install_default());
        let api = Url::parse(&settings.api)?;
        anyhow::ensure!(outside::is_private(&api), "invoice.provider.api is https, or on this machine");
        let client =
            reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { settings, api, client, clock, chance })
    }

    /// One call of a method.
    async fn call(&self, method: &str, body: &Value) -> Result<Answer, InvoiceError> {
        let content = body.to_string();
        let (senid, nonce) = self.drawn();
        let timestamp = self.clock.now().unix().to_string();
        let mut url = self.api.clone();
        url.query_pairs_mut()
            .append_pair("senid", &senid)
            .append_pair("nonce", &nonce)
            .append_pair("timestamp", &timestamp)
            .append_pair("appkey", &self.settings.app_key);
        let signature = self
            .signature(&senid, &nonce, &timestamp, &content)
            .map_err(|error| InvoiceError::Unreachable(format!("signing: {error}")))?;
        let response = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .header("X-Nuonuo-Sign", signature)
            .header("accessToken", self.settings.access_token.as_str())
            .header("userTax", &self.settings.tax_id)
            .header("method", method)
            .body(content)
            .send()
            .await
            .map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(InvoiceError::Unreachable(format!("HTTP {}", response.status().as_u16())));
        }
        let bytes = bounded(response, MAX_ANSWER).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| InvoiceError::Unreachable(format!("no answer of its form: {error}")))
    }

    /// A request's id and a number of eight digits.
    fn drawn(&self) -> (String, String) {
        let mut bytes = [0_u8; 20];
        self.chance.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut bytes);
        let number = u32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]);
        (hex::encode(&bytes[..16]), (10_000_000 + number % 90_000_000).to_string())
    }

    /// HMAC-SHA1 under the application's secret over the parts of the address, the drawn numbers and the body, as the platform's own
    /// clients compute it.
    fn signature(
        &self,
        senid: &str,
        nonce: &str,
        timestamp: &str,
        content: &str,
    ) -> Result<String, openssl::error::ErrorStack> {
        let mut path = self.api.path_segments().into_iter().flatten().map(str::to_owned).collect::<Vec<_>>();
        path.resize(3, String::new());
        let text = format!(
            "a={}&l={}&p={}&k={}&i={senid}&n={nonce}&t={timestamp}&f={content}",
            path[2], path[1], path[0], self.settings.app_key
        );
        let key = PKey::hmac(self.settings.app_secret.as_bytes())?;
        let mut signer = Signer::new(MessageDigest::sha1(), &key)?;
        signer.update(text.as_bytes())?;
        Ok(STANDARD.encode(signer.sign_to_vec()?))
    }

    /// What is known of our request.
    async fn query(&self, request: &str) -> Result<Option<Told>, InvoiceError> {
        let answer = self.call(QUERY, &json!({ "orderNos": [request], "isOfferInvoiceDetail": "0" })).await?;
        if answer.code != GOOD {
            return Ok(None);
        }
        let told: Vec<Told> = serde_json::from_value(answer.result)
            .map_err(|error| InvoiceError::Unreachable(format!("no list of invoices: {error}")))?;
        Ok(told.into_iter().next())
    }

    /// How far an invoice is that the provider knows.
    async fn progress(&self, wanted: &EInvoice, told: Told) -> Result<Progress, InvoiceError> {
        match told.status.as_str() {
            // Issued; signing of its files may still go on, then they are not there yet.
            "2" if told.all_electronic_invoice_number.len() == 20 => {
                if told.pdf_url.is_empty() || told.ofd_url.is_empty() {
                    return Ok(Progress::Accepted);
                }
                Ok(Progress::Issued(Numbered {
                    pdf: Some(self.fetch(&told.pdf_url, b"%PDF-").await?),
                    ofd: Some(self.fetch(&told.ofd_url, b"PK\x03\x04").await?),
                    number: told.all_electronic_invoice_number,
                    at: told.invoice_time.map(|ms| Timestamp::from_unix(ms / 1000)),
                }))
            }
            "20" | "21" | "2" => Ok(Progress::Accepted),
            // Refused before, and asked for again by us.
            _ if wanted.state == EState::Requested && !told.serial_no.is_empty() => {
                let body = json!({ "fpqqlsh": told.serial_no, "orderno": wanted.request });
                let answer = self.call(RETRY, &body).await?;
                accepted(&answer)
            }
            _ => {
                let why = if told.fail_cause.is_empty() { told.status_msg } else { told.fail_cause };
                Err(InvoiceError::Refused(short(&why)))
            }
        }
    }

    /// Asks about a request, and places it when it is not known; an answer that says no is asked about once more, for the request
    /// may have been placed by a call whose answer was lost.
    async fn place(&self, wanted: &EInvoice, order: Value) -> Result<Progress, InvoiceError> {
        if let Some(told) = self.query(&wanted.request).await? {
            return self.progress(wanted, told).await;
        }
        if wanted.state == EState::Issuing && wanted.red.is_none() {
            // Accepted, and not to be found yet: never placed twice. Of a red one that was the confirmation.
            return Ok(Progress::Accepted);
        }
        let answer = self.call(ISSUE, &json!({ "order": order })).await?;
        match accepted(&answer) {
            Ok(progress) => Ok(progress),
            Err(refused) => match self.query(&wanted.request).await? {
                Some(told) => self.progress(wanted, told).await,
                None => Err(refused),
            },
        }
    }

    /// An invoice's file, which begins so.
    async fn fetch(&self, address: &str, begins: &[u8]) -> Result<Vec<u8>, InvoiceError> {
        let url =
            Url::parse(address).map_err(|error| InvoiceError::Unreachable(format!("a file's address: {error}")))?;
        if !outside::is_private(&url) || (url.scheme() == "http" && self.api.scheme() != "http") {
            return Err(InvoiceError::Unreachable("a file's address is not https".into()));
        }
        let response = self.client.get(url).send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(InvoiceError::Unreachable(format!("a file: HTTP {}", response.status().as_u16())));
        }
        let bytes = bounded(response, MAX_FILE).await?;
        if bytes.starts_with(begins) {
            Ok(bytes)
        } else {
            Err(InvoiceError::Unreachable("a file is not what it should be".into()))
        }
    }

    fn order(wanted: &EInvoice, day: &str, red: Option<&Confirmation>) -> Value {
        let (content, title) = (&wanted.content, &wanted.content.title);
        let lines: Vec<Value> = content
            .lines
            .iter()
            .map(|line| {
                let gross = line.net + line.tax;
                json!({
                    // The platform puts the category before the name itself.
                    "goodsName": line.item.rsplit('*').next().unwrap_or(&line.item),
                    "goodsCode": content.seller.goods_code,
                    "withTaxFlag": "1",
                    "unit": line.unit,
                    "num": line.count.to_string(),
                    "price": gross_price(gross.fen(), line.count),
                    "taxRate": rate(content.rate.0),
                    "taxIncludedAmount": plain(gross),
                    "taxExcludedAmount": plain(line.net),
                    "tax": plain(line.tax),
                })
            })
            .collect();
        let mut order = json!({
            "buyerName": title.name,
            "buyerTaxNum": title.tax_id,
            "buyerAddress": title.address,
            "buyerTel": title.phone,
            "buyerAccount": format!("{} {}", title.bank, title.account).trim(),
            "salerTaxNum": content.seller.tax_id,
            "salerTel": content.seller.phone,
            "salerAddress": content.seller.address,
            "salerAccount": format!("{} {}", content.seller.bank, content.seller.account).trim(),
            "orderNo": wanted.request,
            "invoiceDate": day,
            "clerk": content.seller.drawer,
            // We deliver it ourselves.
            "pushMode": "-1",
            "buyerPhone": "",
            "email": "",
            "invoiceType": "1",
            // Ordinary e-invoice.
            "invoiceLine": "pc",
            "remark": content.remark,
            "invoiceDetail": lines,
        });
        if let Some(confirmed) = red {
            order["invoiceType"] = json!("2");
            order["billInfoNo"] = json!(confirmed.bill_no);
            order["billUuid"] = json!(confirmed.bill_uuid);
            order["invoiceNum"] = json!(wanted.red.as_ref().map(|(number, _)| number));
        }
        order
    }
}

#[async_trait]
impl InvoiceProvider for Nuonuo {
    fn is_sample(&self) -> bool {
        false
    }

    async fn issue(&self, wanted: &EInvoice) -> Result<Progress, InvoiceError> {
        self.place(wanted, Self::order(wanted, &wanted.asked.beijing_text(), None)).await
    }

    async fn reverse(&self, red: &EInvoice) -> Result<Progress, InvoiceError> {
        let Some((number, reason)) = &red.red else {
            return Err(InvoiceError::Refused("nothing to reverse".into()));
        };
        if let Some(told) = self.query(&red.request).await? {
            return self.progress(red, told).await;
        }
        let ask = json!({ "billId": red.request, "identity": "0" });
        let known = self.call(CONFIRMATION, &ask).await?;
        let confirmations: Vec<Confirmation> = match known.code.as_str() {
            GOOD => serde_json::from_value(known.result.get("list").cloned().unwrap_or_default()).unwrap_or_default(),
            _ => Vec::new(),
        };
        let Some(confirmed) = confirmations.into_iter().next() else {
            let body = json!({
                "billId": red.request,
                "blueInvoiceNumber": number,
                "blueInvoiceLine": "pc",
                "applySource": "0",
                "sellerTaxNo": red.content.seller.tax_id,
                "buyerName": red.content.title.name,
                "buyerTaxNo": red.content.title.tax_id,
                "redReason": reason.number().to_string(),
                "vatAfterIssuing": "0",
            });
            return accepted(&self.call(CONFIRM, &body).await?);
        };
        match confirmed.bill_status.as_str() {
            // Needs no confirmation by the buyer, or has it.
            "01" | "04" => self.place(red, Self::order(red, &red.asked.beijing_text(), Some(&confirmed))).await,
            "02" | "03" => Ok(Progress::Accepted),
            status => Err(InvoiceError::Refused(short(&format!("confirmation {status} {}", confirmed.bill_message)))),
        }
    }
}

fn accepted(answer: &Answer) -> Result<Progress, InvoiceError> {
    if answer.code == GOOD {
        Ok(Progress::Accepted)
    } else {
        Err(InvoiceError::Refused(short(&format!("{} {}", answer.code, answer.describe))))
    }
}

fn short(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn plain(amount: crate::payment::fen::Fen) -> String {
    amount.to_string().replace(',', "")
}

fn rate(points: u16) -> String {
    format!("{}", f64::from(points) / 10_000.0)
}

/// The price of one with tax, in yuan.
fn gross_price(fen: i64, count: i64) -> String {
    if count == 0 {
        return String::new();
    }
    let scaled = fen * 1_000_000 / count;
    let text = format!("{}.{:08}", scaled / 100_000_000, scaled % 100_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn unreachable(error: reqwest::Error) -> InvoiceError {
    InvoiceError::Unreachable(outside::told(error))
}

async fn bounded(response: reqwest::Response, most: usize) -> Result<Vec<u8>, InvoiceError> {
    outside::bounded(response, most).await.map_err(|fault| match fault {
        AnswerFault::TooLong => InvoiceError::Unreachable("an answer is too long".into()),
        AnswerFault::Broken(what) => InvoiceError::Unreachable(what),
    })
}

#[cfg(test)]
mod tests;
