// The numbers in tables of the panel that reach beyond the right end of what one sees of it.
() => {
  const cut = [];
  for (const cell of document.querySelectorAll(".made td, .checked td:not(:last-child)")) {
    const range = document.createRange();
    range.selectNodeContents(cell);
    const box = cell.closest(".made, .checked").getBoundingClientRect();
    if (range.getBoundingClientRect().right > box.right + 0.5) cut.push(cell.textContent);
  }
  return cut;
};
