// Runs before the page is painted: light or dark, and how far this machine's clock is from the server's.
(() => {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const own = () => {
    try {
      return localStorage.getItem("darkroom:theme");
    } catch {
      return null;
    }
  };
  const preferred = () => (system.matches ? "dark" : "light");
  const apply = () => (root.dataset.theme = own() ?? preferred());
  apply();
  system.addEventListener("change", apply);

  const now = Number(document.querySelector('meta[name="darkroom-now"]').content);
  window.darkroom = {
    skew: now - Date.now() / 1000,
    // A choice that agrees with the system is no choice of its own: the page follows the system again.
    toggleTheme() {
      const wanted = root.dataset.theme === "dark" ? "light" : "dark";
      try {
        if (wanted === preferred()) localStorage.removeItem("darkroom:theme");
        else localStorage.setItem("darkroom:theme", wanted);
      } catch {
        // not kept, but shown
      }
      root.dataset.theme = wanted;
    },
  };
  window.addEventListener("popstate", () => window.emitEvent?.("navigate", location.pathname));
})();
