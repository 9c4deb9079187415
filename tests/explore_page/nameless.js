// Controls that a screen reader would have no name for.
() => {
  const controls = document.querySelectorAll("button, input, select, [role=button], [tabindex]");
  const named = (one) =>
    one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length;
  return [...controls].filter((one) => !named(one)).map((one) => one.outerHTML);
}
