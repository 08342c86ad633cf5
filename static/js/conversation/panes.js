/** Side by side where there is room; tabs on a phone. */

/**
 * @param {HTMLElement} tablist whose tabs control the panes; hidden where there is room
 * @param {MediaQueryList} narrow
 * @returns {() => void} shows the first pane, where only one is shown
 */
export function offerTabs(tablist, narrow) {
  const tabs = [...tablist.querySelectorAll("[role=tab]")];
  const paneOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  let chosen = tabs[0];

  function show() {
    tablist.hidden = !narrow.matches;
    for (const tab of tabs) {
      const pane = paneOf(tab);
      tab.setAttribute("aria-selected", String(tab === chosen));
      tab.tabIndex = tab === chosen ? 0 : -1;
      pane.hidden = narrow.matches && tab !== chosen;
      if (narrow.matches) pane.setAttribute("role", "tabpanel");
      else pane.removeAttribute("role");
    }
  }

  function choose(tab) {
    chosen = tab;
    show();
  }

  tablist.addEventListener("click", ({target}) => target.matches("[role=tab]") && choose(target));
  tablist.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(event.target);
    const to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: -1}[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(tabs.at(to % tabs.length));
    chosen.focus();
  });
  narrow.addEventListener("change", show);
  show();
  return () => choose(tabs[0]);
}
