// Looks every quarter of a minute whether there is something new, and shows it without a jump if there is.
"use strict";

const EVERY = 15000;

async function look() {
  if (document.hidden) return;
  const answer = await fetch("/status", { cache: "no-cache" });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const [before, after] = [document, fresh].map(page => page.getElementById("live"));
  if (!after || after.dataset.key === before.dataset.key) return;
  before.replaceWith(after);
  const [said, now] = [document, fresh].map(page => page.getElementById("headline"));
  said.className = now.className;
  if (said.textContent !== now.textContent) said.textContent = now.textContent;
}

setInterval(() => look().catch(() => {}), EVERY);
