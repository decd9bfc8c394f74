"use strict";

// The slider of the gallery: every level is on the page already, and one is shown.
(() => {
  const slider = document.getElementById("level");
  if (!slider) {
    return;
  }
  const steps = [...document.querySelectorAll("#steps > .step")];
  const text = document.getElementById("level-text");
  slider.addEventListener("input", () => {
    steps.forEach((step, place) => step.classList.toggle("shown", place === Number(slider.value)));
    text.value = steps[Number(slider.value)].dataset.noise;
  });
})();

// The map: choose the projection, describe a dot, show one class alone.
(() => {
  const holder = document.getElementById("maps");
  if (!holder) {
    return;
  }
  const data = JSON.parse(document.getElementById("map-data").textContent);
  const text = document.getElementById("map-text");
  const maps = [...holder.querySelectorAll("svg")];
  const legend = [...document.querySelectorAll(".legend button")];
  let pointed = null;

  function describe(point) {
    const parts = [`Row ${data.rows[point]}`];
    if (data.labels) {
      parts.push(`label ${data.names[data.labels[point]]}`);
    }
    if (data.predicted) {
      const share = (100 * data.probabilities[point]).toFixed(1);
      parts.push(`predicted ${data.names[data.predicted[point]]} (${share}\u00a0%)`);
    }
    return parts.join(", ");
  }

  function point(event) {
    const circle = event.target.closest("circle");
    if (!circle || circle === pointed) {
      return;
    }
    pointed?.classList.remove("pointed");
    pointed = circle;
    pointed.classList.add("pointed");
    text.textContent = describe(Number(circle.dataset.i));
  }
  holder.addEventListener("pointerover", point);
  holder.addEventListener("pointerdown", point);

  document.getElementById("projections")?.addEventListener("change", (event) => {
    maps.forEach((map, place) => map.classList.toggle("shown", place === Number(event.target.value)));
  });

  for (const button of legend) {
    button.addEventListener("click", () => {
      const alone = button.getAttribute("aria-pressed") !== "true";
      for (const other of legend) {
        other.setAttribute("aria-pressed", String(alone && other === button));
      }
      for (const group of holder.querySelectorAll("g")) {
        group.classList.toggle("dimmed", alone && group.dataset.label !== button.dataset.label);
      }
    });
  }
})();

// Open all details before printing.
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) {
    details.open = true;
  }
});
