//! A page on the public network reaches the certificate assistant by its window, and not by `fetch`.
//!
//! Browsers forbid public pages to call services on the user's own machine (local network access); opening a
//! window there is navigation and stays allowed. Chromium is told that the page's port is a public address.

use std::net::SocketAddr;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use journeys::agent::{Agent, Site};
use journeys::browser::Browser;
use journeys::programs::free_port;

/// A business site: it tries both ways, and writes what came of each into the page.
const PAGE: &str = r#"<!doctype html><html lang="en"><meta charset="utf-8"><title>A public site</title>
<p id="agent">not tried</p><p id="open-door">not tried</p><p id="window">not tried</p>
<button id="call">call</button><button id="open">open</button>
<script>
const agent = "AGENT", say = (id, text) => { document.getElementById(id).textContent = text; };
const call = (id, url) =>
  fetch(url, { mode: "no-cors" }).then(() => say(id, id + " answered"), () => say(id, id + " refused"));
document.getElementById("call").onclick = () => { call("agent", agent + "/"); call("open-door", "OPENDOOR"); };
let opened;
addEventListener("message", (event) => {
  if (event.source === opened && event.origin === agent) say("window", event.data.event + " from " + event.origin);
});
document.getElementById("open").onclick = () => { opened = open(agent + "/window", "yinxin-agent", "popup"); };
</script></html>"#;

/// Serves a page on a free port, to anyone.
async fn serve(page: String) -> anyhow::Result<SocketAddr> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = Router::new().route("/", get(move || async move { Html(page) }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

#[tokio::test(flavor = "multi_thread")]
async fn public_page_reaches_the_agent_by_its_window_and_not_by_fetch() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    // A service on the same machine that refuses nobody: what becomes of a call to it is the browser's doing.
    let open_door = serve("open to all".into()).await?;
    let page = PAGE.replace("AGENT", &format!("http://127.0.0.1:{port}"));
    let site = serve(page.replace("OPENDOOR", &format!("http://{open_door}/"))).await?;
    let allowed = Site { origin: &format!("http://{site}"), name: "公网网站", may: &["login"] };
    let agent = Agent::start(folder.path(), port, &[allowed]).await?;

    let public = format!("--ip-address-space-overrides={site}=public");
    let browser = Browser::start(&[&public]).await?;
    browser.open(&format!("http://{site}/")).await?;
    browser.click("#call").await?;
    browser.sees("agent refused").await?;
    browser.sees("open-door refused").await?;
    browser.click("#open").await?;
    browser.sees(&format!("ready from {}", agent.origin())).await?;
    drop(browser);

    // The same page without the override: it was the address space that kept it from the open door, and the
    // agent's own headers keep it out even so.
    let browser = Browser::start(&[]).await?;
    browser.open(&format!("http://{site}/")).await?;
    browser.click("#call").await?;
    browser.sees("open-door answered").await?;
    browser.sees("agent refused").await
}
