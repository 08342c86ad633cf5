/** What comes below the reader's view is counted on a button; who presses it follows, until they scroll away. */

/**
 * @param {Element} list
 * @param {HTMLButtonElement} button
 * @returns {(count: number) => void} to be told that the list has grown, by so many turns
 */
export function offerNewest(list, button) {
  const isAtEnd = () => list.getBoundingClientRect().bottom <= innerHeight;
  // At once: a browser that scrolls smoothly does not heed the reader's own scrolling meanwhile.
  const goToEnd = () => list.lastElementChild.scrollIntoView({block: "end", behavior: "instant"});
  let unseen = 0;
  let follows = false;
  let scrolledTo = scrollY;

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
    if (scrollY < scrolledTo) follows = false;
    scrolledTo = scrollY;
    if (unseen && isAtEnd()) show(0);
  });
  return (count) => {
    if (follows) goToEnd();
    else if (!isAtEnd()) show(unseen + count);
  };
}
