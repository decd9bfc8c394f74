"use strict";

// A row of values in a table: the input can be changed, the other forms are shown beside it.
function RowForm(data, network, changed) {
  const mostShown = 60;
  const holder = document.getElementById("forms");
  const columns = data.columns.slice(0, mostShown);
  const average = data.scaling ? data.scaling.offset : data.columns.map(() => 0);
  let values = Float64Array.from(average);
  let inputs = [];
  let lines = [];

  function build(names) {
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.textContent = "The row in all its forms";
    const head = table.createTHead().insertRow();
    for (const name of ["column", ...names]) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = name;
      head.append(cell);
    }
    const body = table.createTBody();
    inputs = [];
    lines = columns.map((name, column) => {
      const line = body.insertRow();
      const title = document.createElement("th");
      title.scope = "row";
      title.textContent = name;
      line.append(title);
      const input = document.createElement("input");
      input.type = "number";
      input.step = "any";
      input.setAttribute("aria-label", name);
      input.addEventListener("input", () => {
        if (input.value !== "" && Number.isFinite(input.valueAsNumber)) {
          values[column] = input.valueAsNumber;
          changed();
        }
      });
      line.insertCell().append(input);
      inputs.push(input);
      return names.slice(1).map(() => line.insertCell());
    });
    holder.replaceChildren(table);
    if (data.columns.length > mostShown) {
      const rest = document.createElement("p");
      rest.textContent = `The other ${data.columns.length - mostShown} columns do not change.`;
      holder.append(rest);
    }
  }

  // Numbers that are large relative to their spread, such as times, need more digits to differ.
  function digits(least, column) {
    const { offset, scale } = data.scaling ?? { offset: values, scale: values };
    const more = Math.ceil(Math.log10(Math.abs(offset[column] / scale[column]))) - 2;
    return Math.min(17, least + (more > 0 ? more : 0));
  }

  function fill() {
    inputs.forEach((input, column) => {
      input.value = Number(values[column].toPrecision(digits(6, column)));
    });
  }

  return {
    values: () => values,
    begin(row) {
      values = Float64Array.from(row ?? average);
      fill();
    },
    show(forms) {
      if (!inputs.length) {
        build(forms.map(([name]) => name));
        fill();
      }
      lines.forEach((cells, column) => {
        cells.forEach((cell, place) => {
          cell.textContent = forms[place + 1][1][column].toPrecision(digits(4, column));
        });
      });
    },
  };
}

// An image that is drawn on a pad, in the range of the data's values.
function ImageForm(data, _network, changed) {
  const [height, width] = data.image;
  const pad = document.getElementById("pad");
  const centre = document.getElementById("centre");
  const holder = document.getElementById("forms");
  const ink = new Float64Array(height * width); // in [0, 1]
  const radius = Math.max(0.9, Math.min(height, width) / 22);
  let exact = null; // an example's own values, until it is drawn on
  let last = null; // where the pen was
  let cursor = [Math.floor(width / 2), Math.floor(height / 2)];
  let canvases = [];
  pad.width = width;
  pad.height = height;

  const toValue = (share) => data.low + share * (data.high - data.low);
  const toShare = (value) => (value - data.low) / (data.high - data.low);

  function paintOn(canvas, shares, mark) {
    const context = canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    shares.forEach((share, i) => {
      const grey = 255 * Math.min(1, Math.max(0, share));
      picture.data.set([grey, grey, grey, 255], 4 * i);
    });
    if (mark) {
      picture.data.set([90, 160, 230, 255], 4 * (mark[1] * width + mark[0]));
    }
    context.putImageData(picture, 0, 0);
  }

  const refresh = () => paintOn(pad, ink, document.activeElement === pad ? cursor : null);

  // A soft round pen at (x, y), in pixels.
  function dot(x, y) {
    exact = null;
    const reach = Math.ceil(radius + 1);
    for (let row = Math.floor(y) - reach; row <= y + reach; row++) {
      for (let column = Math.floor(x) - reach; column <= x + reach; column++) {
        if (row >= 0 && row < height && column >= 0 && column < width) {
          const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
          const share = Math.min(1, Math.max(0, radius + 0.5 - distance));
          ink[row * width + column] = Math.max(ink[row * width + column], share);
        }
      }
    }
  }

  function line([x0, y0], [x1, y1]) {
    const n = Math.ceil(4 * Math.hypot(x1 - x0, y1 - y0)) || 1;
    for (let i = 0; i <= n; i++) {
      dot(x0 + ((x1 - x0) * i) / n, y0 + ((y1 - y0) * i) / n);
    }
  }

  function place(event) {
    const box = pad.getBoundingClientRect();
    const border = (box.width - pad.clientWidth) / 2;
    return [
      ((event.clientX - box.left - border) / pad.clientWidth) * width,
      ((event.clientY - box.top - border) / pad.clientHeight) * height,
    ];
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    last = place(event);
    line(last, last);
    refresh();
    changed();
  });
  pad.addEventListener("pointermove", (event) => {
    if (last) {
      for (const step of event.getCoalescedEvents?.() ?? [event]) {
        const next = place(step);
        line(last, next);
        last = next;
      }
      refresh();
      changed();
    }
  });
  for (const end of ["pointerup", "pointercancel"]) {
    pad.addEventListener(end, () => {
      last = null;
    });
  }
  pad.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key];
    if (move) {
      cursor = [
        Math.min(width - 1, Math.max(0, cursor[0] + move[0])),
        Math.min(height - 1, Math.max(0, cursor[1] + move[1])),
      ];
    } else if (event.key === " " || event.key === "Enter") {
      dot(cursor[0] + 0.5, cursor[1] + 0.5);
      changed();
    } else {
      return;
    }
    event.preventDefault();
    refresh();
  });
  pad.addEventListener("focus", refresh);
  pad.addEventListener("blur", refresh);
  centre?.addEventListener("change", changed);

  // MNIST's digits fill 20 × 20 pixels, and their centre of mass is the picture's.
  function centred(shares) {
    const inked = [...shares.keys()].filter((i) => shares[i] > 0.1);
    if (!inked.length) {
      return shares;
    }
    const columns = inked.map((i) => i % width);
    const rows = inked.map((i) => Math.floor(i / width));
    const [left, right] = [Math.min(...columns), Math.max(...columns) + 1];
    const [top, bottom] = [Math.min(...rows), Math.max(...rows) + 1];
    const scale = Math.max(right - left, bottom - top) / 20;
    const mass = inked.reduce((sum, i) => sum + shares[i], 0);
    const x = inked.reduce((sum, i) => sum + shares[i] * ((i % width) + 0.5), 0) / mass;
    const y = inked.reduce((sum, i) => sum + shares[i] * (Math.floor(i / width) + 0.5), 0) / mass;
    return shares.map((_, i) => {
      const u = x + ((i % width) + 0.5 - width / 2) * scale;
      const v = y + (Math.floor(i / width) + 0.5 - height / 2) * scale;
      return sampled(shares, u - 0.5, v - 0.5);
    });
  }

  // The value between four pixels.
  function sampled(shares, x, y) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    const at = (r, c) => (r >= 0 && r < height && c >= 0 && c < width ? shares[r * width + c] : 0);
    const [dx, dy] = [x - column, y - row];
    return (
      (1 - dy) * ((1 - dx) * at(row, column) + dx * at(row, column + 1)) +
      dy * ((1 - dx) * at(row + 1, column) + dx * at(row + 1, column + 1))
    );
  }

  return {
    values: () => exact ?? (centre?.checked ? centred(ink) : ink).map(toValue),
    begin(row) {
      exact = row ? Float64Array.from(row) : null;
      ink.set(row ? Array.from(row, toShare) : new Array(ink.length).fill(0));
      refresh();
    },
    show(forms) {
      if (!canvases.length) {
        canvases = forms.map(([name]) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [width, height];
          canvas.setAttribute("role", "img");
          canvas.setAttribute("aria-label", `The row as an image: ${name}`);
          const figure = document.createElement("figure");
          const caption = document.createElement("figcaption");
          caption.textContent = name;
          figure.append(canvas, caption);
          holder.append(figure);
          return canvas;
        });
      }
      forms.forEach(([, row], i) => paintOn(canvases[i], Array.from(row, toShare)));
    },
  };
}
