"use strict";

// A row of a table in a form: a field for each column, the other forms of the row beside it.
function TableForm(data, network, changed) {
  const mostShown = 60;
  const { columns, decoded, isMissing, isSame } = network.table;
  const holder = document.getElementById("forms");
  const shown = data.table.order.slice(0, mostShown).map((place) => ({ place, ...columns[place] }));
  const [missing, other] = ["missing", "other"];
  let values = columns.map(() => null);
  let fields = [];
  let lines = [];

  function element(tag, properties, parent) {
    const made = Object.assign(document.createElement(tag), properties);
    parent?.append(made);
    return made;
  }

  function dateText(seconds, column) {
    const moment = new Date(Math.round(seconds) * 1000);
    if (Number.isNaN(moment.getTime())) {
      return "\u2013";
    }
    return moment.toISOString().slice(0, column.has_time ? 19 : 10);
  }

  // Numbers that are large relative to their spread need more digits to differ.
  function numberText(value, column, least) {
    if (column.whole) {
      return String(Math.round(value));
    }
    const { offset, scale } = column.scale;
    const more = Math.ceil(Math.log10(Math.abs(offset / scale))) - 2;
    return String(Number(value.toPrecision(Math.min(17, least + (more > 0 ? more : 0)))));
  }

  // A field, and how its value is read and written.
  function fieldOf(column, cell) {
    const common = { ariaLabel: column.name };
    if (column.levels) {
      const field = element("select", common, cell);
      column.names.forEach((name, place) => {
        element("option", { value: place, textContent: name }, field);
      });
      for (const name of column.zero_one ? [missing] : [other, missing]) {
        element("option", { value: name, textContent: name }, field);
      }
      const isNamed = () => field.value !== missing && field.value !== other;
      return {
        field,
        // NaN differs from every level.
        read: () => (isNamed() ? column.levels[field.value] : field.value === missing ? null : NaN),
        write(value) {
          const place = column.zero_one && value !== null ? Math.round(value) : column.levels.indexOf(value);
          field.value = value === null ? missing : place < 0 ? other : place;
        },
      };
    }
    if (column.kind === "date") {
      const type = column.has_time ? "datetime-local" : "date";
      const field = element("input", { ...common, type, step: column.has_time ? 1 : "" }, cell);
      return {
        field,
        read: () => (field.value === "" ? null : field.valueAsNumber / 1000),
        write(value) {
          field.value = value === null ? "" : dateText(value, column);
        },
      };
    }
    const field = element("input", { ...common, type: "number", step: "any", placeholder: missing }, cell);
    return {
      field,
      read: () => (field.value === "" ? null : field.valueAsNumber),
      write(value) {
        field.value = value === null ? "" : numberText(value, column, 6);
      },
    };
  }

  function build(names) {
    const table = element("table", {});
    table.createCaption().textContent = "The row in all its forms";
    const head = table.createTHead().insertRow();
    for (const name of ["column", ...names]) {
      element("th", { scope: "col", textContent: name }, head);
    }
    const body = table.createTBody();
    fields = [];
    lines = shown.map((column) => {
      const line = body.insertRow();
      element("th", { scope: "row", textContent: column.name }, line);
      const made = fieldOf(column, line.insertCell());
      fields.push(made);
      made.field.addEventListener(column.levels ? "change" : "input", () => {
        // What is not finished, such as a lone minus sign, is not a missing value.
        if (!made.field.validity.badInput) {
          values[column.place] = made.read();
          changed();
        }
      });
      return names.slice(1).map(() => line.insertCell());
    });
    holder.replaceChildren(table);
    if (columns.length > mostShown) {
      const rest = `The other ${columns.length - mostShown} columns do not change.`;
      element("p", { textContent: rest }, holder);
    }
  }

  function fill() {
    fields.forEach(({ write }, line) => write(values[shown[line].place]));
  }

  function textOf(column, x) {
    const { value, name, share } = decoded(column, x);
    if (name !== undefined) {
      return `${name} (${(100 * share).toFixed(0)}\u00a0%)`;
    }
    return column.kind === "date" ? dateText(value, column).replace("T", " ") : numberText(value, column, 4);
  }

  function corruptedText(column, clean, noisy, noise) {
    if (isSame(column, clean, noisy)) {
      return "unchanged";
    }
    if (noise === "masking") {
      return "hidden";
    }
    return isMissing(column, noisy) ? missing : decoded(column, noisy).name ?? textOf(column, noisy);
  }

  return {
    values: () => values,
    begin(row) {
      values = row ? row.slice() : columns.map(() => null);
      fill();
    },
    show(forms, noise) {
      if (!lines.length) {
        build(forms.map(([name]) => name));
        fill();
      }
      const [[, clean], [, noisy], ...rebuilt] = forms;
      shown.forEach((column, line) => {
        const [cell, ...others] = lines[line];
        cell.textContent = corruptedText(column, clean, noisy, noise);
        cell.className = cell.textContent === "unchanged" ? "detail" : "changed";
        others.forEach((each, depth) => {
          each.textContent = textOf(column, rebuilt[depth][1]);
        });
      });
    },
  };
}
