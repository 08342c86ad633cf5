/** What comes below the reader's view is counted on a button; who presses it follows, until they scroll away. */

/**
 * @param {Element} list
 * @param {HTMLButtonElement} button
 * @returns {(count: number) => void} to be told that the list has grown, by so many turns
 */
export function offerNewest(list, button) {
  const isAtEnd = () => list.getBoundingClientRect().bottom <= innerHeight;
  const goToEnd = () => list.lastElementChild.scrollIntoView({block: "end"});
  let unseen = 0;
  let follows = false;

  function show(count) {
    unseen = count;
    button.hidden = count === 0;
    button.textContent = `${count} new ↓`;
  }

  button.addEventListener("click", () => {
    follows = true;
    goToEnd();
  });
  addEventListener("scroll", () => {
    if (!isAtEnd()) follows = false;
    else if (unseen) show(0);
  });
  return (count) => {
    if (follows) goToEnd();
    else if (!isAtEnd()) show(unseen + count);
  };
}
