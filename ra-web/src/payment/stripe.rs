//! Stripe Checkout: the one file that knows Stripe.
//!
//! Requests go through async-stripe, whose types refuse an answer that is not what the API promises. Messages are checked
//! here, over the bytes as they came and by our own clock: HMAC-SHA256 of `t.body` under the endpoint's secret, five
//! minutes old at most. Trusts whoever answers at the configured address over TLS; an attacker who can change that address
//! can say that bills are paid. The secrets never leave this file.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use ca_core::domain::Timestamp;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde::{Deserialize, Serialize};
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes as AllowedType,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentMethodOptions, CreateCheckoutSessionPaymentMethodOptionsWechatPay,
    CreateCheckoutSessionPaymentMethodOptionsWechatPayClient, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_checkout::{CheckoutSession, CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus};
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_types::{Currency, Expandable, List};
use zeroize::Zeroizing;

use super::checkout::Way;
use super::fen::Fen;
use super::gateway::{
    About, Back, BackState, BackWanted, Dispute, Event, GatewayError, NotHeard, PaymentGateway, Session, SessionState,
    Settlement, SettlementKind, Wanted,
};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How old a message's signature may be, and how far ahead of our clock.
const TOLERANCE_SECONDS: i64 = 300;
const BILL: &str = "bill";
const CHECKOUT: &str = "checkout";
const REFUND: &str = "refund";
/// So many pages of a hundred settlements are read at once.
const MOST_PAGES: usize = 100;

/// The adapter.
pub struct Stripe {
    client: Client,
    webhook_secret: Zeroizing<String>,
    pages: String,
    ways: Vec<Way>,
}

/// How Stripe is reached.
#[derive(Clone)]
pub struct Settings {
    /// The API's address, with a slash at the end.
    pub api: String,
    /// The origin of the pages.
    pub pages: String,
    /// The secret key.
    pub secret_key: Zeroizing<String>,
    /// The secret of the endpoint that takes messages.
    pub webhook_secret: Zeroizing<String>,
    /// The ways of payment.
    pub ways: Vec<Way>,
}

impl Stripe {
    /// A client of this account.
    ///
    /// # Errors
    /// [`GatewayError::Refused`] when the address or the key cannot be used.
    pub fn new(settings: Settings) -> Result<Self, GatewayError> {
        let client = ClientBuilder::new(settings.secret_key.as_str())
            .url(settings.api)
            .timeout(PATIENCE)
            .request_strategy(RequestStrategy::Once)
            .build()
            .map_err(told)?;
        Ok(Self { client, webhook_secret: settings.webhook_secret, pages: settings.pages, ways: settings.ways })
    }

    fn signature(&self, moment: &str, body: &[u8]) -> Option<Vec<u8>> {
        let key = PKey::hmac(self.webhook_secret.as_bytes()).ok()?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key).ok()?;
        signer.update(moment.as_bytes()).ok()?;
        signer.update(b".").ok()?;
        signer.update(body).ok()?;
        signer.sign_to_vec().ok()
    }
}

#[async_trait]
impl PaymentGateway for Stripe {
    fn ways(&self) -> &[Way] {
        &self.ways
    }

    fn pages(&self) -> &str {
        &self.pages
    }

    async fn open(&self, wanted: &Wanted<'_>) -> Result<Session, GatewayError> {
        let checkout = wanted.checkout;
        let names = HashMap::from([
            (CHECKOUT.to_owned(), checkout.id.to_string()),
            (BILL.to_owned(), checkout.bill.to_string()),
        ]);
        let mut price = CreateCheckoutSessionLineItemsPriceData::new(Currency::CNY);
        price.unit_amount = Some(checkout.amount.fen());
        price.product_data = Some(ProductData::new(wanted.title.clone()));
        let mut line = CreateCheckoutSessionLineItems::new();
        line.price_data = Some(price);
        line.quantity = Some(1);
        let mut intent = CreateCheckoutSessionPaymentIntentData::new();
        intent.metadata = Some(names.clone());
        intent.description = Some(wanted.title.clone());
        let mut request = CreateCheckoutSession::new()
            .mode(CheckoutSessionMode::Payment)
            .allowed_payment_method_types(vec![match checkout.way {
                Way::Alipay => AllowedType::Alipay,
                Way::WechatPay => AllowedType::WechatPay,
                Way::Card => AllowedType::Card,
            }])
            .line_items(vec![line])
            .client_reference_id(checkout.id.as_str())
            .metadata(names)
            .payment_intent_data(intent)
            .expires_at(checkout.expires.unix())
            .success_url(wanted.back.clone())
            .cancel_url(wanted.back.clone());
        if checkout.way == Way::WechatPay {
            let web = CreateCheckoutSessionPaymentMethodOptionsWechatPayClient::Web;
            let mut options = CreateCheckoutSessionPaymentMethodOptions::new();
            options.wechat_pay = Some(CreateCheckoutSessionPaymentMethodOptionsWechatPay::new(web));
            request = request.payment_method_options(options);
        }
        let key = IdempotencyKey::new(checkout.id.as_str()).map_err(|error| GatewayError::Odd(error.to_string()))?;
        let strategy = RequestStrategy::Idempotent(key);
        read(request.customize().request_strategy(strategy).send(&self.client).await.map_err(told)?)
    }

    async fn fetch(&self, session: &str) -> Result<Session, GatewayError> {
        read(RetrieveCheckoutSession::new(session).send(&self.client).await.map_err(told)?)
    }

    async fn expire(&self, session: &str) -> Result<Session, GatewayError> {
        match ExpireCheckoutSession::new(session).send(&self.client).await.map_err(told) {
            Ok(session) => read(session),
            // It was paid or has ended by itself: what it is now says which.
            Err(GatewayError::Refused(_)) => self.fetch(session).await,
            Err(error) => Err(error),
        }
    }

    async fn give_back(&self, wanted: &BackWanted<'_>) -> Result<Back, GatewayError> {
        let request = RefundRequest {
            payment_intent: wanted.reference,
            amount: wanted.amount.fen(),
            metadata: HashMap::from([(REFUND, wanted.refund)]),
        };
        let key = IdempotencyKey::new(wanted.refund).map_err(|error| GatewayError::Odd(error.to_string()))?;
        let request = RequestBuilder::new(StripeMethod::Post, "/refunds").form(&request);
        let request = request.customize::<stripe_shared::Refund>().request_strategy(RequestStrategy::Idempotent(key));
        Ok(back(request.send(&self.client).await.map_err(told)?))
    }

    async fn look_back(&self, id: &str) -> Result<Back, GatewayError> {
        let path = format!("/refunds/{}", plain(id)?);
        let request = RequestBuilder::new(StripeMethod::Get, path).customize::<stripe_shared::Refund>();
        Ok(back(request.send(&self.client).await.map_err(told)?))
    }

    async fn find_back(&self, wanted: &BackWanted<'_>) -> Result<Option<Back>, GatewayError> {
        let query = RefundsOf { payment_intent: wanted.reference, limit: 100 };
        let request = RequestBuilder::new(StripeMethod::Get, "/refunds").query(&query);
        let request = request.customize::<List<stripe_shared::Refund>>();
        let list = request.send(&self.client).await.map_err(told)?;
        Ok(list.data.into_iter().map(back).find(|back| back.refund.as_deref() == Some(wanted.refund)))
    }

    async fn settled(&self, since: Timestamp) -> Result<Vec<Settlement>, GatewayError> {
        let mut settled = Vec::new();
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let query = SettledSince {
                created: Since { gte: since.unix() },
                limit: 100,
                expand: ["data.source"],
                starting_after: after.clone(),
            };
            let request = RequestBuilder::new(StripeMethod::Get, "/balance_transactions").query(&query);
            let request = request.customize::<List<stripe_shared::BalanceTransaction>>();
            let list = request.send(&self.client).await.map_err(told)?;
            after = list.data.last().map(|last| last.id.to_string());
            let more = list.has_more && after.is_some();
            settled.extend(list.data.into_iter().map(settlement));
            if !more {
                return Ok(settled);
            }
        }
        Err(GatewayError::Odd("more was settled than is read".into()))
    }

    async fn dispute(&self, id: &str) -> Result<Dispute, GatewayError> {
        let path = format!("/disputes/{}", plain(id)?);
        let request = RequestBuilder::new(StripeMethod::Get, path).customize::<stripe_shared::Dispute>();
        let told = request.send(&self.client).await.map_err(told)?;
        Ok(Dispute {
            id: told.id.to_string(),
            reference: told.payment_intent.map(|intent| intent.id().to_string()),
            amount: Fen::new(told.amount),
            currency: told.currency.to_string().to_lowercase(),
            reason: told.reason,
            status: told.status.to_string(),
        })
    }

    fn hear(&self, body: &[u8], signature: &str, now: Timestamp) -> Result<Event, NotHeard> {
        let mut moment = None;
        let mut given: Vec<Vec<u8>> = Vec::new();
        for part in signature.split(',').take(20) {
            match part.trim().split_once('=') {
                Some(("t", text)) => moment = Some(text),
                Some(("v1", text)) => given.extend(hex::decode(text).ok()),
                _ => {}
            }
        }
        let moment = moment.ok_or(NotHeard::Unsigned)?;
        let signed: i64 = moment.parse().map_err(|_| NotHeard::Unsigned)?;
        let ours = self.signature(moment, body).ok_or(NotHeard::Forged)?;
        if !given.iter().any(|given| given.len() == ours.len() && openssl::memcmp::eq(given, &ours)) {
            return Err(NotHeard::Forged);
        }
        if now.since(Timestamp::from_unix(signed)).abs() > TOLERANCE_SECONDS {
            return Err(NotHeard::Stale);
        }
        let message: Message = serde_json::from_slice(body).map_err(|_| NotHeard::Malformed)?;
        let Object { id, object, payment_intent } = message.data.object;
        let about = match (object.as_deref(), id, payment_intent) {
            (Some("checkout.session"), Some(id), _) => About::Session(id),
            (Some("refund"), Some(id), _) => About::Refund(id),
            (Some("dispute"), Some(id), _) => About::Dispute(id),
            (Some("charge"), _, Some(intent)) if message.kind == "charge.refunded" => About::Charge(intent),
            _ => About::Other,
        };
        Ok(Event { id: message.id, kind: message.kind, about })
    }
}

/// As much of a message as says what to ask about.
#[derive(Deserialize)]
struct Message {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    id: Option<String>,
    object: Option<String>,
    payment_intent: Option<String>,
}

fn read(session: CheckoutSession) -> Result<Session, GatewayError> {
    let paid = session.payment_status == CheckoutSessionPaymentStatus::Paid;
    let state = match session.status {
        Some(CheckoutSessionStatus::Complete) if paid => SessionState::Paid,
        Some(CheckoutSessionStatus::Complete | CheckoutSessionStatus::Open) => SessionState::Open,
        Some(CheckoutSessionStatus::Expired) => SessionState::Expired,
        _ => return Err(GatewayError::Odd(format!("session {} has no status that we know", session.id))),
    };
    let mut names = session.metadata.unwrap_or_default();
    Ok(Session {
        checkout: session.client_reference_id.filter(|id| names.get(CHECKOUT) == Some(id)),
        bill: names.remove(BILL),
        id: session.id.to_string(),
        url: session.url,
        amount: session.amount_total.map(Fen::new),
        currency: session.currency.map(|currency| currency.to_string().to_lowercase()),
        reference: session.payment_intent.map(|intent| intent.id().to_string()),
        state,
    })
}

/// What is asked for when money is to go back.
#[derive(Serialize)]
struct RefundRequest<'a> {
    payment_intent: &'a str,
    amount: i64,
    metadata: HashMap<&'static str, &'a str>,
}

#[derive(Serialize)]
struct RefundsOf<'a> {
    payment_intent: &'a str,
    limit: i64,
}

#[derive(Serialize)]
struct SettledSince {
    created: Since,
    limit: i64,
    expand: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    starting_after: Option<String>,
}

#[derive(Serialize)]
struct Since {
    gte: i64,
}

fn settlement(told: stripe_shared::BalanceTransaction) -> Settlement {
    use stripe_shared::BalanceTransactionSource as Source;
    let small = |currency: Currency| currency.to_string().to_lowercase();
    let source = told.source.and_then(|source| match source {
        Expandable::Object(source) => Some(*source),
        Expandable::Id(_) => None,
    });
    let (kind, reference, presented) = match source {
        Some(Source::Charge(charge)) => (
            SettlementKind::Payment,
            charge.payment_intent.map(|intent| intent.id().to_string()),
            Some((Fen::new(charge.amount), small(charge.currency))),
        ),
        Some(Source::Refund(refund)) => (
            SettlementKind::Refund,
            refund.payment_intent.map(|intent| intent.id().to_string()),
            Some((Fen::new(refund.amount), small(refund.currency))),
        ),
        _ => (SettlementKind::Other, None, None),
    };
    Settlement {
        id: told.id.to_string(),
        kind,
        reference,
        presented,
        gross: Fen::new(told.amount),
        fee: Fen::new(told.fee),
        net: Fen::new(told.net),
        currency: small(told.currency),
        at: Timestamp::from_unix(told.created),
    }
}

/// A name of the provider's, as it may stand in an address.
fn plain(id: &str) -> Result<&str, GatewayError> {
    let good = !id.is_empty() && id.len() <= 255 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good { Ok(id) } else { Err(GatewayError::Refused("no id of this form".into())) }
}

fn back(refund: stripe_shared::Refund) -> Back {
    let state = match refund.status.as_deref() {
        Some("succeeded") => BackState::Done,
        Some(word @ ("failed" | "canceled")) => {
            BackState::Failed(refund.failure_reason.unwrap_or_else(|| word.to_owned()))
        }
        // `pending`, `requires_action`, or a word that is not known yet.
        _ => BackState::Pending,
    };
    Back {
        id: refund.id.to_string(),
        refund: refund.metadata.and_then(|mut names| names.remove(REFUND)),
        amount: Fen::new(refund.amount),
        currency: refund.currency.to_string().to_lowercase(),
        state,
    }
}

fn told(error: StripeError) -> GatewayError {
    match error {
        StripeError::Stripe(error, status) if status < 500 && status != 429 && status != 409 => {
            GatewayError::Refused(format!("{status}: {}", error.message.unwrap_or_default()))
        }
        StripeError::Stripe(_, status) => GatewayError::Unreachable(format!("status {status}")),
        StripeError::JSONDeserialize(what) => GatewayError::Odd(what),
        StripeError::ConfigError(what) => GatewayError::Refused(what),
        StripeError::ClientError(what) => GatewayError::Unreachable(what),
        StripeError::Timeout => GatewayError::Unreachable("no answer in time".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix(1_790_000_000);
    const BODY: &[u8] =
        br#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_1","object":"checkout.session"}}}"#;

    fn stripe() -> Stripe {
        Stripe::new(Settings {
            api: "http://127.0.0.1:1/".into(),
            pages: "http://127.0.0.1:1".into(),
            secret_key: Zeroizing::new("sk_test_1".into()),
            webhook_secret: Zeroizing::new("whsec_1".into()),
            ways: Way::ALL.into(),
        })
        .expect("a client")
    }

    fn header(stripe: &Stripe, at: Timestamp, body: &[u8]) -> String {
        let moment = at.unix().to_string();
        format!("t={moment},v1={}", hex::encode(stripe.signature(&moment, body).expect("signs")))
    }

    #[test]
    fn a_signed_message_says_what_to_ask_about() {
        let stripe = stripe();
        let event = stripe.hear(BODY, &header(&stripe, NOW, BODY), NOW).expect("heard");
        assert_eq!((event.id.as_str(), event.about), ("evt_1", About::Session("cs_1".into())));
        for (kind, object, about) in [
            ("charge.updated", r#""id":"ch_1","object":"charge","payment_intent":"pi_1""#, About::Other),
            (
                "charge.refunded",
                r#""id":"ch_1","object":"charge","payment_intent":"pi_1""#,
                About::Charge("pi_1".into()),
            ),
            ("refund.failed", r#""id":"re_1","object":"refund""#, About::Refund("re_1".into())),
            ("charge.dispute.created", r#""id":"dp_1","object":"dispute""#, About::Dispute("dp_1".into())),
        ] {
            let other = format!(r#"{{"id":"evt_2","type":"{kind}","data":{{"object":{{{object}}}}}}}"#);
            let event = stripe.hear(other.as_bytes(), &header(&stripe, NOW, other.as_bytes()), NOW).expect("heard");
            assert_eq!(event.about, about, "{kind}");
        }
    }

    #[test]
    fn a_forged_old_or_changed_message_is_not_listened_to() {
        let stripe = stripe();
        let good = header(&stripe, NOW, BODY);
        let changed = String::from_utf8_lossy(BODY).replace("cs_1", "cs_2");
        let hear = |body: &[u8], header: &str, now| stripe.hear(body, header, now).expect_err("not heard");
        assert_eq!(hear(changed.as_bytes(), &good, NOW), NotHeard::Forged);
        assert_eq!(hear(BODY, &good.replace("t=1790000000", "t=1790000001"), NOW), NotHeard::Forged);
        assert_eq!(hear(BODY, "t=1790000000,v1=00", NOW), NotHeard::Forged);
        assert_eq!(hear(BODY, "t=1790000000", NOW), NotHeard::Forged);
        assert_eq!(hear(BODY, &format!("v1={}", &good[good.len() - 64..]), NOW), NotHeard::Unsigned);
        assert_eq!(hear(BODY, "", NOW), NotHeard::Unsigned);
        assert_eq!(hear(BODY, &good, NOW.plus(301)), NotHeard::Stale);
        assert_eq!(hear(BODY, &good, NOW.plus(-301)), NotHeard::Stale);
        assert_eq!(hear(b"{}", &header(&stripe, NOW, b"{}"), NOW), NotHeard::Malformed);
        assert!(stripe.hear(BODY, &format!("{good},v1=11"), NOW).is_ok(), "while a secret is being changed");
    }
}
