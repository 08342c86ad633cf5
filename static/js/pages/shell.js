/** What every page has: the theme switch, copy buttons, times in the reader's zone. */

const theme = /** @type {HTMLFieldSetElement | null} */ (document.querySelector("#theme"));

if (theme) {
  const chosen = localStorage.getItem("theme") ?? "system";
  theme.querySelector(`[value="${CSS.escape(chosen)}"]`)?.setAttribute("checked", "");
  theme.hidden = false;
  theme.addEventListener("change", (event) => {
    const {value} = /** @type {HTMLInputElement} */ (event.target);
    if (value === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", value);
    dispatchEvent(new Event("themechange"));
  });
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy));
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard.writeText(field.value);
    button.textContent = "Copied";
  });
}

const inZone = new Intl.DateTimeFormat(undefined, {dateStyle: "medium", timeStyle: "short"});

for (const time of document.querySelectorAll("time[data-local]")) {
  time.textContent = inZone.format(new Date(time.dateTime));
}
