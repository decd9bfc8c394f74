// Gradient descent with batch size 1 on the whole network: a launch is a slice of samples.
//
// Layer l takes h_{l-1} to h_l (h_0 is x), and the head takes the last one to classes:
//
//   a_l = W_l h_{l-1} + b_l      h_l = s(a_l)      p = softmax(V h_D + c)      δ_V = p − onehot(y)
//   δ_D = s'_D * (V^T δ_V)       δ_{l-1} = s'_{l-1} * (W_l^T δ_l)
//   W_l −= η δ_l h_{l-1}^T       b_l −= η δ_l      V −= η δ_V h_D^T      c −= η δ_V
//
// Each block has some units of each hidden layer: their rows of W_l, and, for l > 1, also their
// columns of W_{l+1}, so that W^T δ is a sum within a block too. Rows and columns get the same
// updates from the same numbers, so both copies stay the same to the bit. Every block has the whole
// head. A block sends its own units of h_l and of δ_l to all (exchange.cu): 2 D - 2 times a step,
// once where D = 1.
//
// Layer 1 encodes the next sample from the old weights, as in autoencoder.cu:
//
//   W_1' x' = W_1 x' − η δ_1 (x · x')
//
// W_1 x' and x · x' are computed, and weights are updated, while words are on their way.

struct Network : State {
  DEVICE void begin() {
    float a[Units<1>::N], factors[Units<1>::N];
    auto& first = layer<1>();
    read(first.input, 0);
    read(next_x, 1);
    drop(first.input, 0);
    draw<1>(factors, 0);
    sums.take_rows(first.weight, first.input, me);
    sums.wait();
    UNROLL for (int g = 0; g < Units<1>::N; g++)
      a[g] = sums.template row<own_units(1)>(g, me) + first.bias[g];
    settle<1>(a, factors, 0);
    give<1>(first.h, h_list<1>());
    warp_barrier();
  }
  DEVICE void encode_next() {
    read(coming, step + 2);
    drop(next_x, step + 1);
    draw<1>(next_stays, step + 1);
    x_dot = 0.f;
    UNROLL for (int k = 0; k < INPUT_OWN; k++)
      x_dot = dot(layer<1>().input[k], next_x[k], x_dot);
    sums.take_rows(layer<1>().weight, next_x, me);
    sums.take_two(x_dot, 0.f, me);
    sums.wait();
    UNROLL for (int g = 0; g < Units<1>::N; g++) next_a[g] = sums.template row<own_units(1)>(g, me);
    x_dot = sums.one_of_two(0);
  }

  // From h_l on upwards.
  template <int L> DEVICE void up() {
    if constexpr (L < DEPTH) {
      auto& above = layer<L + 1>();
      float a[Units<L + 1>::N], factors[Units<L + 1>::N];
      draw<L + 1>(factors, step);
      receive<size(L)>(above.input, h_words<L>(step), turn_of(step).flag, watch,
                       WAITED_FOR_UNITS + L, me);
      sums.take_rows(above.weight, above.input, me);
      sums.wait();
      UNROLL for (int g = 0; g < Units<L + 1>::N; g++)
        a[g] = sums.template row<own_units(L + 1)>(g, me) + above.bias[g];
      settle<L + 1>(a, factors, step);
      give<L + 1>(above.h, h_list<L + 1>());
      if constexpr (L == 1) encode_next();
      up<L + 1>();
    } else {
      decide();
    }
  }
  // Computes δ of the head, in every block, and δ_D of all units.
  DEVICE void decide() {
    float4 factors[Head::OWN];
    const Bits bits = DROPS ? hash(step, DEPTH) : 0;
    UNROLL for (int k = 0; k < Head::OWN; k++)
      if (DROPS) factors[k] = stays(bits, me.thread + k * THREADS, slice.dropout);
    receive<size(DEPTH)>(top, h_words<DEPTH>(step), turn_of(step).flag, watch,
                         WAITED_FOR_UNITS + DEPTH, me);
    sums.take_rows(head, top, me);
    sums.wait();
    const int y = (int)__ldg(slice.classes + step);
    float a[Classes::N], highest = float_of(MINUS_INFINITY), of_y = 0.f;
    others = 0.f;
    UNROLL for (int g = 0; g < Classes::N; g++) {
      const int c = g * Classes::SIZE + (me.lane & (Classes::SIZE - 1));
      const float sum = sums.template row<CLASSES>(g, me);  // all lanes take part
      a[g] = c < CLASSES ? sum + head_bias[g] : float_of(MINUS_INFINITY);
      highest = a[g] > highest || a[g] != a[g] ? a[g] : highest;  // NaN stays
    }
    UNROLL for (int mask = 1; mask < Classes::SIZE; mask *= 2) {
      const float other = from_lane(highest, mask);
      highest = other > highest || other != other ? other : highest;
    }
    UNROLL for (int g = 0; g < Classes::N; g++) {
      const int c = g * Classes::SIZE + (me.lane & (Classes::SIZE - 1));
      if (c == y) of_y = a[g];
      a[g] = __expf(a[g] - highest);
      if (c != y) others += a[g];
    }
    UNROLL for (int mask = 1; mask < Classes::SIZE; mask *= 2) {
      others += from_lane(others, mask);
      of_y += from_lane(of_y, mask);
    }
    // Without cancellation where p(y) is nearly 1: p(y) − 1 is minus the sum of the others.
    total = others + __expf(of_y - highest);
    below_highest = highest - of_y;
    const float inverse = __fdividef(1.f, total);
    UNROLL for (int g = 0; g < Classes::N; g++) {
      const int c = g * Classes::SIZE + (me.lane & (Classes::SIZE - 1));
      a[g] = (c == y ? -others : a[g]) * inverse;
      if (me.lane < Classes::SIZE) class_list()[c] = a[g];
      head_bias[g] -= slice.rate * a[g];
    }
    warp_barrier();
    float4 delta[Head::OWN];
    UNROLL for (int k = 0; k < Head::OWN; k++) {
      delta[k] = zeros();
      UNROLL_CLASSES for (int c = 0; c < CLASSES; c++)
        delta[k] = plus(delta[k], class_list()[c], head.at(c, k));
      delta[k] = times(delta[k], top_slopes(top[k], factors[k]));
      const int unit = 4 * (me.thread + k * THREADS) - first_unit<DEPTH>();
      const float four[4] = {delta[k].x, delta[k].y, delta[k].z, delta[k].w};
      UNROLL for (int i = 0; i < 4; i++) {
        const bool inside = unit + first_unit<DEPTH>() + i < size(DEPTH);
        if (inside && unit + i >= 0 && unit + i < own_units(DEPTH))
          top_delta[unit + i] = four[i];
      }
    }
    down<DEPTH>(delta);
  }
  // s'_D of a quad of h_D, which may have been scaled and dropped.
  DEVICE float4 top_slopes(float4 h, float4 factors) {
    if constexpr (DROPS) {
      const float4 slopes = make_float4(slope(h.x * unscale), slope(h.y * unscale),
                                        slope(h.z * unscale), slope(h.w * unscale));
      return times(slopes, factors);
    } else {
      return make_float4(slope(h.x), slope(h.y), slope(h.z), slope(h.w));
    }
  }
  // From δ_l on downwards.
  template <int L> DEVICE void down(const float4 (&delta)[quads_of_thread(L)]) {
    if constexpr (L == 1) {
      block_barrier();  // top_delta has been written
      float own[Units<1>::N];
      UNROLL for (int g = 0; g < Units<1>::N; g++) own[g] = top_delta[own_unit<1>(g)];
      send_next(own);
      update_head();
    } else {
      auto& own = layer<L>();
      auto& below = layer<L - 1>();
      float delta_below[Units<L - 1>::N];
      sums.take_rows(own.columns, delta, me);
      sums.wait();
      UNROLL for (int g = 0; g < Units<L - 1>::N; g++)
        delta_below[g] = sums.template row<own_units(L - 1)>(g, me) * below.slopes[g];
      if constexpr (L > 2) {
        UNROLL for (int g = 0; g < Units<L - 1>::N; g++)
          delta_below[g] = sent_value(delta_below[g]);
        send<L - 1>(delta_words<L - 1>(), delta_below, turn_of(step).flag);
      } else {
        send_next(delta_below);
      }
      // In flight:
      give<L - 1>(delta_below, delta_list<L - 1>());
      warp_barrier();
      if constexpr (L == DEPTH) update_head();
      update<L>(delta);
      if constexpr (L > 2) {
        float4 next_delta[quads_of_thread(L - 1)];
        receive<size(L - 1)>(next_delta, delta_words<L - 1>(), turn_of(step).flag, watch,
                             WAITED_FOR_SLOPES + L, me);
        down<L - 1>(next_delta);
      }
    }
  }
  // Given δ_1, sends h_1 of the next sample.
  DEVICE void send_next(const float (&delta)[Units<1>::N]) {
    auto& first = layer<1>();
    float a[Units<1>::N];
    UNROLL for (int g = 0; g < Units<1>::N; g++) {
      first.bias[g] -= slice.rate * delta[g];
      a[g] = next_a[g] - slice.rate * delta[g] * x_dot + first.bias[g];
    }
    settle<1>(a, next_stays, step + 1);
  }
  DEVICE void update_head() {
    if (me.thread == 0 && step % BLOCKS == me.block)
      slice.costs[step] = below_highest == 0.f ? log1pf(others) : logf(total) + below_highest;
    UNROLL_CLASSES for (int c = 0; c < CLASSES; c++) UNROLL for (int k = 0; k < Head::OWN; k++)
        head.put(c, k, plus(head.at(c, k), -(slice.rate * class_list()[c]), top[k]));
  }
  // Updates the rows and the columns of W_l alike, and b_l of l > 1.
  template <int L> DEVICE void update(const float4 (&delta)[quads_of_thread(L)]) {
    auto& own = layer<L>();
    using Weight = typename Layers<L>::Weight;
    using Columns = typename Layers<L>::Columns;
    const float* list = delta_list<L>();
    UNROLL for (int r = 0; r < own_units(L); r++) UNROLL for (int k = 0; k < Weight::OWN; k++)
        own.weight.put(r, k, plus(own.weight.at(r, k), -(slice.rate * list[r]), own.input[k]));
    const float* h = h_list<L - 1>();
    UNROLL for (int k = 0; k < Columns::OWN; k++) {
      const float4 step_of = make_float4(-(slice.rate * delta[k].x), -(slice.rate * delta[k].y),
                                         -(slice.rate * delta[k].z), -(slice.rate * delta[k].w));
      UNROLL for (int r = 0; r < own_units(L - 1); r++)
        own.columns.put(r, k, plus(own.columns.at(r, k), h[r], step_of));
    }
    UNROLL for (int g = 0; g < Units<L>::N; g++)
      if (is_live<L>(g)) own.bias[g] -= slice.rate * list[own_unit<L>(g)];
  }
  // Updates W_1 and moves on to the next sample.
  DEVICE void finish() {
    auto& first = layer<1>();
    const float* list = delta_list<1>();
    UNROLL for (int r = 0; r < own_units(1); r++) UNROLL for (int k = 0; k < INPUT_OWN; k++) {
      const float factor = -(slice.rate * list[r]);
      first.weight.put(r, k, plus(first.weight.at(r, k), factor, first.input[k]));
    }
    warp_barrier();  // all lanes have read the list
    give<1>(first.h, h_list<1>());
    warp_barrier();
    UNROLL for (int k = 0; k < INPUT_OWN; k++)
      first.input[k] = next_x[k], next_x[k] = coming[k];
  }
  DEVICE void train() {
    begin();
    for (step = 0; step < slice.n_steps; step++) {
      if constexpr (DEPTH == 1) encode_next();
      up<1>();
      finish();
    }
  }
};

// parameters: as place_of says, the head last. x: (n_steps, padded inputs). costs: out, −log p(y)
// of each sample before its step. keys: of the dropout of the input and of each layer. status: out,
// where a wait ended in vain (0: nowhere), and whether a parameter is not finite.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
train_network(Word* exchange, Word* status, long long patience, float* parameters, const float* x,
              const long long* samples, const long long* classes, float* costs, int n_steps,
              float rate, const Bits* keys, Bits input_limit, float input_scale, Bits limit,
              float scale) {
  SHARED_MEMORY(shared);
  Network network;
  network.prepare({parameters, x, samples, classes, costs, exchange, n_steps, rate, keys,
                   {input_limit, input_scale}, {limit, scale}},
                  {status, patience, false}, shared);
  network.train();
  network.give_back();
}
