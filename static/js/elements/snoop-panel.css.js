/** How the snoop panel looks: in Tabler's colours where there are any, light or dark as its page is. */

export const css = `
:host {
  --surface: var(--tblr-bg-surface, light-dark(#fff, #1b2330));
  --text: var(--tblr-body-color, light-dark(#1d2733, #dce1e8));
  --quiet: var(--tblr-secondary-color, light-dark(#5b6675, #9aa5b4));
  --border: var(--tblr-border-color, light-dark(#dadfe5, #333e4d));
  --accent: var(--tblr-link-color, light-dark(#1f5fa8, #82b4ec));
  --red: #c92a2a;
  display: block;
  color: var(--text);
  background: var(--surface);
  border: 1px solid var(--border);
  border-radius: 6px;
  font: 0.875rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}

:host([hidden]), [hidden] { display: none !important; }

header {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.5rem 0.75rem;
  padding: 0.5rem 0.75rem;
  border-bottom: 1px solid var(--border);
}

.badge {
  display: inline-flex;
  align-items: center;
  gap: 0.375rem;
  padding: 0.125rem 0.5rem;
  border: 1px solid var(--border);
  border-radius: 1rem;
  font-weight: 600;
  font-size: 0.75rem;
}

.badge::before {
  content: "";
  width: 0.5rem;
  height: 0.5rem;
  border: 1.5px solid currentColor;
  border-radius: 50%;
}

.badge.live { color: #fff; background: var(--red); border-color: var(--red); }
.badge.live::before { background: #fff; }
.badge.ended::before { border-radius: 1px; }
header:has(.ended) { border-bottom: 0; }

.promise { flex: 1 1 16rem; margin: 0; color: var(--quiet); }

.controls { display: flex; gap: 0.5rem; margin-left: auto; }

button {
  min-height: 2rem;
  padding: 0.25rem 0.75rem;
  color: inherit;
  background: none;
  border: 1px solid var(--border);
  border-radius: 6px;
  font: inherit;
  font-weight: 500;
  cursor: pointer;
}

button.primary { color: #fff; background: #1f5fa8; border-color: #1f5fa8; }
button:hover { filter: brightness(0.95); }
button:focus-visible, .transcript:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
button.icon { width: 2rem; padding: 0; }

.message {
  display: flex;
  gap: 0.75rem;
  align-items: center;
  margin: 0;
  padding: 0.5rem 0.75rem;
  border-block: 1px solid var(--border);
  margin-top: -1px;
}

.voices { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; min-height: 1.25rem; padding: 0.5rem 0.75rem; border-bottom: 1px solid var(--border); }
.voice { display: flex; align-items: center; gap: 0.5rem; min-width: 10rem; flex: 1; }
.voice span { min-width: 4rem; color: var(--quiet); }
.meter { flex: 1; height: 0.375rem; background: var(--border); border-radius: 1rem; overflow: hidden; }
.meter div { width: 100%; height: 100%; background: var(--accent); transform: scaleX(0); transform-origin: left; transition: transform 100ms linear; }

.scroller { position: relative; }

.transcript {
  height: 16rem;
  margin: 0;
  padding: 0.5rem 0.75rem;
  overflow-y: auto;
  list-style: none;
}

.transcript li { display: grid; grid-template-columns: 4.5rem 1fr; column-gap: 0.5rem; padding: 0.1875rem 0; }
.who { color: var(--quiet); font-weight: 600; }
.said { overflow-wrap: anywhere; }
.note { grid-column: 2; color: var(--quiet); font-size: 0.75rem; }
.interim .said { color: var(--quiet); font-style: italic; }
.tool .said { font-family: ui-monospace, monospace; font-size: 0.8125rem; }
.empty { color: var(--quiet); padding: 0.75rem; margin: 0; }
.newest { position: absolute; right: 1rem; bottom: 0.5rem; background: var(--surface); }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }

@media (max-width: 30rem) {
  .controls { flex: 1 1 100%; margin: 0; }
  .controls .primary, .controls .mute { flex: 1; }
  header:has(.ended) .controls { flex: none; margin-left: auto; }
  .transcript li { grid-template-columns: 1fr; gap: 0; }
  .note { grid-column: 1; }
}

@media (prefers-reduced-motion: reduce) { .meter div { transition: none; } }
`;
