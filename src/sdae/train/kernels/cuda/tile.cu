// Some rows of a matrix on the chip, for the length of a launch.
//
// Thread t has the quads t, t + THREADS, ... of each row and touches no other: the first KEPT rows
// in its registers, the rest in shared memory, which needs no barrier therefore. Every loop over
// rows is unrolled, since registers cannot be indexed. What is past the ends of the matrix is zero.

template <int ROWS_, int COLUMNS_, int KEPT_> struct Tile {
  static constexpr int ROWS = ROWS_, COLUMNS = COLUMNS_, KEPT = KEPT_;
  static constexpr int QUADS = ceil_of(COLUMNS, 4), OWN = ceil_of(QUADS, THREADS);
  static constexpr int SHARED_FLOATS = (ROWS - KEPT) * QUADS * 4;
  float4 kept[KEPT > 0 ? KEPT : 1][OWN];
  float4* rest;  // (ROWS - KEPT, QUADS)
  int thread;

  DEVICE bool has(int k) const { return QUADS % THREADS == 0 || thread + k * THREADS < QUADS; }
  DEVICE float4 at(int row, int k) const {
    if (row < KEPT) return kept[row][k];
    return has(k) ? rest[(row - KEPT) * QUADS + thread + k * THREADS] : zeros();
  }
  DEVICE void put(int row, int k, float4 v) {
    if (row < KEPT) kept[row][k] = v;
    else if (has(k)) rest[(row - KEPT) * QUADS + thread + k * THREADS] = v;
  }
  // Takes rows `first` and on of a matrix of n_rows rows, each padded to whole quads.
  DEVICE void load(const float* matrix, int first, int n_rows, float* shared, Place me) {
    thread = me.thread, rest = (float4*)shared;
    UNROLL for (int row = 0; row < ROWS; row++) UNROLL for (int k = 0; k < OWN; k++) {
      const bool inside = has(k) && first + row < n_rows;
      const float4* from = (const float4*)matrix + (size_t)(first + row) * QUADS;
      put(row, k, inside ? from[thread + k * THREADS] : zeros());
    }
  }
  // Takes columns `first` and on, as rows, of a matrix of COLUMNS rows of n_columns numbers,
  // padded.
  DEVICE void load_columns(const float* matrix, int first, int n_columns, float* shared, Place me) {
    thread = me.thread, rest = (float4*)shared;
    UNROLL for (int row = 0; row < ROWS; row++) UNROLL for (int k = 0; k < OWN; k++) {
      const int j = 4 * (thread + k * THREADS), stride = padded(n_columns);
      const float* from = matrix + (size_t)j * stride + first + row;
      const bool inside = first + row < n_columns;
      float4 v = zeros();
      if (inside && j < COLUMNS) v.x = from[0];
      if (inside && j + 1 < COLUMNS) v.y = from[stride];
      if (inside && j + 2 < COLUMNS) v.z = from[2 * stride];
      if (inside && j + 3 < COLUMNS) v.w = from[3 * stride];
      put(row, k, v);
    }
  }
  // Writes the rows back; returns whether they are finite.
  DEVICE bool store(float* matrix, int first, int n_rows) const {
    bool finite = true;
    UNROLL for (int row = 0; row < ROWS; row++) UNROLL for (int k = 0; k < OWN; k++) {
      if (has(k) && first + row < n_rows) {
        const float4 v = at(row, k);
        finite = finite && are_finite(v);
        ((float4*)matrix)[(size_t)(first + row) * QUADS + thread + k * THREADS] = v;
      }
    }
    return finite;
  }
};
