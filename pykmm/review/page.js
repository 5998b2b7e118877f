/* SPDX-License-Identifier: GPL-2.0-only */
(() => {
  "use strict";
  const all = (what, where = document) => [...where.querySelectorAll(what)];
  const find = document.getElementById("find");
  const found = document.getElementById("found");
  const items = all(".item");
  const edits = all(".edit");
  const players = all(".player");

  // Where the reader is, and going elsewhere.

  const wide = matchMedia("(min-width: 92rem)");
  const fit = () => {
    document.querySelector(".contents").open = wide.matches;
    document.documentElement.classList.toggle("narrow", !wide.matches);
  };
  wide.addEventListener("change", fit);
  fit();

  const reveal = (target) => {
    for (let at = target; at; at = at.parentElement) {
      at.hidden = false;
      if (at.tagName === "DETAILS") at.open = true;
    }
    const details = target.querySelector(":scope > details");
    if (details) details.open = true;
  };
  const go = (target) => {
    history.replaceState(null, "", "#" + target.id);
    reveal(target);
    target.scrollIntoView();
    if (target.tabIndex === -1) target.focus({ preventScroll: true });
  };
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    reveal(target);
    target.scrollIntoView();
    if (!wide.matches) document.querySelector(".contents").open = false;
  };
  addEventListener("hashchange", follow);
  if (location.hash) follow();

  const near = (list) => {
    const line = innerHeight / 3;
    return list.reduce((at, one, i) => !one.hidden && one.getBoundingClientRect().top <= line ? i : at, -1);
  };
  const nextEdit = (by) => {
    const shown = edits.filter((one) => !one.hidden);
    const focused = shown.findIndex((one) => one.contains(document.activeElement));
    const at = focused >= 0 ? focused : near(shown);
    const to = Math.min(Math.max(at + by, 0), shown.length - 1);
    if (shown[to]) go(shown[to]);
  };

  // Searching.

  const texts = new Map(items.map((one) => [one, one.textContent.toLowerCase()]));
  const matches = () => {
    const said = find.value.trim().toLowerCase();
    return items.filter((one) => !said || one.id.toLowerCase() === said || texts.get(one).includes(said));
  };
  const search = () => {
    const kept = new Set(matches());
    const said = find.value.trim();
    for (const one of items) one.hidden = !kept.has(one);
    for (const section of all("main > section")) section.hidden = !all(".item", section).some((one) => !one.hidden);
    document.getElementById("nothing").hidden = kept.size > 0;
    found.textContent = said ? `${kept.size} found` : "";
  };
  const jump = () => {
    const said = find.value.trim().toLowerCase();
    const exact = said && all("[id]").find((one) => one.id.toLowerCase() === said);
    const first = exact || matches()[0];
    if (first) { find.blur(); go(first); }
  };
  const clear = () => { find.value = ""; search(); find.blur(); };
  find.addEventListener("input", search);

  // Runs.

  const show = (player, to) => {
    const buttons = all("[data-to]", player);
    const at = Math.min(Math.max(to, 0), buttons.length - 1);
    player.dataset.at = at;
    for (const one of all(".moment", player)) one.hidden = Number(one.dataset.number) !== at;
    for (const one of buttons) {
      if (Number(one.dataset.to) === at) one.setAttribute("aria-current", "step");
      else one.removeAttribute("aria-current");
    }
    player.querySelector("output").textContent = `${at} of ${buttons.length - 1}`;
    player.querySelector('[data-by="-1"]').disabled = at === 0;
    player.querySelector('[data-by="1"]').disabled = at === buttons.length - 1;
  };
  const step = (player, by) => show(player, Number(player.dataset.at) + by);
  for (const player of players) {
    show(player, Number(player.dataset.at));
    player.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button && button.dataset.to) show(player, Number(button.dataset.to));
      if (button && button.dataset.by) step(player, Number(button.dataset.by));
    });
  }
  const playerAtHand = () => players.find((one) => one.contains(document.activeElement)) ||
    players.find((one) => {
      const box = one.getBoundingClientRect();
      return box.height && box.top < innerHeight * .7 && box.bottom > innerHeight * .3;
    });

  // Keys.

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") { clear(); return; }
    if (event.target === find) {
      if (event.key === "Enter") jump();
      return;
    }
    const player = event.key.startsWith("Arrow") && playerAtHand();
    if (event.key === "n") nextEdit(1);
    else if (event.key === "p") nextEdit(-1);
    else if (event.key === "/") find.focus();
    else if (player && event.key === "ArrowRight") step(player, 1);
    else if (player && event.key === "ArrowLeft") step(player, -1);
    else return;
    event.preventDefault();
  });
})();
