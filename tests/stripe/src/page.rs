//! The pay page.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use serde_json::Value;

use super::{StandIn, sessions};

fn way(word: &str) -> &str {
    match word {
        "alipay" => "支付宝",
        "wechat_pay" => "微信支付",
        "card" => "银行卡",
        other => other,
    }
}

fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn shell(inner: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>模拟收银台</title><style>body{{font:16px/1.75 sans-serif;max-width:32rem;\
         margin:3rem auto;padding:0 1rem;color:#1b1f24}}button{{display:block;width:100%;min-height:48px;margin:12px 0;\
         font:inherit;font-weight:700;background:#1d4f91;color:#fff;border:0;border-radius:6px}}.quiet{{background:#fff;\
         color:#1d4f91;border:2px solid #1d4f91}}.note{{background:#fff4d6;border-left:6px solid #b26a00;\
         padding:8px 16px}}</style></head><body><main><h1>模拟收银台</h1><p class=\"note\">代替 Stripe \
         的测试程序，不会扣款。 Stands in for Stripe: no money moves.</p>{inner}</main></body></html>"
    ))
}

/// `GET /c/pay/{id}`.
pub(crate) async fn show(State(stand_in): State<Arc<StandIn>>, Path(id): Path<String>) -> Response {
    let Some(session) = sessions::look(&stand_in, &id) else { return StatusCode::NOT_FOUND.into_response() };
    if session["status"] != "open" {
        return shell("<p>这个付款页面已经用过或已过期。 This page is over.</p>").into_response();
    }
    let amount = session["amount_total"].as_i64().unwrap_or_default();
    let currency = session["currency"].as_str().unwrap_or_default().to_uppercase();
    let reference = session["client_reference_id"].as_str().unwrap_or_default();
    let mut inner = format!(
        "<p>{} · <strong>{}.{:02} {}</strong></p><form method=\"post\">",
        plain(reference),
        amount / 100,
        amount % 100,
        plain(&currency)
    );
    for word in session["payment_method_types"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _written =
            write!(inner, "<button name=\"act\" value=\"pay\" id=\"{}\">{}付款</button>", plain(word), way(word));
    }
    inner += "<button class=\"quiet\" name=\"act\" value=\"back\" id=\"back\">返回商家，不付款</button></form>";
    shell(&inner).into_response()
}

/// `POST /c/pay/{id}`.
pub(crate) async fn pay(State(stand_in): State<Arc<StandIn>>, Path(id): Path<String>, body: String) -> Response {
    let Some(session) = sessions::look(&stand_in, &id) else { return StatusCode::NOT_FOUND.into_response() };
    let fields = sessions::form(&body);
    let pays = fields.iter().any(|(name, value)| name == "act" && value == "pay");
    if pays && session["status"] == "open" {
        sessions::complete(&stand_in, &id);
    }
    let to = if pays { &session["success_url"] } else { &session["cancel_url"] };
    Redirect::to(to.as_str().unwrap_or("/")).into_response()
}
