// Scans: a picture taken at the counter, and how far an upload is. Every page works without this file.
//
// For: `<scan-field>` round a file field adds a button that takes a picture with the computer's camera and puts it into
// the field beside what was chosen; where there is no camera, or it is refused, the field is left. A form with
// `data-upload` and files in it is sent with a bar that shows how far it is; the answer is shown as a browser would.
// Trusts: only answers of this site. Never sends a picture anywhere but with the form, and lets the camera go when the
// window closes.
//
// The page gives the words: template[data-scan-text="<word>"]; `{name}` is replaced by a detail.

const MAX_SHOTS_SIDE = 4096;
const CAMERA = "yinxin-camera";

const say = (name, details = {}) =>
  (document.querySelector(`template[data-scan-text="${name}"]`)?.content.textContent.trim() ?? name).replace(
    /\{(\w+)\}/g,
    (_, key) => String(details[key] ?? ""),
  );

const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const remembered = () => {
  try { return localStorage.getItem(CAMERA) ?? undefined; } catch { return undefined; }
};
const remember = (id) => {
  try { localStorage.setItem(CAMERA, id); } catch { /* then it is asked for again */ }
};

class ScanField extends HTMLElement {
  connectedCallback() {
    if (this.input) return;
    this.input = this.querySelector("input[type=file]");
    if (!this.input) return;
    this.said = element("p", { className: "live" });
    this.said.setAttribute("role", "status");
    this.input.addEventListener("change", () => this.told());
    this.append(this.said);
    if (!navigator.mediaDevices?.getUserMedia) return;
    const open = element("button", { type: "button", className: "button quiet small", textContent: say("open") });
    open.setAttribute("aria-label", `${say("open")}: ${this.dataset.title}`);
    open.addEventListener("click", () => new Camera(this).open());
    this.button = open;
    this.said.before(open);
  }

  told() {
    const files = Array.from(this.input.files);
    this.said.textContent = files.length ? say("chosen", { n: files.length, names: files.map((f) => f.name).join(", ") }) : "";
  }

  /** Puts a picture beside what was chosen. */
  add(file) {
    const all = new DataTransfer();
    for (const one of [...this.input.files, file]) all.items.add(one);
    this.input.files = all.files;
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
  }

  /** No picture: says why, and leads to the file field. */
  without(why) {
    this.said.textContent = say(why);
    this.input.focus();
  }
}

/** The window in which a picture is taken. */
class Camera {
  constructor(field) {
    this.field = field;
    this.video = element("video", { muted: true, playsInline: true, autoplay: true });
    this.canvas = element("canvas", { hidden: true });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", say("picture"));
    this.status = element("p", { className: "hint" });
    this.status.setAttribute("role", "status");
    const button = (word, act, kind = "quiet") => {
      const made = element("button", { type: "button", className: `button ${kind}`, textContent: say(word), hidden: true });
      made.addEventListener("click", act);
      return made;
    };
    this.take = button("take", () => this.shoot(), "");
    this.use = button("use", () => this.keep(), "");
    this.retake = button("retake", () => this.live());
    this.close = button("close", () => this.dialog.close());
    this.close.hidden = false;
    this.which = element("select", {});
    this.which.addEventListener("change", () => {
      remember(this.which.value);
      this.start(this.which.value);
    });
    this.choice = element("label", { hidden: true }, element("span", { textContent: say("which") }), this.which);
    const title = element("h2", { id: "camera-title", textContent: `${say("title")}: ${field.dataset.title}` });
    const acts = element("p", { className: "actions" }, this.take, this.use, this.retake, this.close);
    this.dialog = element("dialog", { className: "camera" }, title, this.status, this.choice, this.video, this.canvas, acts);
    this.dialog.setAttribute("aria-labelledby", "camera-title");
    this.dialog.addEventListener("close", () => this.end());
  }

  async open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    await this.start(remembered());
  }

  async start(device) {
    this.stop();
    this.status.textContent = say("starting");
    const wanted = { width: { ideal: 2560 }, height: { ideal: 1440 } };
    if (device) wanted.deviceId = { ideal: device };
    else wanted.facingMode = "environment";
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      const words = { NotAllowedError: "denied", SecurityError: "denied", NotReadableError: "in_use", AbortError: "in_use" };
      this.failed = words[error.name] ?? "no_camera";
      this.dialog.close();
      return;
    }
    if (!this.dialog.open) {
      for (const track of stream.getTracks()) track.stop();
      return;
    }
    this.stream = stream;
    this.video.srcObject = stream;
    await this.video.play().catch(() => {});
    await this.cameras(stream.getVideoTracks()[0]?.getSettings().deviceId);
    this.live();
  }

  async cameras(current) {
    const all = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
    this.which.replaceChildren(
      ...all.map((device, n) => element("option", { value: device.deviceId, textContent: device.label || `${n + 1}` })),
    );
    if (current) this.which.value = current;
    this.choice.hidden = all.length < 2;
  }

  live() {
    this.show(false);
    this.status.textContent = say("ready");
    this.take.focus();
  }

  show(taken) {
    this.video.hidden = taken;
    this.canvas.hidden = !taken;
    this.take.hidden = taken;
    this.use.hidden = !taken;
    this.retake.hidden = !taken;
  }

  shoot() {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return;
    const scale = Math.min(1, MAX_SHOTS_SIDE / Math.max(videoWidth, videoHeight));
    this.canvas.width = Math.round(videoWidth * scale);
    this.canvas.height = Math.round(videoHeight * scale);
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height);
    this.show(true);
    this.status.textContent = say("taken");
    this.use.focus();
  }

  keep() {
    this.canvas.toBlob((blob) => {
      const at = new Date();
      const two = (n) => String(n).padStart(2, "0");
      const stamp = `${two(at.getHours())}${two(at.getMinutes())}${two(at.getSeconds())}`;
      this.field.add(new File([blob], `${this.field.input.name}-${stamp}.jpg`, { type: "image/jpeg" }));
      this.dialog.close();
    }, "image/jpeg", 0.92);
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  end() {
    this.stop();
    this.dialog.remove();
    if (this.failed) this.field.without(this.failed);
    else this.field.button.focus();
  }
}

if (!customElements.get("scan-field")) customElements.define("scan-field", ScanField);

/** Sends a form and shows how far it is. */
function send(form, submitter) {
  const request = new XMLHttpRequest();
  // Not form.action: a button of that name stands before it.
  const action = new URL(form.getAttribute("action") || location.href, location.href);
  const bar = element("progress", { max: 1, value: 0 });
  const text = element("span", {});
  text.setAttribute("role", "status");
  const cancel = element("button", { type: "button", className: "button quiet small", textContent: say("cancel") });
  const box = element("p", { className: "upload" }, bar, text, cancel);
  bar.setAttribute("aria-label", say("sending", { n: 0 }));
  form.append(box);
  form.setAttribute("aria-busy", "true");
  text.textContent = say("sending", { n: 0 });

  let told = 0;
  const over = (words) => {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
    bar.remove();
    cancel.remove();
    text.textContent = words;
    if (!words) box.remove();
  };
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    const part = event.loaded / event.total;
    bar.value = part;
    // Every quarter is enough to be read out.
    if (part >= 1) text.textContent = say("looking");
    else if (Math.floor(part * 4) > told) {
      told = Math.floor(part * 4);
      text.textContent = say("sending", { n: Math.round(part * 100) });
    }
  });
  request.addEventListener("load", () => {
    const went = new URL(request.responseURL || action);
    if (went.pathname !== action.pathname) location.assign(went);
    else answer(request.response, over);
  });
  request.addEventListener("error", () => over(say("broken")));
  request.addEventListener("abort", () => over(""));
  cancel.addEventListener("click", () => request.abort());
  request.open("POST", action);
  request.responseType = "document";
  request.send(new FormData(form, submitter));
}

/** The same form with its faults, or a page that says what went wrong, in the place of this one. */
function answer(page, over) {
  const main = page?.querySelector("main");
  if (!main) return over(say("broken"));
  document.querySelector("main").replaceWith(document.adoptNode(main));
  document.title = page.title;
  const form = main.querySelector("form[data-upload]");
  if (form) history.replaceState(null, "", form.getAttribute("action"));
  window.htmx?.process(main);
  (main.querySelector("[data-focus]") ?? main).focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!(form instanceof HTMLFormElement) || !("upload" in form.dataset)) return;
  if (form.dataset.sent) return event.preventDefault();
  if (!Array.from(form.querySelectorAll("input[type=file]")).some((input) => input.files.length)) return;
  event.preventDefault();
  form.dataset.sent = "1";
  send(form, event.submitter);
}, true);
