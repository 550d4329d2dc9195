// Before the first paint: the chosen theme and language, so that nothing flashes. (A file of its
// own, because the page's policy allows no inline script.)
(function () {
  try {
    var root = document.documentElement;
    var theme = localStorage.getItem("madang.theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    var language = localStorage.getItem("madang.language") || navigator.language || "ko";
    root.lang = language.slice(0, 2) === "ko" ? "ko" : "en";
  } catch (_) {
    // Storage may be forbidden; the defaults are fine.
  }
})();
