// The certificate assistant's window: carries one request from the page that opened it to the agent, shows
// what the agent answers, and carries the result back to that page's origin alone.
"use strict";

(() => {
  const page = document.getElementById("page");
  const caller = window.opener;
  let origin = null;
  let id = null;
  let onClose = null;
  let answered = false;
  let busy = false;

  function answer(reply) {
    if (answered || !reply || origin === null) return;
    answered = true;
    if (caller && !caller.closed) caller.postMessage({ yinxin: 1, id, ...reply }, origin);
  }

  /** A message in place of the page, in words that came with the window. */
  function say(kind) {
    const box = document.createElement("div");
    box.className = "message bad";
    box.setAttribute("role", "alert");
    const heading = document.createElement("h1");
    heading.textContent = page.dataset[kind + "Heading"];
    const text = document.createElement("p");
    text.textContent = page.dataset[kind + "Text"];
    box.append(heading, text);
    document.getElementById("main").replaceChildren(box);
  }

  function show(shown) {
    onClose = shown.on_close ?? null;
    // The agent's own page, sent over its own origin; everything in it is escaped there.
    page.innerHTML = shown.html;
    document.documentElement.lang = shown.lang;
    document.title = shown.title;
    answer(shown.reply);
    const first = page.querySelector("[data-focus]") ?? page.querySelector("[data-focus-field]");
    if (first) first.focus();
    else if (!shown.poll) document.getElementById("main").focus();
    if (shown.close_after_ms) setTimeout(() => window.close(), shown.close_after_ms);
    if (shown.poll) setTimeout(() => ask(shown.poll), 400);
  }

  async function ask(path, body) {
    if (busy) return;
    busy = true;
    page.setAttribute("aria-busy", "true");
    try {
      const options = body === undefined ? {} : {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      };
      const response = await fetch(path, { ...options, credentials: "omit", cache: "no-store" });
      if (!response.ok) throw new Error(`HTTP ${response.status}`);
      const shown = await response.json();
      busy = false;
      show(shown);
    } catch {
      say("lost");
      onClose = { error: { code: "internal", message: page.dataset.lostText } };
    } finally {
      busy = false;
      page.removeAttribute("aria-busy");
    }
  }

  window.addEventListener("message", (event) => {
    if (event.source !== caller || origin !== null) return;
    const message = event.data;
    if (!message || message.yinxin !== 1 || !message.request) return;
    if (typeof message.id !== "string" || message.id.length > 64) return;
    origin = event.origin;
    id = message.id;
    const lang = typeof message.lang === "string" ? message.lang : null;
    ask("/window/request", { window_token: page.dataset.windowToken, origin, lang, request: message.request });
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-act]")) return;
    event.preventDefault();
    const entered = new FormData(event.target, event.submitter);
    // Beside "again" and "give up" other fields would not be understood.
    const act = entered.get("do");
    const bare = act === "again" || act === "give-up" || act === "unlock-temporary";
    ask("/window/act", bare ? { do: act, act_token: entered.get("act_token") } : Object.fromEntries(entered));
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) window.close();
  });

  window.addEventListener("pagehide", () => answer(onClose));

  if (!caller) {
    say("alone");
    return;
  }
  caller.postMessage({ yinxin: 1, event: "ready" }, "*");
})();
