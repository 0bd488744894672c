"use strict";
// Hides the rows that are not asked for. Nothing is made or moved, so the page is the same page without this.
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const number = (count) => count.toLocaleString("en");
  const actions = (row) => Number(row.dataset.count || 1);
  const fold = (text) => text.normalize("NFKC").toLowerCase();

  const sections = all("section.kind").map((element) => ({
    element,
    kind: element.dataset.kind,
    number: element.querySelector("h3 .number"),
    total: all("li.row", element).reduce((total, row) => total + actions(row), 0),
  }));
  const rows = sections.flatMap((section) =>
    all("li.row", section.element).map((element) => ({
      element,
      section,
      count: actions(element),
      group: element.dataset.group,
      origins: (element.dataset.origin || "").split(" "),
      shown: true,
      text: null,
      spans: [],
    })),
  );

  const copy = byId("copy");
  if (copy) copy.hidden = false;
  copy?.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(byId("digest").textContent);
      copy.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(byId("digest"));
      copy.textContent = "Selected";
    }
    setTimeout(() => { copy.textContent = "Copy"; }, 2000);
  });
  if (rows.length === 0) return;

  const [text, group, origin, clear] = ["text", "group", "origin", "clear"].map(byId);
  const kinds = new Map(all(".chart li[data-kind]").map((item) => [item.dataset.kind, button(item)]));
  const total = sections.reduce((sum, section) => sum + section.total, 0);
  let written = 0;

  /** The part of the chart as a button. */
  function button(item) {
    const cell = item.querySelector(".cell");
    const made = document.createElement("button");
    made.type = "button";
    made.className = cell.className;
    made.append(...cell.childNodes);
    made.setAttribute("aria-pressed", "false");
    made.addEventListener("click", () => { press(made, !pressed(made)); changed(); });
    cell.replaceWith(made);
    return made;
  }

  function pressed(made) {
    return made.getAttribute("aria-pressed") === "true";
  }

  function press(made, down) {
    made.setAttribute("aria-pressed", String(down));
  }

  /** What can be searched, read once; a line end between two texts keeps a search from running over both. */
  function readTexts() {
    for (const row of rows) {
      if (row.text !== null) continue;
      row.text = fold(all("bdi, dt", row.element).map((part) => part.textContent).join("\n"));
      // Folding makes three dots of an ellipsis.
      row.spans = Array.from(row.text.matchAll(/(\d+)\.\.\.(\d+)/g), (span) => span.slice(1));
    }
  }

  /** Whether a row has the word, or an id that begins with it within a span such as 8003…8059. */
  function has(row, word) {
    return row.text.includes(word) || (/^\d+$/.test(word) && row.spans.some(([first, last]) =>
      word.length <= first.length && first.slice(0, word.length) <= word && word <= last.slice(0, word.length)));
  }

  function apply() {
    const wanted = new Set([...kinds].filter(([, made]) => pressed(made)).map(([kind]) => kind));
    const words = fold(text.value).split(/\s+/).filter(Boolean);
    if (words.length) readTexts();
    const left = new Map(sections.map((section) => [section, 0]));
    let count = 0;
    for (const row of rows) {
      const shown = (wanted.size === 0 || wanted.has(row.section.kind))
        && (group.value === "" || group.value === row.group)
        && (!origin || origin.value === "" || row.origins.includes(origin.value))
        && words.every((word) => has(row, word));
      if (shown !== row.shown) row.element.hidden = !(row.shown = shown);
      if (!shown) continue;
      left.set(row.section, left.get(row.section) + row.count);
      count += row.count;
    }
    for (const [section, some] of left) {
      section.element.hidden = some === 0;
      section.number.textContent = some === section.total ? number(some) : `${number(some)} of ${number(section.total)}`;
    }
    const filtered = wanted.size > 0 || words.length > 0 || group.value !== "" || (origin && origin.value !== "");
    byId("count").textContent = `${number(count)} of ${number(total)}`;
    byId("nothing").hidden = count > 0;
    clear.disabled = !filtered;
    document.body.classList.toggle("filtered", filtered);
  }

  /** The view as it stands in the address; what is not filtered is left out. A group stands there by its name. */
  function address() {
    const state = new URLSearchParams();
    const down = [...kinds].filter(([, made]) => pressed(made)).map(([kind]) => kind);
    if (down.length) state.set("action", down.join(" "));
    if (group.value !== "") state.set("group", group.selectedOptions[0].dataset.name);
    if (origin && origin.value !== "") state.set("origin", origin.value);
    if (text.value) state.set("text", text.value);
    return `#${state}`;
  }

  function restore() {
    const state = new URLSearchParams(location.hash.slice(1));
    const down = (state.get("action") || "").split(" ");
    for (const [kind, made] of kinds) press(made, down.includes(kind));
    const named = Array.from(group.options).find((option) => option.dataset.name === state.get("group"));
    group.value = named ? named.value : "";
    if (origin) origin.value = Array.from(origin.options).some((option) => option.value === state.get("origin"))
      ? state.get("origin") : "";
    text.value = state.get("text") || "";
    apply();
  }

  function changed() {
    apply();
    // Browsers allow few changes of the address a second.
    clearTimeout(written);
    written = setTimeout(() => history.replaceState(null, "", address()), 200);
  }

  text.addEventListener("input", changed);
  group.addEventListener("change", changed);
  if (origin) origin.addEventListener("change", changed);
  clear.addEventListener("click", () => {
    for (const made of kinds.values()) press(made, false);
    text.value = group.value = "";
    if (origin) origin.value = "";
    changed();
    text.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target === text) {
      text.value = "";
      changed();
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target === text) return;
    event.preventDefault();
    text.focus();
    text.select();
  });
  window.addEventListener("hashchange", restore);

  byId("tools").hidden = false;
  restore();
  if (window.requestIdleCallback) requestIdleCallback(readTexts);
})();
