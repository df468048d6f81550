// The site's side of the certificate assistant (证书助手).
//
// For: forms that need the person's token. `<form data-agent="sign">` has the token sign the statement in its
// hidden field `statement`, puts the signature into `signature`, and submits. `<form data-agent="provision">`
// has the assistant write a certificate for the ticket in `ticket`, puts `issuer` and `serial`, and submits.
// `<form data-agent="sign-batch">` has the token sign each of the orders in its hidden field `statements` (one a line),
// puts their signatures, in the same order, one a line, into `signatures`, and submits.
// `<form data-agent="unlock">` has it unblock the token of the grant in `grant`, and submits.
// Trusts: only messages from the window it opened itself whose origin is the assistant's. Never sees a PIN or
// a key, never sends anything to another origin than the assistant's, and never puts text it received into the
// page as markup.
//
// The page gives, in <meta name="yinxin-agent">, the assistant's origin, e.g. http://127.0.0.1:17080; on the form:
//   data-want              `staff` or `unit`: which certificates the assistant offers (sign only)
//   data-download          the answer is a file, and the page stays
//   data-statement-url     where to POST for a fresh statement, so that its short life begins at the click
//   data-progress          where to ask how far the site is while its answer is awaited: null, or stage, done and total
// and inside the form:
//   [data-agent-status]    the live region that says what is going on
//   template[data-agent-text="<state or error code>"]   the words; `{name}` is replaced by a detail

const READY_WITHIN_MS = 8000;
const WATCH_EVERY_MS = 300;
const PROGRESS_EVERY_MS = 500;
const WINDOW = "popup,width=600,height=760";

class AgentError extends Error {
  constructor(code, details = {}) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

/** Opens the assistant's window and resolves with its answer. Must be called while handling a click. */
function ask(origin, lang, requestOf, onState) {
  const opened = window.open(`${origin}/window`, "yinxin-agent", WINDOW);
  if (!opened) return Promise.reject(new AgentError("popup_blocked"));
  opened.focus();
  const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, "0")).join("");
  onState("opening", opened);

  return new Promise((resolve, reject) => {
    let request = null;
    let closing = null;
    const end = (settle, value, close) => {
      clearTimeout(absent);
      clearInterval(watch);
      clearTimeout(closing);
      window.removeEventListener("message", hear);
      if (close && !opened.closed) opened.close();
      settle(value);
    };
    const fail = (code, details) => end(reject, new AgentError(code, details), true);

    const absent = setTimeout(() => fail("absent"), READY_WITHIN_MS);
    const watch = setInterval(() => {
      // The assistant closes its window right after it answered: give that answer time to arrive.
      if (opened.closed && !closing) closing = setTimeout(() => fail(request ? "closed" : "absent"), 2 * WATCH_EVERY_MS);
    }, WATCH_EVERY_MS);

    async function hear(event) {
      if (event.source !== opened || event.origin !== origin) return;
      const message = event.data;
      if (!message || message.yinxin !== 1) return;
      if (message.event === "ready") {
        clearTimeout(absent);
        try {
          // A window that was reloaded is ready again and gets the same request.
          request ??= requestOf();
          opened.postMessage({ yinxin: 1, id, lang, request: await request }, origin);
          onState("waiting", opened);
        } catch (error) {
          end(reject, error instanceof AgentError ? error : new AgentError("site_unreachable"), true);
        }
      } else if (message.id === id && message.result) {
        end(resolve, message.result, false);
      } else if (message.id === id && message.error) {
        end(reject, new AgentError(String(message.error.code), message.error), false);
      }
    }
    window.addEventListener("message", hear);
  });
}

/** Says in the form's live region what is going on. */
class Status {
  constructor(form) {
    this.form = form;
    this.region = form.querySelector("[data-agent-status]");
  }

  text(code, details) {
    const template = this.form.querySelector(`template[data-agent-text="${CSS.escape(code)}"]`);
    if (!template) return null;
    return template.content.textContent.trim().replace(/\{(\w+)\}/g, (_, name) => String(details?.[name] ?? ""));
  }

  show(kind, code, details) {
    const words = this.text(code, details) ?? this.text("internal", { code });
    const line = document.createElement("p");
    line.textContent = words ?? code;
    this.region.replaceChildren(line);
    this.region.dataset.state = kind;
    this.region.hidden = false;
    return line;
  }

  /** While the window is open: a button that brings it to the front, for it is easily lost behind others. */
  working(code, opened) {
    this.show("working", code);
    const label = this.text("show_window");
    if (!label || code !== "waiting") return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button quiet";
    button.textContent = label;
    button.addEventListener("click", () => opened.focus());
    this.region.append(button);
  }

  failed(error) {
    const code = error instanceof AgentError ? error.code : "internal";
    this.show("error", code, error.details);
    const region = this.region;
    region.tabIndex = -1;
    region.focus();
  }
}

function field(form, name) {
  let input = form.elements.namedItem(name);
  if (!input) {
    input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    form.append(input);
  }
  return input;
}

async function statementOf(form) {
  const url = form.dataset.statementUrl;
  if (url) {
    const response = await fetch(url, { method: "POST", headers: { Accept: "application/json" } });
    if (!response.ok) throw new AgentError("site_unreachable");
    field(form, "statement").value = (await response.json()).statement;
  }
  return field(form, "statement").value;
}

const ACTS = {
  sign: {
    request: async (form) => ({ type: "sign", statement: await statementOf(form), want: form.dataset.want ?? null }),
    accept: (form, result) => { field(form, "signature").value = result.cms; },
  },
  "sign-batch": {
    request: (form) => ({
      type: "sign_batch",
      statements: field(form, "statements").value.split(/\s+/).filter(Boolean),
      want: form.dataset.want ?? null,
    }),
    accept: (form, result) => { field(form, "signatures").value = result.cms.join("\n"); },
  },
  provision: {
    request: async (form) => ({ type: "provision", ticket: field(form, "ticket").value }),
    accept: (form, result) => {
      field(form, "issuer").value = result.issuer;
      field(form, "serial").value = result.serial;
    },
  },
  unlock: {
    request: async (form) => ({ type: "unlock", grant: field(form, "grant").value }),
    accept: () => {},
  },
};

/** While the site's answer is awaited: says how far it is. Where it does not say, the page simply waits. */
function follow(form, status) {
  const url = form.dataset.progress;
  if (!url) return;
  const bar = document.createElement("progress");
  bar.className = "progress";
  let said = "";
  let left = false;
  const look = async () => {
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      const far = response.ok && !response.redirected ? await response.json() : null;
      if (left) return;
      if (far) {
        bar.max = Math.max(far.total, 1);
        bar.value = far.done;
        // Screen readers hear each quarter, not each row.
        const part = `${far.stage} ${Math.floor((4 * far.done) / bar.max)}`;
        if (part !== said) {
          said = part;
          const line = status.show("working", `progress-${far.stage}`, far);
          bar.setAttribute("aria-label", line.textContent);
          status.region.append(bar);
        }
      }
    } catch {
      // The page is being left, or nobody answers.
    }
    if (!left) setTimeout(look, PROGRESS_EVERY_MS);
  };
  setTimeout(look, PROGRESS_EVERY_MS);
  window.addEventListener("pagehide", () => { left = true; }, { once: true });
}

async function act(form, submitter) {
  if (form.dataset.agentBusy) return;
  form.dataset.agentBusy = "true";
  const status = new Status(form);
  const kind = ACTS[form.dataset.agent];
  submitter?.setAttribute("aria-disabled", "true");
  try {
    const result = await ask(
      document.querySelector('meta[name="yinxin-agent"]').content,
      document.documentElement.lang.startsWith("zh") ? "zh-CN" : "en",
      () => kind.request(form),
      (code, opened) => status.working(code, opened),
    );
    kind.accept(form, result);
    status.show("working", "sending");
    if (submitter?.name) field(form, submitter.name).value = submitter.value;
    HTMLFormElement.prototype.submit.call(form);
    follow(form, status);
    // A file that comes leaves the page where it is.
    if ("download" in form.dataset) {
      status.show("working", "downloading");
      delete form.dataset.agentBusy;
      submitter?.removeAttribute("aria-disabled");
    }
  } catch (error) {
    status.failed(error);
    delete form.dataset.agentBusy;
    submitter?.removeAttribute("aria-disabled");
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !(form.dataset.agent in ACTS)) return;
  event.preventDefault();
  act(form, event.submitter);
}, true);

// A page that comes back from the browser's cache must not look busy.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-agent]")) delete form.dataset.agentBusy;
});
