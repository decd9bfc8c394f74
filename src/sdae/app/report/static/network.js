"use strict";

// The network of the page: weights in bytes with a scale per row, and its computations.
const Network = (() => {
  // Text -> bytes: base64 of what was deflated.
  async function unpack(text) {
    const deflated = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  }

  // Numbers are stored in little-endian order on every machine.
  async function floats(text) {
    const view = new DataView(await unpack(text));
    return Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  async function doubles(text) {
    const view = new DataView(await unpack(text));
    return Float64Array.from({ length: view.byteLength / 8 }, (_, i) => view.getFloat64(8 * i, true));
  }

  async function matrix(stored) {
    if (!stored) {
      return null;
    }
    const [nRows, nColumns] = stored.shape;
    const values = new Int8Array(await unpack(stored.values));
    return { nRows, nColumns, values, scales: await floats(stored.scales) };
  }

  async function layer(stored) {
    return {
      weight: await matrix(stored.weight),
      bias: await floats(stored.bias),
      visibleBias: stored.visible_bias ? await floats(stored.visible_bias) : null,
      decoder: stored.decoder,
      decoderWeight: await matrix(stored.decoder_weight),
    };
  }

  // W x + b, for W (nRows, nColumns).
  function affine(weight, bias, x) {
    const { nRows, nColumns, values, scales } = weight;
    const out = new Float64Array(nRows);
    for (let row = 0; row < nRows; row++) {
      let sum = 0;
      for (let column = 0, at = row * nColumns; column < nColumns; column++, at++) {
        sum += values[at] * x[column];
      }
      out[row] = sum * scales[row] + bias[row];
    }
    return out;
  }

  // Wᵀ h + b, for the same W.
  function affineTransposed(weight, bias, h) {
    const { nRows, nColumns, values, scales } = weight;
    const out = Float64Array.from(bias);
    for (let row = 0; row < nRows; row++) {
      const amount = h[row] * scales[row];
      if (amount === 0) {
        continue;
      }
      for (let column = 0, at = row * nColumns; column < nColumns; column++, at++) {
        out[column] += amount * values[at];
      }
    }
    return out;
  }

  const sigmoid = (a) => 1 / (1 + Math.exp(-a));

  // 1 minus the error function, to 1.2e-7 of itself (Press et al., Numerical Recipes, section 6.2).
  function erfc(x) {
    const t = 1 / (1 + Math.abs(x) / 2);
    const terms = [
      0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418,
      0.37409196, 1.00002368, -1.26551223,
    ];
    const positive = t * Math.exp(-x * x + terms.reduce((sum, term) => sum * t + term, 0));
    return x >= 0 ? positive : 2 - positive;
  }

  const activations = {
    sigmoid,
    tanh: Math.tanh,
    relu: (a) => Math.max(a, 0),
    gelu: (a) => (a / 2) * erfc(-a * Math.SQRT1_2),
    silu: (a) => a * sigmoid(a),
    identity: (a) => a,
  };
  const decoders = { sigmoid, linear: (a) => a };

  function softmax(a) {
    const highest = a.reduce((x, y) => Math.max(x, y));
    const powers = a.map((value) => Math.exp(value - highest));
    const sum = powers.reduce((x, y) => x + y, 0);
    return powers.map((power) => power / sum);
  }

  // What makes probabilities of the outputs of the head.
  const heads = {
    classes: softmax,
    multilabel: (a) => a.map(sigmoid),
  };

  // The ladder goes up by the network that predicts; the page has it twice only if it shows no
  // probabilities.
  async function ladderOf(data, { classifier, head }) {
    const { ladder } = data.autoencoder;
    const own = ladder.network;
    const layers = own ? await Promise.all(own.layers.map(layer)) : classifier;
    const top = own ? await layer(own.head) : head;
    const predicted = heads[data.head] ?? ((a) => a);
    return Ladder.load(ladder, layers, top, predicted, { affine, layer, matrix, floats });
  }

  class Network {
    // `data` is what the page holds; `load` unpacks it.
    static async load(data) {
      const network = new Network();
      network.activate = activations[data.activation];
      network.scaling = data.scaling;
      network.table = data.table ? await TableColumns(data.table, doubles) : null;
      if (data.classifier) {
        network.classifier = await Promise.all(data.classifier.layers.map(layer));
        network.head = await layer(data.classifier.head);
        network.toProbabilities = heads[data.head];
      }
      if (data.autoencoder?.ladder) {
        network.ladder = await ladderOf(data, network);
      } else if (data.autoencoder) {
        network.autoencoder = await Promise.all(data.autoencoder.layers.map(layer));
      }
      network.reconstructs = Boolean(data.autoencoder);
      return network;
    }

    // Values of the data -> input of the network, and back.
    scaled(values) {
      if (this.table) {
        return this.table.encoded(values);
      }
      if (!this.scaling) {
        return Float64Array.from(values);
      }
      const { offset, scale } = this.scaling;
      return Float64Array.from(values, (value, i) => (value - offset[i]) / scale[i]);
    }

    unscaled(x) {
      if (!this.scaling) {
        return x;
      }
      const { offset, scale } = this.scaling;
      return x.map((value, i) => value * scale[i] + offset[i]);
    }

    // The probabilities of classes or labels for a scaled row.
    probabilities(x) {
      const h = this.classifier.reduce((below, l) => this.encode(l, below), x);
      return this.toProbabilities(affine(this.head.weight, this.head.bias, h));
    }

    // Reconstructions of a scaled row from depth 1, 2, …, scaled too; of a ladder one, from all depths.
    reconstructions(x) {
      if (this.ladder) {
        return [this.ladder.reconstruction(x)];
      }
      const layers = this.autoencoder;
      let h = x;
      return layers.map((_, top) => {
        h = this.encode(layers[top], h);
        return layers.slice(0, top + 1).reduceRight((above, l) => this.decode(l, above), h);
      });
    }

    encode(l, x) {
      return affine(l.weight, l.bias, x).map(this.activate);
    }

    decode(l, h) {
      const a = l.decoderWeight
        ? affine(l.decoderWeight, l.visibleBias, h)
        : affineTransposed(l.weight, l.visibleBias, h);
      return l.decoder === "blocks" ? this.table.output(a, sigmoid, softmax) : a.map(decoders[l.decoder]);
    }
  }

  return { load: Network.load, doubles };
})();
