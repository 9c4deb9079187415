// Moving and zooming the picture: pointer, wheel, two fingers, keys.

const SMALLEST = 0.12;
const LARGEST = 4;
const LOW = 400; // pixels of a window in which the picture may be a little smaller at first

export class View {
  // stage: the element that is looked through; content: what is moved behind it
  constructor(stage, content) {
    this.stage = stage;
    this.content = content;
    this.size = [1, 1];
    this.x = this.y = 0;
    this.scale = 1;
    this.pointers = new Map();
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.moved(event));
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) {
      stage.addEventListener(name, (event) => this.up(event));
    }
  }

  show(size) {
    this.size = size;
    this.apply();
  }

  // All that moving does: one transform, so that nothing has to be laid out or painted anew.
  apply() {
    this.content.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
  }

  // The whole picture, if it stays readable; else its beginning.
  fit(whole = false) {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const [w, h] = this.size;
    const all = Math.min((width - 24) / w, (height - this.below - 16) / h);
    const readable = height < LOW ? 0.75 : 0.8;
    this.scale = clamp(whole ? all : Math.max(all, readable), SMALLEST, 1.6);
    const [freeX, freeY] = [width - w * this.scale, height - this.below - h * this.scale];
    this.x = whole || freeX > 0 ? freeX / 2 : 8;
    this.y = whole || freeY > 0 ? freeY / 2 : 8;
    this.apply();
  }

  // What is taken at the lower end, by the fields of the inputs or the buttons.
  get below() {
    const bar = this.stage.querySelector(".inputs-bar");
    return bar ? bar.offsetHeight + 20 : 56;
  }

  zoom(factor, x = this.stage.clientWidth / 2, y = this.stage.clientHeight / 2) {
    const scale = clamp(this.scale * factor, SMALLEST, LARGEST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.apply();
  }

  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.glide();
  }

  // Bring a point of the picture into sight, if it is not there.
  reveal(x, y, margin = 90) {
    const { clientWidth: width, clientHeight: height } = this.stage;
    const sx = this.x + x * this.scale;
    const sy = this.y + y * this.scale;
    const mx = Math.min(margin, width / 3);
    const free = height - this.below;
    const my = Math.min(margin, free / 6);
    const dx = sx < mx ? mx - sx : sx > width - mx ? width - mx - sx : 0;
    const dy = sy < my ? my - sy : sy > free - my ? free - my - sy : 0;
    if (!dx && !dy) return;
    this.x += dx && (Math.abs(dx) > width / 2 ? width / 2 - sx : dx * 1.6);
    this.y += dy && (Math.abs(dy) > height / 2 ? height / 2 - sy : dy * 1.3);
    this.glide();
  }

  glide() {
    this.content.classList.add("gliding");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.content.classList.remove("gliding"), 350);
    this.apply();
  }

  wheel(event) {
    if (event.target.closest(".floating, .board")) return;
    event.preventDefault();
    const box = this.stage.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey || (!event.ctrlKey && Math.abs(event.deltaX) > Math.abs(event.deltaY))) {
      this.x -= (event.deltaX || event.deltaY) * lines;
      this.apply();
    } else {
      this.zoom(
        Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0016)),
        event.clientX - box.x,
        event.clientY - box.y,
      );
    }
  }

  down(event) {
    if (event.target.closest("button, .floating, .board") || event.button > 0) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.box = this.stage.getBoundingClientRect();
    this.way = 0;
    this.dragged = false;
  }

  moved(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId);
    if (others.length) this.pinch(before, now, others[0][1]);
    else {
      this.x += now.x - before.x;
      this.y += now.y - before.y;
    }
    this.way += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (this.way > 5 && !this.dragged) {
      this.dragged = true;
      this.stage.setPointerCapture(event.pointerId);
      this.stage.classList.add("dragging");
    }
    this.pointers.set(event.pointerId, now);
    this.apply();
  }

  pinch(before, now, other) {
    const { box } = this;
    const factor =
      Math.hypot(now.x - other.x, now.y - other.y) /
      (Math.hypot(before.x - other.x, before.y - other.y) || 1);
    this.zoom(factor, (now.x + other.x) / 2 - box.x, (now.y + other.y) / 2 - box.y);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.stage.classList.remove("dragging");
  }
}

function clamp(x, low, high) {
  return Math.min(high, Math.max(low, x));
}
