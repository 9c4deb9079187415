// What has the focus: its name, whether it is in the picture, and whether one sees the focus on it.
() => {
  const one = document.activeElement;
  const outlined = (element) => {
    const style = element && getComputedStyle(element);
    return Boolean(style) && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  };
  const name = one.dataset.switch ? `switch ${one.dataset.switch}` : (one.dataset.id ?? one.outerHTML.slice(0, 80));
  return {
    name,
    inPicture: one.matches(".thing, .switch"),
    marked: one === document.body || outlined(one) || outlined(one.querySelector(".body, .hit")),
  };
}
