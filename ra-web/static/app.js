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
  for (const input of document.querySelectorAll("input[type=file][data-max]")) {
    input.addEventListener("change", () => {
      const file = input.files[0];
      const long = file && file.size > Number(input.dataset.max);
      input.setCustomValidity(long ? input.dataset.tooLarge : "");
      if (long) input.reportValidity();
    });
  }

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = button.dataset.copied;
    });
  }
})();
