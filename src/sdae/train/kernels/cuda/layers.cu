// The layers of the network's kernel: what this block has of each, and where everything lies.

DEVICE constexpr int size(int layer) {
  constexpr int sizes[] = {SDAE_SIZES};  // of the input and of each hidden layer
  return sizes[layer];
}
DEVICE constexpr int rows_kept(int layer) {
  constexpr int kept[] = {0, SDAE_ROWS_KEPT};
  return kept[layer];
}
DEVICE constexpr int columns_kept(int layer) {
  constexpr int kept[] = {0, SDAE_COLUMNS_KEPT};
  return kept[layer];
}
constexpr int DEPTH = SDAE_DEPTH, CLASSES = SDAE_CLASSES;
constexpr bool DROPS = SDAE_DROPOUT, DROPS_INPUT = SDAE_INPUT_DROPOUT;
// Quads of a layer's units that a thread has.
DEVICE constexpr int quads_of_thread(int layer) {
  return ceil_of(ceil_of(size(layer), 4), THREADS);
}
DEVICE constexpr int own_units(int layer) { return ceil_of(size(layer), BLOCKS); }

// Where the parameters of a layer begin: weight, with rows padded to quads, then bias, padded.
DEVICE constexpr int place_of(int layer) {
  int place = 0;
  for (int l = 1; l < layer; l++) place += size(l) * padded(size(l - 1)) + padded(size(l));
  return place;
}
// Where what blocks send of a layer lies: h of each layer, then δ of each layer; two slots of each.
DEVICE constexpr int sent_of(int layer) {
  int place = 0;
  for (int l = 1; l < layer; l++) place += 2 * padded(size(l));
  return place;
}
constexpr int SENT = sent_of(DEPTH + 1);
static_assert(2 * SENT == SDAE_EXCHANGE_WORDS, "the host counts otherwise");

// Rows of the head in shared memory need not be unrolled.
constexpr int CLASSES_AT_ONCE = SDAE_HEAD_KEPT > 0 || CLASSES <= 16 ? CLASSES : 4;
using Head = Tile<CLASSES, size(DEPTH), SDAE_HEAD_KEPT>;
using Classes = Groups<CLASSES>;
template <int L> using Units = Groups<own_units(L)>;

// A hidden layer of this block, and the layers below it.
template <int L> struct Layers {
  using Weight = Tile<own_units(L), size(L - 1), rows_kept(L)>;
  static constexpr bool HAS = L > 1;
  using Columns = Tile<HAS ? own_units(L - 1) : 1, HAS ? size(L) : 4, HAS ? columns_kept(L) : 1>;
  Layers<L - 1> below;
  Weight weight;
  Columns columns;
  float bias[Units<L>::N], h[Units<L>::N], slopes[Units<L>::N];  // of its units, one a lane
  float4 input[Weight::OWN];  // h_{l-1}
};
template <> struct Layers<0> {};
template <int L, int TOP> DEVICE auto& layer_of(Layers<TOP>& layers) {
  if constexpr (L == TOP) return layers;
  else return layer_of<L>(layers.below);
}

// Room of each warp: h and δ of its block's units of each layer, then δ of the head.
DEVICE constexpr int room_of(int layer) {
  int place = 0;
  for (int l = 1; l < layer; l++) place += 2 * width_of(own_units(l));
  return place;
}
constexpr int OF_WARP = room_of(DEPTH + 1) + Classes::WIDTH, OF_WARPS = padded(WARPS * OF_WARP);
constexpr int OF_BLOCK = padded(Units<DEPTH>::WIDTH);
DEVICE constexpr int widest_sums() {
  int widest = Classes::WIDTH;
  for (int l = 1; l <= DEPTH; l++) widest = larger(widest, width_of(own_units(l)));
  return widest;
}
using BlockSums = Sums<widest_sums()>;
// Where the rows in shared memory of a layer begin.
DEVICE constexpr int shared_of(int layer) {
  int place = BlockSums::FLOATS + OF_WARPS + OF_BLOCK;
  for (int l = 1; l < layer; l++) {
    place += (own_units(l) - rows_kept(l)) * padded(size(l - 1));
    if (l > 1) place += (own_units(l - 1) - columns_kept(l)) * padded(size(l));
  }
  return place;
}
static_assert(4 * (shared_of(DEPTH + 1) + Head::SHARED_FLOATS) == SDAE_SHARED_BYTES,
              "the host counts otherwise");
