// Numbers as people read them: the same digits that Python's pictures and tables show.

// Up to `digits` significant digits, halves rounded to even as in Python; −, ∞ and NaN as signs.
export function number(value, digits = 6) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "string") return hugeOrOdd(value, digits);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  let { figures, exponent } = rounded(size, digits);
  if (size >= 10 ** (digits - 1) && size < 10 ** (digits + 3)) {
    return sign + toWhole(size);
  }
  figures = figures.replace(/0+$/, "");
  if (exponent < -4 || exponent >= digits) {
    const point = figures.length > 1 ? `${figures[0]}.${figures.slice(1)}` : figures;
    return `${sign}${point}e${exponent < 0 ? "−" : ""}${Math.abs(exponent)}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${figures}`;
  const before = figures.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const behind = figures.slice(exponent + 1);
  return sign + (behind ? `${before}.${behind}` : before);
}

// The first digits of a positive number, correctly rounded, and its power of ten.
function rounded(size, digits) {
  const [mantissa, power] = size.toExponential(60).split("e");
  const all = mantissa.replace(".", "");
  let figures = all.slice(0, digits);
  let exponent = Number(power);
  if (roundsUp(all, digits)) {
    figures = (BigInt(figures) + 1n).toString();
    if (figures.length > digits) {
      figures = figures.slice(0, digits);
      exponent += 1;
    }
  }
  return { figures, exponent };
}

function roundsUp(all, digits) {
  const rest = all.slice(digits);
  if (/^50*$/.test(rest)) return Number(all[digits - 1]) % 2 === 1; // just between: to the even one
  return rest >= "5";
}

function toWhole(size) {
  const floor = Math.floor(size);
  const rest = size - floor;
  return String(rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
}

// Whole numbers too large for JavaScript, and what JSON cannot say, come as text.
function hugeOrOdd(text, digits) {
  if (text === "NaN") return "NaN";
  if (text === "Infinity" || text === "-Infinity") return text[0] === "-" ? "−∞" : "∞";
  if (!/^-?\d+$/.test(text)) return text;
  const negative = text.startsWith("-");
  const figures = text.replace("-", "");
  const lead = number(Number(`${figures[0]}.${figures.slice(1, 17)}`), digits);
  return `${negative ? "−" : ""}${lead}e${figures.length - 1}`;
}

// What a person types into a field: "1,5" and "−2" as well; NaN where it is no number.
export function typed(text) {
  const plain = text.trim().replace("−", "-").replace(",", ".");
  return plain === "" ? NaN : Number(plain);
}

export function shapeText(shape) {
  return shape.length ? shape.join("×") : "";
}

export function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, ",");
}
