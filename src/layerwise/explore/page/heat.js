// Heat maps and images: numbers as coloured cells on a canvas.
//
// Gradients have diverging colours around 0. A picture is cut into tiles, one matrix each: the
// channels of an image, the kernels of a convolution.

let scales = { sequential: [], diverging: [], odd: [230, 0, 122] };

export function setScales(palette, dark) {
  scales = {
    sequential: palette.sequential.map(rgb),
    diverging: (dark ? palette.divergingDark : palette.diverging).map(rgb),
    odd: rgb(palette.odd),
  };
}

function rgb(hex) {
  return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
}

export function cssScale(diverging) {
  const colors = (diverging ? scales.diverging : scales.sequential).map((c) => `rgb(${c.join()})`);
  return `linear-gradient(to right, ${colors.join(", ")})`;
}

// How numbers become colours: from low to high; diverging scales reach equally far on both sides.
export function range(said, diverging) {
  const low = said.low ?? 0;
  const high = said.high ?? 0;
  if (!diverging) return [low, high];
  const far = Math.max(Math.abs(low), Math.abs(high));
  return [-far, far];
}

export function color(x, [low, high], diverging) {
  if (!Number.isFinite(x)) return scales.odd;
  const scale = diverging ? scales.diverging : scales.sequential;
  const half = high / 2 - low / 2;
  const t = half > 0 ? (x / 2 - (high / 2 + low / 2) / 2) / half + 0.5 : 0.5;
  return scale[Math.round(Math.min(1, Math.max(0, t)) * (scale.length - 1))];
}

function gray(x, [low, high]) {
  if (!Number.isFinite(x)) return scales.odd;
  const t = high > low ? Math.round((255 * (x - low)) / (high - low)) : 0;
  return [t, t, t];
}

// What of a tensor is seen: tiles of rows and columns, and where in the tensor each cell is.
//   leads     the places along the axes in front that are not among the tiles
//   mode      "image" folds rows of a square length into squares
// Returns {rows, columns, across, tiles, place(tile, row, column)}.
export function viewOf(tensor, leads = [], mode = "matrix") {
  const sizes = tensor.sizes;
  const n = sizes.length;
  if (mode === "image" && n === 2) return foldedView(tensor);
  if (n === 1) return rowView(sizes[0]);
  const rows = sizes[n - 2];
  const columns = sizes[n - 1];
  if (n === 2) return plain(rows, columns, 1, 1, (_, r, c) => r * columns + c);
  if (rows * columns === 1 && n >= 3) {
    const view = rowView(sizes[n - 3]);
    const base = offset(tensor, leads);
    return { ...view, place: (t, r, c) => base + view.place(t, r, c) };
  }
  const tiles = sizes[n - 3];
  const base = offset(tensor, leads);
  const across = Math.ceil(Math.sqrt((tiles * rows) / columns));
  const place = (t, r, c) => base + t * tensor.strides[n - 3] + r * columns + c;
  return plain(rows, columns, tiles, Math.max(1, Math.min(tiles, across)), place);
}

function plain(rows, columns, tiles, across, place) {
  return { rows, columns, tiles, across, place };
}

// A long row of numbers is folded into a block, in reading order.
function rowView(size) {
  if (size <= 40) return plain(1, size, 1, 1, (_, r, c) => c);
  let columns = Math.ceil(Math.sqrt(size));
  while (columns < 2 * Math.sqrt(size) && size % columns) columns++;
  if (size % columns) columns = Math.ceil(Math.sqrt(size));
  const rows = Math.ceil(size / columns);
  return plain(rows, columns, 1, 1, (_, r, c) => (r * columns + c < size ? r * columns + c : -1));
}

// Rows that are images: one tile for each row, square.
function foldedView(tensor) {
  const [tiles, length] = tensor.sizes;
  const side = Math.sqrt(length);
  return plain(side, side, tiles, Math.ceil(Math.sqrt(tiles)), (t, r, c) => t * length + r * side + c);
}

function offset(tensor, leads) {
  return leads.reduce((sum, place, axis) => sum + place * tensor.strides[axis], 0);
}

// Whether the rows of a matrix may be images, such as 784 = 28 × 28 pixels.
export function mayBeImages(tensor) {
  const length = tensor.sizes[1];
  return (
    tensor.sizes.length === 2 && length >= 49 && Number.isInteger(Math.sqrt(length)) && !tensor.axes[1]
  );
}

// Draws a view into a new canvas, one pixel for each cell and one between tiles.
export function drawn(tensor, view, style) {
  const gap = view.tiles > 1 ? 1 : 0;
  const down = Math.ceil(view.tiles / view.across);
  const width = view.across * (view.columns + gap) - gap;
  const height = down * (view.rows + gap) - gap;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, width);
  canvas.height = Math.max(1, height);
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(canvas.width, canvas.height);
  const paint = painter(tensor, style);
  for (let t = 0; t < view.tiles; t++) {
    const left = (t % view.across) * (view.columns + gap);
    const top = Math.floor(t / view.across) * (view.rows + gap);
    for (let r = 0; r < view.rows; r++) {
      for (let c = 0; c < view.columns; c++) {
        const place = view.place(t, r, c);
        if (place < 0) continue;
        const [red, green, blue] = paint(place);
        pixels.data.set([red, green, blue, 255], 4 * ((top + r) * canvas.width + left + c));
      }
    }
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

function painter(tensor, style) {
  const ends = range(tensor.said, style === "diverging");
  const numbers = tensor.numbers;
  if (style === "gray") return (place) => gray(numbers[place], ends);
  return (place) => color(numbers[place], ends, style === "diverging");
}

// An image of three channels in its own colours.
export function drawnInColor(tensor, lead) {
  const [, , height, width] = tensor.sizes;
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  const ends = range(tensor.said, false);
  for (let i = 0; i < height * width; i++) {
    const place = lead * tensor.strides[0] + i;
    for (let channel = 0; channel < 3; channel++) {
      pixels.data[4 * i + channel] = gray(tensor.numbers[place + channel * tensor.strides[1]], ends)[0];
    }
    pixels.data[4 * i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// The cell of a view that holds a place of the tensor, as {tile, row, column}; null: none.
export function cellOf(view, place) {
  for (let t = 0; t < view.tiles; t++) {
    for (let r = 0; r < view.rows; r++) {
      for (let c = 0; c < view.columns; c++) {
        if (view.place(t, r, c) === place) return { tile: t, row: r, column: c };
      }
    }
  }
  return null;
}

// A small picture of a tensor for the graph: the first sample, or all of a small matrix.
export function thumbnail(tensor, style, most = 44) {
  if (tensor.numbers.length === 0) return null;
  const leads = tensor.sizes.slice(0, Math.max(0, tensor.sizes.length - 3)).map(() => 0);
  let view = viewOf(tensor, leads, style === "gray" && mayBeImages(tensor) ? "image" : "matrix");
  if (view.tiles > 1) view = fewerTiles(view, tensor.sizes.length > 2 ? 4 : 9);
  if (tensor.sizes.length === 2 && view.tiles === 1) view = cropped(view, most);
  const canvas = drawn(tensor, view, style);
  const scale = most / Math.max(canvas.width, canvas.height);
  const least = 11; // a strip is stretched, so that it can be seen
  return {
    url: canvas.toDataURL(),
    width: Math.max(canvas.width * scale, least),
    height: Math.max(canvas.height * scale, least),
  };
}

function fewerTiles(view, most) {
  const tiles = Math.min(view.tiles, most);
  return { ...view, tiles, across: Math.ceil(Math.sqrt(tiles)) };
}

function cropped(view, most) {
  return { ...view, rows: Math.min(view.rows, most), columns: Math.min(view.columns, 2 * most) };
}
