//! A session rests on its token: pulled, silent, replayed, and strangers.

use axum::http::StatusCode;
use ca_core::domain::{Login, LoginPurpose, Presence, Sha256, encode};
use ca_core::service::protocol::Blob;
use serde_json::{Value, json};

use super::testing::Bench;

const SECRET: &str = "what the assistant drew";

impl Bench {
    pub(super) fn login(&self) -> Vec<u8> {
        let now = self.house.now();
        let (aud, nonce) = ("http://127.0.0.1:8081".into(), "n".into());
        encode(&Login { aud, purpose: LoginPurpose::Staff, nonce, iat: now, exp: now.plus(120) })
    }

    fn presence(&self, login: &[u8], secret: &str) -> Presence {
        let sha256 = |bytes: &[u8]| Sha256(openssl::sha::sha256(bytes));
        Presence {
            aud: "http://127.0.0.1:8081".into(),
            login: sha256(login),
            exp: self.house.now().plus(120),
            watch: sha256(secret.as_bytes()),
        }
    }

    async fn begin_watch(&self, signed: &Blob) -> (StatusCode, Value) {
        self.api_of("presence", "begin", json!({ "message": signed })).await
    }

    async fn tell(&self, name: &Value, secret: &str, gone: bool) -> (StatusCode, Value) {
        self.api_of("presence", "tell", json!({ "presence": name, "secret": secret, "gone": gone })).await
    }

    /// 孙丽 is signed in, and her assistant watches: its name for it, and what her token signed.
    async fn watched(&mut self) -> (Value, Blob) {
        let login = self.login();
        let signed = self.house.person("sunli").say(&self.presence(&login, SECRET), self.house.now());
        let (status, answer) = self.begin_watch(&signed).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        self.sign_in_by("sunli", &login).await;
        assert_eq!(self.get("sunli", "/orders").await.status, StatusCode::OK);
        (answer["presence"].clone(), signed)
    }
}

#[tokio::test]
async fn a_pulled_token_ends_the_session_which_says_so_and_leads_back() {
    let mut bench = Bench::new().await;
    let (name, signed) = bench.watched().await;
    let (_, answer) = bench.tell(&name, SECRET, true).await;
    assert_eq!(answer, json!({ "goes_on": false }));
    let got = bench.get("sunli", "/applications?state=submitted").await;
    assert_eq!((got.status, got.to.as_str()), (StatusCode::SEE_OTHER, "/login?ended=pulled"));
    let page = bench.get("sunli", &got.to).await.text;
    assert!(page.contains("The token was pulled out"), "{page}");
    // Neither the assistant's words nor its beginning, said again, bring it back.
    assert_eq!(bench.tell(&name, SECRET, false).await.1, json!({ "goes_on": false }));
    assert_eq!(bench.begin_watch(&signed).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(bench.get("sunli", "/orders").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_lives_while_its_assistant_is_heard_and_no_longer() {
    let mut bench = Bench::new().await;
    let (name, _) = bench.watched().await;
    for _ in 0..10 {
        bench.house.clock.advance(20);
        assert_eq!(bench.tell(&name, SECRET, false).await.1, json!({ "goes_on": true }));
        assert_eq!(bench.get("sunli", "/orders").await.status, StatusCode::OK);
    }
    bench.house.clock.advance(30);
    // Whoever is heard too late does not revive it, even when nobody looked meanwhile.
    assert_eq!(bench.tell(&name, SECRET, false).await.1, json!({ "goes_on": false }));
    assert_eq!(bench.get("sunli", "/orders").await.to, "/login?ended=unheard");
}

#[tokio::test]
async fn a_session_whose_assistant_never_speaks_ends() {
    let mut bench = Bench::new().await;
    let login = bench.login();
    bench.sign_in_by("sunli", &login).await;
    bench.house.clock.advance(29);
    assert_eq!(bench.get("sunli", "/orders").await.status, StatusCode::OK);
    bench.house.clock.advance(1);
    assert_eq!(bench.get("sunli", "/orders").await.to, "/login?ended=unheard");
}

#[tokio::test]
async fn a_stranger_neither_keeps_a_session_nor_ends_anothers() {
    let mut bench = Bench::new().await;
    let (name, _) = bench.watched().await;
    for gone in [true, false] {
        assert_eq!(bench.tell(&name, "a guess", gone).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // Another token's word on the same login is another's; her own again with another secret comes too late.
    let login = bench.login();
    let now = bench.house.now();
    let theirs = bench.house.person("limin").say(&bench.presence(&login, "mine"), now);
    let (status, other) = bench.begin_watch(&theirs).await;
    assert_eq!(status, StatusCode::OK);
    assert_ne!(other["presence"], name);
    bench.tell(&other["presence"], "mine", true).await;
    assert_eq!(bench.get("sunli", "/orders").await.status, StatusCode::OK);
    let second = bench.house.person("sunli").say(&bench.presence(&login, "second"), now);
    assert_eq!(bench.begin_watch(&second).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    bench.house.clock.advance(30);
    bench.tell(&other["presence"], "mine", false).await;
    assert_eq!(bench.get("sunli", "/orders").await.to, "/login?ended=unheard");
}

#[tokio::test]
async fn what_is_not_a_tokens_word_for_this_site_now_is_refused() {
    let bench = Bench::new().await;
    let (login, now) = (bench.login(), bench.house.now());
    let good = bench.presence(&login, SECRET);
    let person = bench.house.person("sunli");
    let elsewhere = Presence { aud: "http://127.0.0.1:8082".into(), ..good.clone() };
    let far = Presence { exp: now.plus(3600), ..good.clone() };
    let over = Presence { exp: now.plus(-1), ..good.clone() };
    for (why, message) in [
        ("another site", person.say(&elsewhere, now)),
        ("too long", person.say(&far, now)),
        ("over", person.say(&over, now)),
        ("a login is no presence", person.say_bytes(&login, now)),
        ("no message", Blob(b"none".to_vec())),
    ] {
        assert_eq!(bench.begin_watch(&message).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    }
    let nobody = json!(Sha256([1; 32]));
    assert_eq!(bench.tell(&nobody, SECRET, false).await.1, json!({ "goes_on": false }));
}

#[tokio::test]
async fn signing_out_tells_the_assistant_to_stop_and_one_that_was_never_used_stops_too() {
    let mut bench = Bench::new().await;
    let (name, _) = bench.watched().await;
    let got = bench.post("sunli", "/logout", &[]).await;
    assert_eq!(got.to, "/login?ended=signed-out");
    assert_eq!(bench.tell(&name, SECRET, false).await.1, json!({ "goes_on": false }));

    let login = bench.login();
    let signed = bench.house.person("limin").say(&bench.presence(&login, SECRET), bench.house.now());
    let name = bench.begin_watch(&signed).await.1["presence"].clone();
    let mut heard = 0;
    while bench.tell(&name, SECRET, false).await.1 == json!({ "goes_on": true }) {
        bench.house.clock.advance(20);
        heard += 1;
    }
    assert_eq!(heard, 10);
}
