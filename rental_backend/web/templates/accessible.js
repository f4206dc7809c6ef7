// What Swagger UI leaves out for who cannot see the page or use a mouse: a plugin, and names for what has none.
"use strict";

// The path of an operation is a link within the button that opens it: two controls in one. It is the button's text here.
const TextInButton = (DeepLink, { React }) => (props) =>
  props.path.includes("/") ? React.createElement("span", null, props.text) : React.createElement(DeepLink, props);

const accessible = () => ({ wrapComponents: { DeepLink: TextInButton } });

const parameter = (each) => each.closest("[data-param-name]")?.dataset.paramName ?? "Value";
const NAMES = {
  ".parameters :is(input, select, textarea)": parameter,
  ".opblock-section-request-body textarea": () => "Request body",
  ".opblock-section-request-body :is(input, select)": parameter,
  ".close-modal": () => "Close",
  ".modal-ux": (each) => each.querySelector("h3").textContent,
};

// Its components take no names, so they are given to the elements, as often as it makes new ones.
function giveNames(root) {
  for (const [selector, name] of Object.entries(NAMES)) {
    for (const each of root.querySelectorAll(`:is(${selector}):not([aria-label], [aria-labelledby])`)) {
      each.setAttribute("aria-label", name(each));
    }
  }
  // People who speak to the page say what they see: "Logout", not "Remove authorization" (WCAG 2.5.3).
  for (const each of root.querySelectorAll(".auth-btn-wrapper button[aria-label]")) {
    each.removeAttribute("aria-label");
  }
  for (const each of root.querySelectorAll(".modal-ux:not([role])")) {
    each.setAttribute("role", "dialog");
    each.setAttribute("aria-modal", "true");
  }
}

const watched = document.getElementById("swagger-ui");
new MutationObserver(() => giveNames(watched)).observe(watched, { childList: true, subtree: true });
