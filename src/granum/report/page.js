"use strict";
(() => {
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };

  // A viewer knows which object lies under the pointer from a label map, and shows its numbers from a list.
  const prepare = (box) => {
    const canvas = box.querySelector("canvas"), tip = box.querySelector(".tip");
    const width = +box.dataset.width, height = +box.dataset.height, wide = box.dataset.wide === "1";
    let map = null, objects = null, names = null, loading = null, shown = 0;
    const load = () => loading ??= (async () => {
      const coded = await inflate(box.dataset.map);
      const labels = wide ? new Uint32Array(coded) : new Uint16Array(coded);
      for (let y = 0; y < height; y++)
        for (let x = 1, i = y * width + 1; x < width; x++, i++) labels[i] += labels[i - 1];
      const list = JSON.parse(new TextDecoder().decode(await inflate(box.dataset.objects)));
      names = list.names;
      objects = new Map(list.rows.map((row) => [row[0], row]));
      canvas.width = width;
      canvas.height = height;
      map = labels;
    })();
    const show = (label) => {
      if (label === shown) return;
      shown = label;
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, width, height);
      if (!label) return;
      const picture = context.createImageData(width, height);
      const ink = new Uint32Array(picture.data.buffer);
      for (let i = 0; i < map.length; i++) if (map[i] === label) ink[i] = 0x73ffffff;
      context.putImageData(picture, 0, 0);
    };
    const place = (px, py) => {
      const room = box.getBoundingClientRect();
      tip.style.left = (px + 18 + tip.offsetWidth > room.width ? Math.max(0, px - tip.offsetWidth - 12) : px + 16) + "px";
      tip.style.top = Math.max(0, Math.min(py + 14, room.height - tip.offsetHeight - 4)) + "px";
    };
    const tell = (label, px, py) => {
      const row = objects.get(label);
      tip.style.display = row ? "block" : "none";
      if (!row) return;
      tip.textContent = "";
      const head = document.createElement("b");
      head.textContent = "object " + label;
      tip.append(head);
      names.forEach((name, i) => {
        const value = row[i + 1];
        if (value === null || value === "") return;
        tip.append(document.createElement("br"), name + " " + value);
      });
      place(px, py);
    };
    const hide = () => { if (map) show(0); tip.style.display = "none"; };
    box.addEventListener("pointerenter", load);
    box.addEventListener("pointermove", async (event) => {
      await load();
      const room = box.getBoundingClientRect();
      const px = event.clientX - room.left, py = event.clientY - room.top;
      const x = Math.floor(px / room.width * width), y = Math.floor(py / room.height * height);
      const label = x >= 0 && y >= 0 && x < width && y < height ? map[y * width + x] : 0;
      show(label);
      tell(label, px, py);
    });
    box.addEventListener("pointerleave", hide);
    const toggle = box.parentElement.querySelector("input.outlines-on");
    toggle?.addEventListener("change", () => box.classList.toggle("plain", !toggle.checked));
    const tint = box.parentElement.querySelector("input.classes-on");
    tint?.addEventListener("change", () => box.classList.toggle("untinted", !tint.checked));
    return { async point(label, x, y) {
      await load();
      show(label);
      const room = box.getBoundingClientRect();
      tell(label, (x + .5) / +box.dataset.fullwidth * room.width, (y + .5) / +box.dataset.fullheight * room.height);
    }, hide };
  };
  const viewers = Array.from(document.querySelectorAll(".viewer"), prepare);

  for (const row of document.querySelectorAll("tr[data-label]")) {
    const viewer = viewers[+row.dataset.section];
    if (!viewer) continue;
    row.addEventListener("pointerenter", () => viewer.point(+row.dataset.label, +row.dataset.x, +row.dataset.y));
    row.addEventListener("pointerleave", viewer.hide);
  }

  // A plate has all its numbers with it; the menus paint another measure or time into its cells.
  for (const plate of document.querySelectorAll(".plate[data-plate]")) {
    const choices = plate.querySelector(".choices");
    if (!choices) continue;
    inflate(plate.dataset.plate).then((bytes) => {
      const data = JSON.parse(new TextDecoder().decode(bytes));
      const measure = choices.querySelector("select"), time = choices.querySelector("input");
      const cells = Array.from(plate.querySelectorAll("td[data-well]")), last = data.inks.length - 1;
      const words = (value, unit) => unit === "%" ? (100 * value).toFixed(1) + " %" : (+value.toPrecision(4) + " " + unit).trim();
      const short = (value, unit) => unit === "%" ? (100 * value).toFixed(0)
        : Math.abs(value) < 1000 ? String(+value.toPrecision(3)) : value.toFixed(0);
      const paint = () => {
        const layer = data.layers[measure ? +measure.value : 0], t = time ? +time.value : +plate.dataset.time;
        for (const cell of cells) {
          const value = layer.values[t][+cell.dataset.well];
          const at = value === null ? 0
            : Math.round(Math.min(1, Math.max(0, (value - layer.low) / (layer.high - layer.low))) * last);
          cell.textContent = value === null ? "\u2013" : short(value, layer.unit);
          cell.style.background = value === null ? "" : "#" + data.colours.slice(6 * at, 6 * at + 6);
          cell.style.color = value === null ? "" : data.inks[at] === "0" ? "#000" : "#fff";
        }
        const at = data.times.length > 1 ? ", at " + data.times[t] : "";
        const name = plate.querySelector("h3")?.textContent;
        plate.querySelector("caption").textContent =
          (name ? name + ": " : "") + layer.name + (layer.unit ? ", " + layer.unit : "") + at;
        plate.querySelector(".low").textContent = words(layer.low, layer.unit);
        plate.querySelector(".high").textContent = words(layer.high, layer.unit);
        if (time) {
          time.setAttribute("aria-valuetext", data.times[t]);
          plate.querySelector(".plate-at").textContent = data.times[t];
        }
      };
      measure?.addEventListener("change", paint);
      time?.addEventListener("input", paint);
      choices.hidden = false;
    });
  }

  const sort = (head) => {
    const table = head.closest("table"), body = table.tBodies[0], column = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => row.cells[column].textContent;
    const number = (text) => text === "" ? NaN : Number(text);
    const rows = Array.from(body.rows);
    const numeric = rows.every((row) => key(row) === "" || !Number.isNaN(number(key(row))));
    rows.sort((a, b) => {
      const p = key(a), q = key(b);
      if (p === "" || q === "") return (p === "") - (q === "");
      const order = numeric ? number(p) - number(q) : p.localeCompare(q, "en", { numeric: true });
      return down ? -order : order;
    });
    body.append(...rows);
  };
  for (const head of document.querySelectorAll("table.sortable th")) {
    head.tabIndex = 0;
    head.addEventListener("click", () => sort(head));
    head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(head); });
  }

  for (const button of document.querySelectorAll("button[data-copy]"))
    button.addEventListener("click", () => {
      const range = document.createRange();
      range.selectNodeContents(document.getElementById(button.dataset.copy));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      navigator.clipboard?.writeText(String(getSelection())).then(() => { button.textContent = "copied"; }, () => {});
    });
})();
