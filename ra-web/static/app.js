// Small conveniences. Every page works without this file.
(() => {
  "use strict";

  // After a form was refused the summary of its errors is read first.
  document.querySelector("[data-focus]")?.focus();

  // The search box from anywhere. With Ctrl, so that no single key does something unasked (WCAG 2.1.4).
  document.addEventListener("keydown", (event) => {
    const search = document.querySelector("form[role=search] input");
    if (!search || !event.ctrlKey || event.shiftKey || event.altKey || event.key.toLowerCase() !== "k") return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  // Where the rail lies across a narrow window, the place in it is in sight.
  const rail = document.querySelector(".rail");
  const here = rail?.querySelector("[aria-current]");
  if (here) rail.scrollLeft = here.offsetLeft - (rail.clientWidth - here.offsetWidth) / 2;

  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // A button pressed twice sends one request. The token agent's forms are let alone: agent.js minds them.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.dataset.agent) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });

  // The size of a scan is told before it travels. The server looks again, at the content too.
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("input[type=file][data-max]")) return;
    const long = Array.from(target.files).some((file) => file.size > Number(target.dataset.max));
    target.setCustomValidity(long ? target.dataset.tooLarge : "");
    if (long) target.reportValidity();
  });

  // The counts of the rail, while the page is looked at and somebody is there: asking does not keep a session open for ever.
  const region = document.querySelector("[data-counts]");
  const shown = [...document.querySelectorAll("[data-count]")];
  if (region && shown.length) {
    const EVERY_MS = 15000;
    const IDLE_MS = 5 * 60000;
    let touched = Date.now();
    for (const kind of ["pointermove", "keydown", "focus"]) {
      window.addEventListener(kind, () => { touched = Date.now(); }, { passive: true });
    }
    const ask = async () => {
      if (document.hidden || Date.now() - touched > IDLE_MS) return;
      let counts;
      try {
        const response = await fetch(region.dataset.counts, { headers: { Accept: "application/json" } });
        // The session has ended: the page itself says why. What is being typed or signed is let alone.
        if (response.redirected) {
          if (!document.querySelector("form[data-agent-busy], main form input[type=text]")) location.reload();
          return;
        }
        if (!response.ok) return;
        counts = await response.json();
      } catch {
        return;
      }
      const more = [];
      for (const count of shown) {
        const now = counts[count.dataset.count] ?? 0;
        const number = count.firstElementChild;
        if (now > Number(number.textContent)) more.push(`${count.closest("a").querySelector("span").textContent} ${now}`);
        number.textContent = String(now);
        count.hidden = now === 0;
      }
      if (more.length) region.textContent = `${region.dataset.more} ${more.join(", ")}`;
    };
    setInterval(ask, EVERY_MS);
    document.addEventListener("visibilitychange", ask);
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
    });
  }
})();
