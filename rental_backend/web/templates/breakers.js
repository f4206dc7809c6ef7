// The live page of the breakers. The server makes the page; this only puts its newest parts in place of the old ones.
//
// The token of who steers is kept in this variable and nowhere else: a cookie would be sent with requests that other
// sites make, and what a storage keeps outlives the tab's purpose. Another site's page cannot send the header.
"use strict";

const POLL = 2000;
const POLLS = 15; // before a stream is asked for again
let token = "";
let following = null;

const at = (id) => document.getElementById(id);
const pause = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()));
  });

// What is shown

function show(html, how) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  for (const now of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(now.id);
    if (next && next.innerHTML !== now.innerHTML) {
      now.className = next.className;
      now.replaceChildren(...next.childNodes);
    }
  }
  at("link").textContent = how;
}

async function ask(accept, signal) {
  const headers = token ? { Accept: accept, Authorization: `Bearer ${token}` } : { Accept: accept };
  return fetch("/health/breakers", { headers, signal, cache: "no-store" });
}

async function stream(signal) {
  const answer = await ask("text/event-stream", signal);
  if (answer.status !== 200) {
    return false;
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let kept = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (kept + part.value).split("\n\n");
    kept = events.pop();
    for (const event of events) {
      show(event.replaceAll(/^data: ?/gm, ""), "Live.");
    }
  }
  return true;
}

async function poll(signal) {
  for (let left = POLLS; left && !signal.aborted; left -= 1) {
    const answer = await ask("text/html", signal);
    show(await answer.text(), "Refreshed every 2 s: all places for live pages are taken.");
    await pause(POLL, signal);
  }
}

async function follow() {
  following?.abort();
  following = new AbortController();
  const { signal } = following;
  while (!signal.aborted) {
    try {
      if (!(await stream(signal))) {
        await poll(signal);
      }
    } catch {
      if (!signal.aborted) {
        at("link").textContent = "The service does not answer; this page is out of date.";
        await pause(POLL, signal);
      }
    }
  }
}

document.addEventListener("visibilitychange", () => (document.hidden ? following?.abort() : follow()));

// Steering

function say(text) {
  at("outcome").textContent = text;
}

async function send(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (token) {
    headers.Authorization = `Bearer ${token}`;
  }
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (answer.status === 401) {
    signedIn("");
  }
  return answer.ok ? { said } : { fault: said.detail };
}

function signedIn(given) {
  token = given;
  at("sign-in").hidden = Boolean(token);
  for (const id of ["order", "mode-order", "sign-out"]) {
    at(id).hidden = !token;
  }
  follow();
}

async function signIn(fields) {
  const { said, fault } = await send("POST", "/api/auth/login", Object.fromEntries(fields));
  if (fault) {
    return say(fault);
  }
  token = said.access_token;
  const allowed = await send("GET", "/api/operations/breakers");
  signedIn(allowed.fault ? "" : token);
  say(allowed.fault ?? "Signed in: orders are given in your name.");
  at(allowed.fault ? "sign-in" : "order").elements[0].focus();
}

const MEANT = {
  "forced-open": (name) => `Every call to ${name} is refused`,
  "forced-closed": (name) => `Every call to ${name} is made, whatever happens to it`,
  "metrics-only": (name) => `Every call to ${name} is made and only counted`,
};

function breakerOrder({ name, state, reason, minutes }) {
  const path = `/api/operations/breakers/${encodeURIComponent(name)}`;
  if (state === "reset") {
    const consequence = `The breaker ${name} closes in all workers of this host and counts anew.`;
    return { wanted: name, consequence, call: ["POST", `${path}/reset`, { reason }] };
  }
  const consequence = `${MEANT[state](name)}, in all workers of this host, for ${minutes} min.`;
  return { wanted: name, consequence, call: ["PUT", path, { state, reason, seconds: minutes * 60 }] };
}

function modeOrder({ mode, reason, minutes }) {
  const ends = minutes ? `for ${minutes} min` : "until the next order";
  const consequence = `All workers of this host are in the mode ${mode} ${ends}.`;
  const body = { mode, reason, seconds: minutes ? minutes * 60 : null };
  return { wanted: mode, consequence, call: ["PUT", "/api/operations/mode", body] };
}

// Resolves to whether the order was confirmed, by typing what it is about.
function confirmed({ wanted, consequence }) {
  const dialog = at("confirm");
  const form = dialog.querySelector("form");
  form.reset();
  at("mistyped").textContent = "";
  at("wanted").textContent = wanted;
  at("consequence").textContent = consequence;
  form.onsubmit = (event) => {
    if (form.elements.typed.value.trim() !== wanted) {
      event.preventDefault();
      at("mistyped").textContent = `This is not ${wanted}: nothing was ordered.`;
      form.elements.typed.focus();
    }
  };
  at("cancel").onclick = () => dialog.close("");
  dialog.returnValue = "";
  dialog.showModal();
  form.elements.typed.focus();
  return new Promise((done) => {
    dialog.onclose = () => done(dialog.returnValue === "confirmed");
  });
}

function onSubmit(id, act) {
  at(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    say("");
    try {
      await act(new FormData(event.target), event.target);
    } catch {
      say("The service did not answer. Check whether the order is in force before you repeat it.");
    }
  });
}

function onOrder(id, made) {
  onSubmit(id, async (fields, form) => {
    const order = made(Object.fromEntries(fields));
    if (!(await confirmed(order))) {
      return say("Nothing was ordered.");
    }
    const { fault } = await send(...order.call);
    say(fault ?? `Ordered. ${order.consequence}`);
    if (!fault) {
      form.reset();
    }
  });
}

onSubmit("sign-in", async (fields, form) => {
  form.elements.password.value = "";
  await signIn(fields);
});
onOrder("order", breakerOrder);
onOrder("mode-order", modeOrder);
at("sign-out").addEventListener("click", () => {
  signedIn("");
  say("Signed out.");
});
at("unscripted").hidden = true;
at("sign-in").hidden = false;
follow();
