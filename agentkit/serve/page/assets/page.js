// Parts of the page are put in by htmx; here is what it must not take from who reads them.
"use strict";

// What was opened stays open.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  if (!target || !target.querySelectorAll) return;
  const all = (root) => [...(root.matches && root.matches("details") ? [root] : []), ...root.querySelectorAll("details")];
  const before = all(target);
  all(fragment).forEach((one, at) => {
    const known = one.id ? before.find((each) => each.id === one.id) : before[at];
    if (known && known.open) one.open = true;
  });
});

// A connection made anew begins after the last event that came, not where the page began.
const last = new Map();
htmx.createEventSource = (address) => {
  const url = new URL(address, location.href);
  const path = url.pathname;
  if (last.has(path)) url.searchParams.set("after", last.get(path));
  const source = new EventSource(url);
  source.addEventListener("parts", (event) => last.set(path, event.lastEventId));
  return source;
};

// A link to a step opens it.
const reveal = () => {
  const place = location.hash && document.getElementById(location.hash.slice(1));
  for (let at = place; at; at = at.parentElement) if (at.matches("details")) at.open = true;
  if (place && place.classList.contains("body")) place.focus();
};
addEventListener("hashchange", reveal);
addEventListener("DOMContentLoaded", reveal);
