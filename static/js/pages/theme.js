// Loaded before the first paint, so that a page never flashes in the other theme.
{
  const dark = matchMedia("(prefers-color-scheme: dark)");

  const paint = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // Storage is forbidden here: the system's choice holds.
    }
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.bsTheme = theme;
  };

  paint();
  dark.addEventListener("change", paint);
  addEventListener("storage", paint);
  addEventListener("themechange", paint);
}
