// Gradient descent with batch size 1 on a tied denoising autoencoder: a launch is a slice of
// samples.
//
// The algebra is that of kernels/fused/autoencoder_step.py. With x~ the corrupted sample, x~' the
// next one, W before the step and η the rate:
//
//   h = s(W x~ + b)     z = W^T h + b'     δ = dL/dz     e = s'(h) * (W δ)
//   W' = W − η (e x~^T + h δ^T)            b −= η e      b' −= η δ
//   W' x~'   = W x~'   − η (e (x~ · x~') + h (δ · x~'))
//   W'^T h'  = W^T h'  − η (x~ (e · h') + δ (h · h'))
//
// Each block has some rows of W, so W x~ and W δ are sums within a block, and W^T h is a sum over
// all of them: each block sends its shares of it to the blocks that own the columns, and these send
// the sums to all (exchange.cu). By the last two equations both of a step's sums over rows, and
// what is sent, come from the *old* weights. So W x~' and x~ · x~' are computed, and W is updated,
// while words are on their way; one sum over the block and one exchange remain that the next step
// has to wait for.

constexpr int VISIBLE = SDAE_VISIBLE, HIDDEN = SDAE_HIDDEN, ROWS = ceil_of(HIDDEN, BLOCKS);
using Weight = Tile<ROWS, VISIBLE, SDAE_KEPT>;
constexpr int QUADS = Weight::QUADS, OWN = Weight::OWN;
static_assert(SDAE_LOSS == CROSS_ENTROPY || SDAE_LOSS == SQUARED_ERROR, "not among these");
static_assert(SDAE_NOISE == MASKING || SDAE_NOISE == SALT_AND_PEPPER || SDAE_NOISE == NO_NOISE,
              "not among these");

// Owners of columns: block b has the quads from b * PLACES on. It sums them in passes of LANES
// quads, a quad for each lane, the blocks' shares spread over the rest of the threads.
constexpr int PLACES = ceil_of(QUADS, BLOCKS), LANES = power_of_two(PLACES);
constexpr int PASSES = ceil_of(PLACES, LANES), LOADS = ceil_of(BLOCKS * LANES, THREADS);
constexpr int SHARES = BLOCKS * PASSES * BLOCKS * LANES * 4, SUMS = QUADS * 4;  // words of a slot
static_assert(2 * (SHARES + SUMS) == SDAE_EXCHANGE_WORDS, "the host counts otherwise");

using Rows = Groups<ROWS>;
using BlockSums = Sums<Rows::WIDTH>;
constexpr int OF_WARP = 3 * Rows::WIDTH, OF_WARPS = padded(WARPS * OF_WARP);
constexpr int OF_OWNER = WARPS * LANES * 4;
static_assert(4 * (BlockSums::FLOATS + OF_WARPS + 2 * OF_OWNER + Weight::SHARED_FLOATS) ==
              SDAE_SHARED_BYTES, "the host counts otherwise");

DEVICE int share_place(int slot, int quad, int block) {
  const int owner = quad / PLACES, place = quad % PLACES;
  return slot * SHARES +
         ((((owner * PASSES + place / LANES) * BLOCKS) + block) * LANES + place % LANES) * 4;
}

// Sums the blocks' shares of the columns that this block owns, and sends the sums to all.
DEVICE void sum_owned(const Word* shares, Word* sums, int step, float* room, Watch& watch,
                      Place me) {
  const Turn turn = turn_of(step);
  const int owned = QUADS - me.block * PLACES < PLACES ? QUADS - me.block * PLACES : PLACES;
  if (owned <= 0) return;  // the same for the whole block
  UNROLL for (int pass = 0; pass < PASSES; pass++) {
    const int lane_place = me.thread % LANES, place = pass * LANES + lane_place;
    float4 sum = zeros();
    uint4 words[LOADS];
    bool takes[LOADS];
    UNROLL for (int l = 0; l < LOADS; l++) {
      const int source = (me.thread + l * THREADS) / LANES;
      takes[l] = source < BLOCKS && place < owned;
      const Word* from = shares + share_place(turn.slot, me.block * PLACES + place, source);
      if (takes[l]) words[l] = load_words(from);
    }
    int looks = 0;
    long long since = 0;
    for (bool all = false; !all && !watch.in_vain;) {
      all = true;
      UNROLL for (int l = 0; l < LOADS; l++) {
        const int source = (me.thread + l * THREADS) / LANES;
        if (takes[l] && !have_come(words[l], turn.flag, 4)) {
          words[l] = load_words(shares + share_place(turn.slot, me.block * PLACES + place, source));
          all = false;
        }
      }
      if (!all) waits_in_vain(watch, WAITED_FOR_SHARES, looks, since);
    }
    UNROLL for (int l = 0; l < LOADS; l++) {
      if (takes[l]) sum = plus(sum, 1.f, values_of(words[l]));
    }
    warp_barrier();
    // Over the lanes of the same place; a lane then has one of a quad's columns, or two, or four.
    constexpr int N = 32 / LANES < 4 ? 32 / LANES : 4;
    float columns[4] = {sum.x, sum.y, sum.z, sum.w};
    float* sums_of_warps = room + (pass & 1) * OF_OWNER;
    UNROLL for (int first = 0; first < 4; first += N) {
      float v[N];
      UNROLL for (int i = 0; i < N; i++) v[i] = columns[first + i];
      const float folded = fold<N, LANES>(v, me.lane);
      const int column = first + me.lane / LANES;
      if (me.lane < N * LANES) sums_of_warps[(me.warp * LANES + lane_place) * 4 + column] = folded;
    }
    block_barrier();
    for (int j = me.thread; j < 4 * LANES; j += THREADS) {
      if (pass * LANES + j / 4 >= owned) continue;
      float total = 0.f;
      UNROLL for (int w = 0; w < WARPS; w++) total += sums_of_warps[w * LANES * 4 + j];
      const int column = 4 * (me.block * PLACES + pass * LANES) + j;
      store_word(sums + turn.slot * SUMS + column, flagged(total, turn.flag));
    }
    warp_barrier();
  }
}

// parameters: weight (HIDDEN, padded VISIBLE), hidden bias (padded), visible bias (padded).
// x: (n_steps, padded VISIBLE). samples: their numbers. costs: out, of each sample before its step.
// alpha, beta: weights of the losses of components that the noise draws, and of the others.
// status: out, where a wait ended in vain (0: nowhere), and whether a parameter is not finite.
extern "C" __global__ void __launch_bounds__(THREADS, 1)
train_autoencoder(Word* exchange, Word* status, long long patience, float* parameters,
                  const float* x, const long long* samples, float* costs, int n_steps, float rate,
                  Bits key, Bits limit, float low, float high, float alpha, float beta) {
  SHARED_MEMORY(shared);
  const Place me = this_place();
  BlockSums sums = {shared, 0};
  float* of_warp = shared + BlockSums::FLOATS + me.warp * OF_WARP;
  float *h_of = of_warp, *next_h_of = of_warp + Rows::WIDTH, *e_of = of_warp + 2 * Rows::WIDTH;
  float* of_owner = shared + BlockSums::FLOATS + OF_WARPS;
  Word *shares = exchange, *totals = exchange + 2 * SHARES;
  Watch watch = {status, patience, false};
  const Noise noise = {key, limit, low, high};
  const int first_row = me.block * ROWS;
  float* hidden_bias_at = parameters + HIDDEN * QUADS * 4;
  float* visible_bias_at = hidden_bias_at + padded(HIDDEN);

  Weight weight;
  weight.load(parameters, first_row, HIDDEN, of_owner + 2 * OF_OWNER, me);
  float4 visible_bias[OWN], clean[OWN], next_clean[OWN], coming[OWN];
  float4 x_tilde[OWN], next_x_tilde[OWN], emphasis[OWN], next_emphasis[OWN];
  float hidden_bias[Rows::N], h[Rows::N];
  bool live[Rows::N];
  UNROLL for (int g = 0; g < Rows::N; g++) {
    const int row = g * Rows::SIZE + (me.lane & (Rows::SIZE - 1));
    live[g] = row < ROWS && first_row + row < HIDDEN;
    hidden_bias[g] = live[g] ? hidden_bias_at[first_row + row] : 0.f;
  }

  const auto row_of = [&](int step) { return step < n_steps ? step : n_steps - 1; };
  const auto read = [&](float4 (&into)[OWN], int step) {
    const float4* row = (const float4*)x + (size_t)row_of(step) * QUADS;
    UNROLL for (int k = 0; k < OWN; k++)
      into[k] = weight.has(k) ? __ldg(row + me.thread + k * THREADS) : zeros();
  };
  const auto corrupt = [&](const float4 (&from)[OWN], float4 (&into)[OWN],
                           float4 (&weights)[OWN], int step) {
    const Bits hash = row_hash(key, __ldg(samples + row_of(step)));
    UNROLL for (int k = 0; k < OWN; k++) {
      const int quad = me.thread + k * THREADS;
      into[k] = corrupted<SDAE_NOISE, VISIBLE>(from[k], hash, quad, noise);
      if (!weight.has(k)) into[k] = zeros();
      if (SDAE_EMPHASIS) weights[k] = chosen<SDAE_NOISE>(hash, quad, noise, alpha, beta);
    }
  };
  const auto give = [&](const float (&values)[Rows::N], float* to) {
    UNROLL for (int g = 0; g < Rows::N; g++)
      if (me.lane < Rows::SIZE) to[g * Rows::SIZE + me.lane] = values[g];
  };
  // Sends this block's shares of W'^T h', given those of x~ and δ, which are zero at first.
  const auto send_shares = [&](int step, float of_x, float of_delta, const float4 (&delta)[OWN],
                               const float* h_to_send) {
    const Turn turn = turn_of(step);
    UNROLL for (int k = 0; k < OWN; k++) {
      float4 share = plus(plus(zeros(), of_x, x_tilde[k]), of_delta, delta[k]);
      UNROLL for (int r = 0; r < ROWS; r++) share = plus(share, h_to_send[r], weight.at(r, k));
      const int quad = me.thread + k * THREADS;
      if (weight.has(k))
        store_words(shares + share_place(turn.slot, quad, me.block), flagged(share, turn.flag));
    }
  };

  float4 delta[OWN];
  UNROLL for (int k = 0; k < OWN; k++) {
    const float4* from = (const float4*)visible_bias_at + me.thread + k * THREADS;
    visible_bias[k] = weight.has(k) ? *from : zeros();
    delta[k] = zeros();
  }
  memory_fence();  // all parameters have been read
  read(clean, 0);
  read(next_clean, 1);
  corrupt(clean, x_tilde, emphasis, 0);
  sums.take_rows(weight, x_tilde, me);
  sums.wait();
  UNROLL for (int g = 0; g < Rows::N; g++) {
    const float a = sums.row<ROWS>(g, me) + hidden_bias[g];
    h[g] = live[g] ? activated(a) : 0.f;
  }
  give(h, h_of);
  warp_barrier();
  send_shares(0, 0.f, 0.f, delta, h_of);

  float cost = 0.f;  // this thread's share of the cost of the step before
  for (int step = 0; step < n_steps; step++) {
    const Turn turn = turn_of(step);
    read(coming, step + 2);
    sum_owned(shares, totals, step, of_owner, watch, me);

    // While the sums are on their way: W x~', x~ · x~', and the cost of the step before.
    corrupt(next_clean, next_x_tilde, next_emphasis, step + 1);
    float x_dot = 0.f;
    UNROLL for (int k = 0; k < OWN; k++) x_dot = dot(x_tilde[k], next_x_tilde[k], x_dot);
    sums.take_rows(weight, next_x_tilde, me);
    sums.take_two(x_dot, cost, me);
    sums.wait();
    float next_a[Rows::N];
    UNROLL for (int g = 0; g < Rows::N; g++) next_a[g] = sums.row<ROWS>(g, me);
    x_dot = sums.one_of_two(0);
    if (me.thread == 0 && step > 0 && (step - 1) % BLOCKS == me.block)
      costs[step - 1] = sums.one_of_two(1);

    float4 z[OWN];
    receive<4 * QUADS>(z, totals + turn.slot * SUMS, turn.flag, watch, WAITED_FOR_SUMS, me);
    float delta_dot = 0.f;
    UNROLL for (int k = 0; k < OWN; k++) {
      const int left = VISIBLE - 4 * (me.thread + k * THREADS);
      z[k] = plus(z[k], 1.f, visible_bias[k]);
      delta[k].x = left > 0 ? loss_slope<SDAE_LOSS>(z[k].x, clean[k].x) : 0.f;
      delta[k].y = left > 1 ? loss_slope<SDAE_LOSS>(z[k].y, clean[k].y) : 0.f;
      delta[k].z = left > 2 ? loss_slope<SDAE_LOSS>(z[k].z, clean[k].z) : 0.f;
      delta[k].w = left > 3 ? loss_slope<SDAE_LOSS>(z[k].w, clean[k].w) : 0.f;
      if (SDAE_EMPHASIS) delta[k] = times(delta[k], emphasis[k]);
      delta_dot = dot(delta[k], next_x_tilde[k], delta_dot);
    }
    sums.take_rows(weight, delta, me);
    sums.take_two(delta_dot, 0.f, me);
    sums.wait();
    delta_dot = sums.one_of_two(0);
    float e[Rows::N], next_h[Rows::N];
    UNROLL for (int g = 0; g < Rows::N; g++) {
      e[g] = sums.row<ROWS>(g, me) * slope(h[g]);
      hidden_bias[g] -= rate * e[g];
      const float a = next_a[g] - rate * (e[g] * x_dot + h[g] * delta_dot) + hidden_bias[g];
      next_h[g] = live[g] ? activated(a) : 0.f;
    }
    give(e, e_of);
    give(next_h, next_h_of);
    warp_barrier();
    if (step + 1 < n_steps) {
      float of_x = 0.f, of_delta = 0.f;
      UNROLL for (int r = 0; r < ROWS; r++) {
        of_x = fmaf(e_of[r], next_h_of[r], of_x);
        of_delta = fmaf(h_of[r], next_h_of[r], of_delta);
      }
      send_shares(step + 1, -rate * of_x, -rate * of_delta, delta, next_h_of);
    }

    // While the shares are on their way: the update, and the cost in one of the blocks.
    UNROLL for (int r = 0; r < ROWS; r++) UNROLL for (int k = 0; k < OWN; k++) {
      const float4 half = plus(weight.at(r, k), -rate * h_of[r], delta[k]);
      weight.put(r, k, plus(half, -rate * e_of[r], x_tilde[k]));
    }
    cost = 0.f;
    UNROLL for (int k = 0; k < OWN; k++) {
      const int left = VISIBLE - 4 * (me.thread + k * THREADS);
      if (step % BLOCKS == me.block) {
        float4 losses = zeros();
        if (left > 0) losses.x = loss_of<SDAE_LOSS>(z[k].x, clean[k].x);
        if (left > 1) losses.y = loss_of<SDAE_LOSS>(z[k].y, clean[k].y);
        if (left > 2) losses.z = loss_of<SDAE_LOSS>(z[k].z, clean[k].z);
        if (left > 3) losses.w = loss_of<SDAE_LOSS>(z[k].w, clean[k].w);
        if (SDAE_EMPHASIS) cost = dot(losses, emphasis[k], cost);
        else cost += (losses.x + losses.y) + (losses.z + losses.w);
      }
      visible_bias[k] = plus(visible_bias[k], -rate, delta[k]);
      clean[k] = next_clean[k], next_clean[k] = coming[k], x_tilde[k] = next_x_tilde[k];
      if (SDAE_EMPHASIS) emphasis[k] = next_emphasis[k];
    }
    UNROLL for (int g = 0; g < Rows::N; g++) h[g] = next_h[g];
    float* const unused = h_of;
    h_of = next_h_of, next_h_of = unused;
  }

  sums.take_two(cost, 0.f, me);
  sums.wait();
  if (me.thread == 0 && (n_steps - 1) % BLOCKS == me.block) costs[n_steps - 1] = sums.one_of_two(0);
  memory_fence();
  bool finite = weight.store(parameters, first_row, HIDDEN);
  UNROLL for (int k = 0; k < OWN; k++) {
    finite = finite && are_finite(visible_bias[k]);
    float4* to = (float4*)visible_bias_at + me.thread + k * THREADS;
    if (me.block == 0 && weight.has(k)) *to = visible_bias[k];
  }
  UNROLL for (int g = 0; g < Rows::N; g++) {
    const int row = g * Rows::SIZE + me.lane;
    finite = finite && is_finite(hidden_bias[g]);
    if (me.warp == 0 && me.lane < Rows::SIZE && live[g])
      hidden_bias_at[first_row + row] = hidden_bias[g];
  }
  if (!finite) store_word(status + 1, 1u);
}
