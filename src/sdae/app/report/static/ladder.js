"use strict";

// A ladder: its lateral connections and its way down.
const Ladder = (() => {
  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // The estimate of a unit from u, what comes from above, and z, its own value; a(k) is its
  // coefficient k.
  const combinators = {
    gaussian(u, z, a) {
      const mu = a(0) * sigmoid(a(1) * u + a(2)) + a(3) * u + a(4);
      const v = a(5) * sigmoid(a(6) * u + a(7)) + a(8) * u + a(9);
      return (z - mu) * v + mu;
    },
    augmented_mlp(u, z, a) {
      let sum = a(20);
      for (let unit = 0; unit < 4; unit++) {
        const seen = a(unit) * u + a(4 + unit) * z + a(8 + unit) * u * z + a(12 + unit);
        sum += a(16 + unit) * Math.max(seen, 0.1 * seen);
      }
      return sum;
    },
  };

  // A ladder's reconstruction of a scaled row, from all layers. `layers` and `head` are those of the
  // plain network that predicts as the ladder does, `predicted` what makes a prediction of its outputs.
  async function load(stored, layers, head, predicted, { affine, layer, matrix, floats }) {
    const farthest = 1e9; // standard deviations at which u is clipped, as in the package
    const combine = combinators[stored.combinator];
    const top = await layer(stored.top);
    const depths = await Promise.all(
      stored.depths.map(async (depth) => ({
        bias: depth.bias && (await floats(depth.bias)),
        mean: await floats(depth.mean),
        scale: await floats(depth.scale),
        coefficients: await floats(depth.coefficients),
        width: depth.width,
        down: await matrix(depth.down),
      })),
    );

    // The values of every depth before bias and gain, and the prediction.
    function up(x) {
      const z = [x];
      let h = x;
      layers.forEach(({ weight, bias }, k) => {
        const a = affine(weight, bias, h);
        z.push(a.map((value, unit) => value - depths[k + 1].bias[unit]));
        h = a.map((value) => Math.max(value, 0));
      });
      z.push(affine(top.weight, top.bias, h));
      return [z, predicted(affine(head.weight, head.bias, h))];
    }

    function estimated({ mean, scale, coefficients, width }, u, z) {
      return Float64Array.from(u, (value, unit) => {
        const normal = (value - mean[unit]) * scale[unit];
        const clipped = Math.min(Math.max(normal, -farthest), farthest);
        return combine(clipped, z[unit], (k) => coefficients[k * width + (width === 1 ? 0 : unit)]);
      });
    }

    return {
      reconstruction(x) {
        const [z, prediction] = up(x);
        return depths.reduceRight((u, depth, k) => {
          const estimate = estimated(depth, u, z[k]);
          return depth.down ? affine(depth.down, new Float64Array(depth.down.nRows), estimate) : estimate;
        }, prediction);
      },
    };
  }

  return { load };
})();
