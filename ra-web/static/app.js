// Small conveniences. Every page works without this file.
(() => {
  "use strict";

  // After a form was refused the summary of its errors is read first.
  document.querySelector("[data-focus]")?.focus();

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

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
    });
  }
})();
