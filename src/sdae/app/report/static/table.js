"use strict";

// The columns of a table: values <-> inputs of the network, as the package's schema makes them.
// A value is a number (of dates: seconds since 1970), a text, or null where it is missing.
async function TableColumns(stored, doubles) {
  const columns = await Promise.all(
    stored.columns.map(async (column) => {
      const scale = column.scale?.quantiles
        ? { values: await doubles(column.scale.quantiles), knots: await doubles(column.scale.knots) }
        : column.scale;
      return { ...column, scale };
    }),
  );
  const farthest = 1e18; // what is beyond is clipped, as in the package

  // How many of ascending numbers are below x, or at most x.
  const below = (values, x) => values.filter((value) => value < x).length;
  const upTo = (values, x) => values.filter((value) => value <= x).length;

  function scaled(scale, x) {
    if (!scale.values) {
      return (x - scale.offset) / scale.scale;
    }
    const { values, knots } = scale;
    const [left, right, last] = [below(values, x), upTo(values, x), values.length - 1];
    const [low, high] = [Math.max(left - 1, 0), Math.min(left, last)];
    if (right > left) {
      return (knots[high] + knots[Math.max(right - 1, 0)]) / 2;
    }
    const width = values[high] - values[low];
    const share = (Math.min(Math.max(x, values[0]), values[last]) - values[low]) / (width || 1);
    return knots[low] + share * (knots[high] - knots[low]);
  }

  function unscaled(scale, x) {
    if (!scale.values) {
      return x * scale.scale + scale.offset;
    }
    const { values, knots } = scale;
    const high = upTo(knots, x);
    if (high === 0 || high === knots.length) {
      return values[high === 0 ? 0 : knots.length - 1];
    }
    const slope = (values[high] - values[high - 1]) / (knots[high] - knots[high - 1]);
    return values[high - 1] + slope * (x - knots[high - 1]);
  }

  const encoders = {
    number: (column, value) => [scaled(column.scale, value)],
    date: (column, value) => [
      scaled(column.scale, value),
      ...column.cycles.flatMap(([start, period]) => {
        const angle = 2 * Math.PI * (((value - start) / period) % 1);
        return [Math.sin(angle), Math.cos(angle)];
      }),
    ],
    binary(column, value) {
      if (column.zero_one) {
        return [Math.min(Math.max(value, 0), 1)];
      }
      const place = column.levels.indexOf(value);
      return place < 0 ? column.gaps : [place];
    },
    category(column, value) {
      const parts = new Array(column.size).fill(0);
      const place = column.levels.indexOf(value);
      if (place >= 0) {
        parts[place] = 1;
      } else if (column.infrequent) {
        parts[column.size - 1] = 1;
      }
      return parts;
    },
  };

  function put(x, column, parts, isMissing) {
    x.set(parts.map((part) => Math.min(Math.max(part, -farthest), farthest)), column.at);
    if (column.indicator !== null) {
      x[column.indicator] = isMissing ? 1 : 0;
    }
  }

  // The values of a row -> inputs of the network, rounded to 32 bits as in the package.
  function encoded(values) {
    const x = new Float32Array(stored.n_inputs);
    columns.forEach((column, k) => {
      const isMissing = values[k] === null;
      put(x, column, isMissing ? column.gaps : encoders[column.kind](column, values[k]), isMissing);
    });
    return x;
  }

  const partsOf = (x, column) => Array.from(x.slice(column.at, column.at + column.size));

  // What the decoder of the first layer makes of its pre-activations.
  function output(a, sigmoid, softmax) {
    const out = new Float64Array(a.length); // 0, not missing, for the indicators
    const outputs = { binary: (parts) => parts.map(sigmoid), category: softmax };
    for (const column of columns) {
      const parts = partsOf(a, column);
      out.set(outputs[column.kind]?.(parts) ?? parts, column.at);
    }
    return out;
  }

  // Noise takes whole columns: it hides them, or takes them from another row.
  function corrupted(x, noise, random, others, normal) {
    const noisy = x.slice();
    for (const column of columns) {
      const [u, v] = [random(), random()];
      const isKnown = column.indicator === null || !x[column.indicator];
      if (noise.kind === "gaussian") {
        if (isKnown && (column.kind === "number" || column.kind === "date")) {
          for (let at = column.at; at < column.at + column.size; at++) {
            noisy[at] += noise.level * normal(random(), random());
          }
        }
      } else if (u < noise.level && noise.kind === "masking") {
        put(noisy, column, column.gaps, true);
      } else if (u < noise.level && others.length) {
        const other = others[Math.floor(v * others.length)];
        put(noisy, column, partsOf(other, column), other[column.indicator] === 1);
      }
    }
    return noisy;
  }

  // Whether a column is the same in two rows of inputs.
  const isSame = (column, x, y) =>
    partsOf(x, column).every((part, i) => part === y[column.at + i]) &&
    (column.indicator === null || x[column.indicator] === y[column.indicator]);

  function isMissing(column, x) {
    if (column.indicator !== null) {
      return x[column.indicator] === 1;
    }
    return column.kind === "category" && partsOf(x, column).every((part) => part === 0);
  }

  const within = (share) => Math.min(Math.max(share, 0), 1); // a ladder may estimate more or less

  // The likeliest value of a column, and its probability if it is a level.
  function decoded(column, x) {
    const parts = partsOf(x, column);
    if (column.kind === "number" || column.kind === "date") {
      return { value: unscaled(column.scale, parts[0]) };
    }
    if (column.kind === "binary") {
      const place = parts[0] >= 0.5 ? 1 : 0;
      return { name: column.names[place], share: within(place ? parts[0] : 1 - parts[0]) };
    }
    const share = Math.max(...parts);
    return { name: column.names[parts.indexOf(share)] ?? "other", share: within(share) };
  }

  return { columns, encoded, output, corrupted, isSame, isMissing, decoded };
}
