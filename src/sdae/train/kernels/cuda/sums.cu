// Sums over the threads of a block, each in a fixed order.

// Sums each of N values over the lanes that agree in the bits below UNIT. Lane l gets the sum of
// value (l / UNIT) % N. At each of the first steps a lane gives half of its values away.
template <int N, int UNIT, int HALF> DEVICE void fold_halves(float (&v)[N], int lane) {
  if constexpr (HALF >= 1) {
    const bool upper = lane & (HALF * UNIT);
    UNROLL for (int i = 0; i < HALF; i++) {
      const float sent = upper ? v[i] : v[i + HALF], kept = upper ? v[i + HALF] : v[i];
      v[i] = kept + from_lane(sent, HALF * UNIT);
    }
    fold_halves<N, UNIT, HALF / 2>(v, lane);
  }
}
template <int N, int UNIT> DEVICE float fold(float (&v)[N], int lane) {
  fold_halves<N, UNIT, N / 2>(v, lane);
  float sum = v[0];
  UNROLL for (int mask = N * UNIT; mask < 32; mask *= 2) sum += from_lane(sum, mask);
  return sum;
}

// How the sums of `rows` rows lie: in groups of a power of two, at most 32. Lane l has row
// l % SIZE of each group; the other lanes have copies.
template <int ROWS> struct Groups {
  static constexpr int SIZE = power_of_two(ROWS), N = ceil_of(ROWS, SIZE), WIDTH = N * SIZE;
};
DEVICE constexpr int width_of(int rows) {
  return ceil_of(rows, power_of_two(rows)) * power_of_two(rows);
}

// Room for the warps' sums, twice: a half is written again two sums later, behind the barrier of
// the sum between, which every thread reaches after it read this half.
template <int WIDEST> struct Sums {
  static constexpr int HALF = padded(WARPS * WIDEST + 2 * WARPS), FLOATS = 2 * HALF;
  float* room;
  int turn;
  DEVICE float* half() { return room + turn * HALF; }

  // Puts the warp's sums of the products of rows with x in the room.
  template <class TILE>
  DEVICE void take_rows(const TILE& w, const float4 (&x)[TILE::OWN], Place me) {
    using G = Groups<TILE::ROWS>;
    UNROLL for (int g = 0; g < G::N; g++) {
      float v[G::SIZE];
      UNROLL for (int i = 0; i < G::SIZE; i++) {
        v[i] = 0.f;
        if (g * G::SIZE + i < TILE::ROWS) {
          UNROLL for (int k = 0; k < TILE::OWN; k++)
            v[i] = dot(w.at(g * G::SIZE + i, k), x[k], v[i]);
        }
      }
      const float sum = fold<G::SIZE, 1>(v, me.lane);
      if (me.lane < G::SIZE) half()[me.warp * G::WIDTH + g * G::SIZE + me.lane] = sum;
    }
  }
  // Puts the warp's sums of two more numbers in the room.
  DEVICE void take_two(float p, float q, Place me) {
    float v[2] = {p, q};
    const float sum = fold<2, 1>(v, me.lane);
    if (me.lane < 2) half()[WARPS * WIDEST + 2 * me.warp + me.lane] = sum;
  }
  DEVICE void wait() {
    block_barrier();
    turn ^= 1;
  }
  // After the wait: sums over the warps. Every warp has the same.
  template <int ROWS> DEVICE float row(int group, Place me) {
    using G = Groups<ROWS>;
    constexpr int SETS = 32 / G::SIZE;
    const float* from = room + (turn ^ 1) * HALF + group * G::SIZE + (me.lane & (G::SIZE - 1));
    const int set = me.lane / G::SIZE;
    float sum = 0.f;
    UNROLL for (int w = 0; w < WARPS; w += SETS)
      if (w + set < WARPS) sum += from[(w + set) * G::WIDTH];
    UNROLL for (int mask = G::SIZE; mask < 32; mask *= 2) sum += from_lane(sum, mask);
    return sum;
  }
  DEVICE float one_of_two(int which) {
    const float* from = room + (turn ^ 1) * HALF + WARPS * WIDEST + which;
    float sum = 0.f;
    UNROLL for (int w = 0; w < WARPS; w++) sum += from[2 * w];
    return sum;
  }
};
