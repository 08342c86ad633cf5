/** Hearing a live call: asks for a token, and opens the snoop panel if one is granted. */

import {ask, newsOf} from "../core/asking.js";
import {mint} from "../core/minting.js";
import {readSaved} from "../core/transcript.js";
import {SnoopPanelElement} from "../elements/snoop-panel.js";
import {Ear, refusalOf} from "../livekit/ear.js";
import {loadLiveKit} from "../livekit/library.js";
import {attest, explain} from "../livekit/witness.js";

export class Listening {
  #where;
  #place;
  #visit = new AbortController();
  #isAsked = false;
  #ear = null;
  #panel = null;
  #saved = new Map();
  #taken = Promise.resolve();

  /**
   * @param {{tokenUrl?: string, linesUrl?: string, organizationId: string, csrf: string}} where
   * @param {Element} place of the panel
   */
  constructor(where, place) {
    this.#where = where;
    this.#place = place;
  }

  get isOpen() {
    return this.#panel !== null;
  }

  /** Open the panel if this call can be heard; otherwise nothing happens. Who has closed it is not asked again. */
  async open() {
    if (this.#isAsked || !this.#where.tokenUrl) return;
    this.#isAsked = true;
    loadLiveKit().catch(() => {}); // meanwhile; who needs it then hears of a failure
    let grant;
    try {
      grant = await this.#mint();
    } catch {
      this.#isAsked = this.#visit.signal.aborted;
      return;
    }
    SnoopPanelElement.define();
    this.#panel = document.createElement("anyreach-snoop-panel");
    this.#panel.addEventListener("stop", () => {
      this.#close();
      document.querySelector("#content").focus({preventScroll: true});
    });
    this.#panel.addEventListener("again", () => this.#comeBack());
    this.#place.replaceChildren(this.#panel);
    this.#hear(grant);
  }

  toggleSound() {
    this.#panel?.toggleSound();
  }

  /** The call is over: it is the reason of whatever happened before this news came. */
  end() {
    this.#ear?.stop("ended");
    this.#panel?.show("ended", "ended");
  }

  /** Leave, and take no token any more: it would make a listener whom no panel can stop. */
  leave() {
    this.#visit.abort();
    this.#close();
  }

  /** What was said before we joined, or was missed meanwhile, comes from what is saved, in order. */
  showSaved() {
    this.#taken = this.#taken.then(() => this.#takeSaved());
    return this.#taken;
  }

  async #takeSaved() {
    let query = newsOf([...this.#saved.values()]);
    while (query && this.#panel && this.#where.linesUrl) {
      const part = await ask(`${this.#where.linesUrl}?${query}`, "json");
      if (!part) return;
      for (const line of part.lines) this.#saved.set(line.id, {...line, final: Boolean(line.final), read: readSaved(line)});
      query = part.following === null ? "" : `since=${part.following}`;
    }
    this.#panel?.addSaved([...this.#saved.values()].map(({read}) => read));
  }

  /** @param {string} [renews] the identity that it follows */
  #mint(renews) {
    const {tokenUrl, organizationId, csrf} = this.#where;
    return mint(tokenUrl, {organizationId, csrf, renews, signal: this.#visit.signal});
  }

  async #comeBack() {
    try {
      const grant = await this.#mint(this.#ear.identity);
      if (this.#panel) this.#hear(grant);
    } catch (error) {
      this.#panel?.show("ended", refusalOf(error) ?? "unreachable");
    }
  }

  #hear(grant) {
    const ear = new Ear({loadLiveKit, grant, renew: (identity) => this.#mint(identity), explain});
    attest(ear);
    ear.addEventListener("state", ({detail}) => detail.state === "live" && this.showSaved());
    this.#ear = ear;
    this.#panel.source = ear;
    ear.start();
  }

  #close() {
    this.#ear?.stop();
    this.#panel?.remove();
    this.#ear = this.#panel = null;
  }
}
