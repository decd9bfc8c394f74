// The state of the network's kernel, and its basic operations: reading, drawing, sending, storing.

constexpr int INPUT_OWN = Layers<1>::Weight::OWN;

struct Slice {
  float* parameters;
  const float* x;
  const long long *samples, *classes;
  float* costs;
  Word* exchange;
  int n_steps;
  float rate;
  const Bits* keys;
  Dropout input_dropout, dropout;
};

// What a block keeps between the steps, and what it does with a layer.
struct State {
  Slice slice;
  Place me;
  Watch watch;
  BlockSums sums;
  float *of_warp, *top_delta, *shared;
  Layers<DEPTH> layers;
  Head head;
  float head_bias[Classes::N];
  float4 top[Head::OWN];  // h_D
  float4 next_x[INPUT_OWN], coming[INPUT_OWN];
  float next_a[Units<1>::N], next_stays[Units<1>::N], x_dot;  // W_1 x', dropout of h_1', x · x'
  float others, total, below_highest;  // of exp(a): what the cost is made of
  float unscale;                       // undoes the scale of dropout
  int step;

  template <int L> DEVICE Layers<L>& layer() { return layer_of<L>(layers); }
  template <int L> DEVICE float* h_list() { return of_warp + room_of(L); }
  template <int L> DEVICE float* delta_list() {
    if constexpr (L == DEPTH) return top_delta;
    else return of_warp + room_of(L) + Units<L>::WIDTH;
  }
  DEVICE float* class_list() { return of_warp + room_of(DEPTH + 1); }
  template <int L> DEVICE int first_unit() { return me.block * own_units(L); }
  // The unit of a group that this lane has, counted within the block, and whether there is one.
  template <int L> DEVICE int own_unit(int g) {
    return g * Units<L>::SIZE + (me.lane & (Units<L>::SIZE - 1));
  }
  template <int L> DEVICE bool is_live(int g) {
    return own_unit<L>(g) < own_units(L) && first_unit<L>() + own_unit<L>(g) < size(L);
  }
  template <int L> DEVICE Word* h_words(int of_step) {
    return slice.exchange + sent_of(L) + turn_of(of_step).slot * padded(size(L));
  }
  template <int L> DEVICE Word* delta_words() {
    return slice.exchange + SENT + sent_of(L) + turn_of(step).slot * padded(size(L));
  }
  DEVICE int row_of(int of_step) { return of_step < slice.n_steps ? of_step : slice.n_steps - 1; }
  DEVICE Bits hash(int of_step, int depth) {
    return row_hash(__ldg(slice.keys + depth), __ldg(slice.samples + row_of(of_step)));
  }

  DEVICE void prepare(const Slice& of_launch, const Watch& of_waits, float* shared_memory) {
    slice = of_launch, watch = of_waits, shared = shared_memory, me = this_place();
    unscale = 1.f / slice.dropout.scale;
    sums = {shared, 0};
    of_warp = shared + BlockSums::FLOATS + me.warp * OF_WARP;
    top_delta = shared + BlockSums::FLOATS + OF_WARPS;
    for (int i = me.thread; i < OF_BLOCK; i += THREADS) top_delta[i] = 0.f;
    load<1>();
    const float* weight = slice.parameters + place_of(DEPTH + 1);
    const float* bias = weight + CLASSES * padded(size(DEPTH));
    head.load(weight, 0, CLASSES, shared + shared_of(DEPTH + 1), me);
    UNROLL for (int g = 0; g < Classes::N; g++) {
      const int c = g * Classes::SIZE + (me.lane & (Classes::SIZE - 1));
      head_bias[g] = c < CLASSES ? bias[c] : 0.f;
    }
    memory_fence();  // all parameters have been read
    block_barrier();
  }
  DEVICE void give_back() {
    memory_fence();
    bool finite = store<1>();
    float* weight = slice.parameters + place_of(DEPTH + 1);
    float* bias = weight + CLASSES * padded(size(DEPTH));
    if (me.block == 0) finite = head.store(weight, 0, CLASSES) && finite;
    UNROLL for (int g = 0; g < Classes::N; g++) {
      const int c = g * Classes::SIZE + me.lane;
      if (me.block == 0 && me.warp == 0 && me.lane < Classes::SIZE && c < CLASSES) {
        bias[c] = head_bias[g];
        finite = finite && is_finite(head_bias[g]);
      }
    }
    if (!finite) store_word(watch.status + 1, 1u);
  }
  template <int L> DEVICE void load() {
    auto& own = layer<L>();
    const float* weight = slice.parameters + place_of(L);
    float* rest = shared + shared_of(L);
    own.weight.load(weight, first_unit<L>(), size(L), rest, me);
    if constexpr (L > 1)
      own.columns.load_columns(weight, first_unit<L - 1>(), size(L - 1),
                               rest + Layers<L>::Weight::SHARED_FLOATS, me);
    const float* bias = weight + size(L) * padded(size(L - 1)) + first_unit<L>();
    UNROLL for (int g = 0; g < Units<L>::N; g++)
      own.bias[g] = is_live<L>(g) ? bias[own_unit<L>(g)] : 0.f;
    if constexpr (L < DEPTH) load<L + 1>();
  }
  template <int L> DEVICE bool store() {
    auto& own = layer<L>();
    float* weight = slice.parameters + place_of(L);
    bool finite = own.weight.store(weight, first_unit<L>(), size(L));
    float* bias = weight + size(L) * padded(size(L - 1)) + first_unit<L>();
    UNROLL for (int g = 0; g < Units<L>::N; g++) {
      finite = finite && is_finite(own.bias[g]);
      if (me.warp == 0 && me.lane < Units<L>::SIZE && is_live<L>(g))
        bias[own_unit<L>(g)] = own.bias[g];
    }
    if constexpr (L < DEPTH) finite = store<L + 1>() && finite;
    return finite;
  }

  DEVICE void read(float4 (&into)[INPUT_OWN], int of_step) {
    const auto& w = layer<1>().weight;
    const float4* row = (const float4*)slice.x + (size_t)row_of(of_step) * ceil_of(size(0), 4);
    UNROLL for (int k = 0; k < INPUT_OWN; k++)
      into[k] = w.has(k) ? __ldg(row + me.thread + k * THREADS) : zeros();
  }
  // Drops components of the input, once it has come from memory.
  DEVICE void drop(float4 (&x)[INPUT_OWN], int of_step) {
    if constexpr (DROPS_INPUT) {
      const Bits bits = hash(of_step, 0);
      UNROLL for (int k = 0; k < INPUT_OWN; k++)
        x[k] = times(x[k], stays(bits, me.thread + k * THREADS, slice.input_dropout));
    }
  }
  // Draws which of this block's units stay in a step.
  template <int L> DEVICE void draw(float (&factors)[Units<L>::N], int of_step) {
    const Bits bits = DROPS ? hash(of_step, L) : 0;
    UNROLL for (int g = 0; g < Units<L>::N; g++) {
      const Word word = DROPS ? bits_of(bits, first_unit<L>() + own_unit<L>(g)) : 0;
      factors[g] = DROPS ? stays(word, slice.dropout) : 1.f;
    }
  }
  template <int L> DEVICE void give(const float (&values)[Units<L>::N], float* to) {
    UNROLL for (int g = 0; g < Units<L>::N; g++)
      if (me.lane < Units<L>::SIZE) to[g * Units<L>::SIZE + me.lane] = values[g];
  }
  template <int L>
  DEVICE void send(Word* to, const float (&values)[Units<L>::N], Word flag) {
    UNROLL for (int g = 0; g < Units<L>::N; g++)
      if (me.warp == 0 && me.lane < Units<L>::SIZE && is_live<L>(g))
        store_word(to + first_unit<L>() + own_unit<L>(g), flagged(values[g], flag));
  }
  // Turns a_l of this block's units into h_l, with dropout, keeps the slopes, and sends h_l.
  template <int L>
  DEVICE void settle(const float (&a)[Units<L>::N], const float (&factors)[Units<L>::N],
                     int of_step) {
    auto& own = layer<L>();
    UNROLL for (int g = 0; g < Units<L>::N; g++) {
      const float h = activated(a[g]);
      own.h[g] = is_live<L>(g) ? sent_value(h * factors[g]) : 0.f;
      own.slopes[g] = is_live<L>(g) ? slope(h) * factors[g] : 0.f;
    }
    if (of_step < slice.n_steps)
      send<L>(h_words<L>(of_step), own.h, turn_of(of_step).flag);
  }
};
