// The page at /docs: Swagger UI over /openapi.json, and a form that signs in for it. The token stays in this page.
"use strict";

const ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  plugins: [accessible],
  deepLinking: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: false,
  tagsSorter: "alpha",
  validatorUrl: null,
});

const form = document.getElementById("sign-in");
const told = document.getElementById("signed-in");
form.hidden = false;

async function signIn(fields) {
  const answer = await fetch("/api/auth/login", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(Object.fromEntries(fields)),
  });
  const said = await answer.json();
  if (!answer.ok) {
    return said.detail;
  }
  ui.preauthorizeApiKey("bearer", said.access_token);
  return "Signed in: operations are tried as this user.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  form.reset();
  told.value = "";
  try {
    told.value = await signIn(fields);
  } catch {
    told.value = "The service did not answer.";
  }
});
