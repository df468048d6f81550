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
use serde::Deserialize;
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError, StripeRequest};
use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionAllowedPaymentMethodTypes as AllowedType,
    CreateCheckoutSessionLineItems, CreateCheckoutSessionLineItemsPriceData, CreateCheckoutSessionPaymentIntentData,
    CreateCheckoutSessionPaymentMethodOptions, CreateCheckoutSessionPaymentMethodOptionsWechatPay,
    CreateCheckoutSessionPaymentMethodOptionsWechatPayClient, ExpireCheckoutSession, ProductData,
    RetrieveCheckoutSession,
};
use stripe_checkout::{CheckoutSession, CheckoutSessionMode, CheckoutSessionPaymentStatus, CheckoutSessionStatus};
use stripe_types::Currency;
use zeroize::Zeroizing;

use super::checkout::Way;
use super::fen::Fen;
use super::gateway::{Event, GatewayError, NotHeard, PaymentGateway, Session, SessionState, Wanted};

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// How old a message's signature may be, and how far ahead of our clock.
const TOLERANCE_SECONDS: i64 = 300;
const BILL: &str = "bill";
const CHECKOUT: &str = "checkout";

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
        let object = message.data.object;
        let session = object.id.filter(|_| object.object.as_deref() == Some("checkout.session"));
        Ok(Event { id: message.id, kind: message.kind, session })
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
        assert_eq!((event.id.as_str(), event.session.as_deref()), ("evt_1", Some("cs_1")));
        let other = br#"{"id":"evt_2","type":"charge.updated","data":{"object":{"id":"ch_1","object":"charge"}}}"#;
        let event = stripe.hear(other, &header(&stripe, NOW, other), NOW).expect("heard");
        assert_eq!(event.session, None);
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
