"use strict";

// The playground: a row made by the reader is corrupted, reconstructed and classified.
(async () => {
  const data = JSON.parse(document.getElementById("playground-data").textContent);
  const byId = (id) => document.getElementById(id);
  const text = byId("playground-text");
  if (typeof DecompressionStream === "undefined") {
    text.textContent = "This browser is too old to unpack the network.";
    return;
  }
  const network = await Network.load(data);
  const newForm = data.image ? ImageForm : data.table ? TableForm : RowForm;
  const form = newForm(data, network, show);
  const unpacked = (e) => (data.table ? e.values : Network.doubles(e.values));
  const examples = await Promise.all(data.examples.map(unpacked));
  const noise = { kind: data.noise.kind, level: data.noise.level, seed: 1 };
  let waiting = false;

  // A small generator with a seed, so that noise does not change while a line is drawn (mulberry32).
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // The package's noises, applied to a value of a scaled row, given two random numbers.
  const { low, high } = data.noise;
  const others = examples.map((values) => network.scaled(values));
  const normal = (u, v) => Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  const noises = {
    masking: (value, u) => (u < noise.level ? 0 : value),
    salt_and_pepper: (value, u, v) => (u < noise.level ? (v < 0.5 ? low : high) : value),
    gaussian: (value, u, v) => value + noise.level * normal(u, v),
    swap: (value, u, v, column) =>
      u < noise.level && others.length ? others[Math.floor(v * others.length)][column] : value,
  };

  function corrupted(x) {
    const random = generator(noise.seed);
    if (network.table) {
      return network.table.corrupted(x, noise, random, others, normal);
    }
    return x.map((value, column) => noises[noise.kind](value, random(), random(), column));
  }

  // Many changes between two screen updates cause one computation.
  function show() {
    if (!waiting) {
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        compute();
      });
    }
  }

  function compute() {
    const x = network.scaled(form.values());
    const noisy = corrupted(x);
    const forms = [["input", x], ["corrupted", noisy]];
    if (network.reconstructs) {
      const name = (i) => (network.ladder ? "reconstructed" : `depth ${i + 1}`);
      network.reconstructions(noisy).forEach((row, i) => forms.push([name(i), row]));
    }
    form.show(forms.map(([name, row]) => [name, network.unscaled(row)]), noise.kind);
    if (!network.classifier) {
      text.textContent = "";
      return;
    }
    const p = network.probabilities(x);
    showProbabilities(p);
    const noisyP = network.probabilities(noisy);
    text.textContent = data.picks_one
      ? `Predicted: ${answer(p)}; corrupted: ${answer(noisyP)}.`
      : `Labels: ${answer(p)}; corrupted: ${answer(noisyP)}.`;
  }

  // The likeliest class, or all labels that are likelier than not.
  function answer(p) {
    const best = p.indexOf(Math.max(...p));
    const chosen = data.picks_one ? [best] : [...p.keys()].filter((label) => p[label] > 0.5);
    return chosen.map((label) => `${data.labels[label]} (${percent(p[label])})`).join(", ") || "none";
  }

  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`;

  // The ten most probable classes; if there are at most ten, all in their own order.
  function showProbabilities(p) {
    let order = [...p.keys()];
    if (order.length > 10) {
      order = order.sort((a, b) => p[b] - p[a]).slice(0, 10);
    }
    const lines = order.map((label) => {
      const line = document.createElement("tr");
      const [name, value] = [document.createElement("th"), document.createElement("td")];
      name.scope = "row";
      name.textContent = data.labels[label];
      value.className = "bar";
      value.style.setProperty("--width", `${100 * p[label]}%`);
      value.textContent = percent(p[label]);
      line.append(name, value);
      return line;
    });
    byId("probabilities").tBodies[0].replaceChildren(...lines);
  }

  function describeNoise() {
    const what = noise.kind === "gaussian" ? "standard deviation" : `of the ${data.table ? "columns" : "components"}`;
    const amount = noise.kind === "gaussian" ? Number(noise.level.toPrecision(3)) : percent(noise.level);
    byId("amount-text").value = noise.kind === "gaussian" ? `${what} ${amount}` : `${amount} ${what}`;
  }

  data.examples.forEach((example, place) => {
    const option = document.createElement("option");
    option.value = place;
    option.textContent = `row ${example.row}`;
    if (example.label !== null && data.labels) {
      option.textContent += `, ${data.labels[example.label]}`;
    }
    byId("example").append(option);
  });
  byId("example").addEventListener("change", (event) => {
    const place = event.target.value;
    form.begin(place === "" ? null : examples[Number(place)]);
    show();
  });
  byId("clear")?.addEventListener("click", () => {
    byId("example").value = "";
    form.begin(null);
    show();
  });
  byId("noise").value = noise.kind;
  byId("noise").addEventListener("change", (event) => {
    noise.kind = event.target.value;
    describeNoise();
    show();
  });
  byId("amount").max = Math.max(1, 2 * noise.level);
  byId("amount").value = noise.level;
  byId("amount").addEventListener("input", (event) => {
    noise.level = Number(event.target.value);
    describeNoise();
    show();
  });
  byId("draw-noise").addEventListener("click", () => {
    noise.seed += 1;
    show();
  });

  describeNoise();
  if (examples.length) {
    byId("example").value = "0";
    form.begin(examples[0]);
  } else {
    form.begin(null);
  }
  show();
  // For use in the console, and for tests.
  globalThis.playground = {
    values: () => Array.from(form.values()),
    encoded: (values) => Array.from(network.scaled(values)),
    probabilities: (values) => Array.from(network.probabilities(network.scaled(values))),
    reconstructions: (values) =>
      network.reconstructions(network.scaled(values)).map((row) => Array.from(network.unscaled(row))),
  };
})();
