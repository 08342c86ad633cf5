/** The page Phones: tells how a test call goes. */

import {ask} from "../core/asking.js";
import {isSame, read} from "../core/painting.js";

const EVERY_MS = 500;
const trial = document.querySelector("#trial");
const isUnderWay = () => trial.querySelector("[data-under-way]") !== null;

async function follow() {
  const html = await ask(trial.dataset.refreshUrl, "text");
  const fresh = html && read(html).firstElementChild;
  // What is said aloud is said once.
  if (fresh && !isSame(trial.firstElementChild, fresh)) trial.replaceChildren(fresh);
  if (isUnderWay()) setTimeout(follow, EVERY_MS);
}

if (isUnderWay()) follow();
