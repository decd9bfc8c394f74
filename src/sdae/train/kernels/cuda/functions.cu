// Activations with their slopes, losses, and random bits.

enum { SIGMOID, TANH, RELU };
static_assert(SDAE_ACTIVATION >= SIGMOID && SDAE_ACTIVATION <= RELU, "not among these");
enum { CROSS_ENTROPY, SQUARED_ERROR };
enum { MASKING = 0, SALT_AND_PEPPER = 2, NO_NOISE = 4 };

DEVICE float sigmoid(float a) { return __fdividef(1.f, 1.f + __expf(-a)); }
DEVICE float activated(float a) {
  if constexpr (SDAE_ACTIVATION == RELU) {
    return a < 0.f ? 0.f : a;  // NaN stays NaN
  } else if constexpr (SDAE_ACTIVATION == TANH) {
    const float e = __expf(-2.f * fabsf(a));
    return copysignf(__fdividef(1.f - e, 1.f + e), a);
  } else {
    return sigmoid(a);
  }
}
// s'(a) in terms of h = s(a).
DEVICE float slope(float h) {
  if constexpr (SDAE_ACTIVATION == RELU) {
    return h > 0.f ? 1.f : 0.f;
  } else if constexpr (SDAE_ACTIVATION == TANH) {
    return 1.f - h * h;
  } else {
    return h * (1.f - h);
  }
}

// The loss of a component x from a, what the decoder computed, and its slope.
template <int LOSS> DEVICE float loss_of(float a, float x) {
  if constexpr (LOSS == SQUARED_ERROR) return (a - x) * (a - x);
  else return (fmaxf(a, 0.f) - a * x) + log1pf(__expf(-fabsf(a)));
}
template <int LOSS> DEVICE float loss_slope(float a, float x) {
  if constexpr (LOSS == SQUARED_ERROR) return 2.f * (a - x);
  else return sigmoid(a) - x;
}

// The bits of sdae.core.randomness: a word of 64 bits for two components, the lower half first.
#define GOLDEN 0x9E3779B97F4A7C15ull
DEVICE Bits mixed(Bits word) {
  word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ull;
  word = (word ^ (word >> 27)) * 0x94D049BB133111EBull;
  return word ^ (word >> 31);
}
DEVICE Bits row_hash(Bits key, long long sample) { return mixed((Bits)sample * GOLDEN + key); }
DEVICE Bits pair_of_bits(Bits hash, int pair) { return mixed(hash + (Bits)(pair + 1) * GOLDEN); }
DEVICE Word bits_of(Bits hash, int component) {
  const Bits both = pair_of_bits(hash, component >> 1);
  return (Word)(component & 1 ? both >> 32 : both);
}

// Which components are drawn, and what they become; `limit` may be 2^32.
struct Noise {
  Bits key, limit;
  float low, high;
};
template <int KIND> DEVICE bool is_drawn(Word bits, const Noise& noise) {
  return (Bits)(KIND == SALT_AND_PEPPER ? bits >> 1 : bits) < noise.limit;
}
template <int KIND> DEVICE float noisy(float x, Word bits, const Noise& noise) {
  const float value = KIND == SALT_AND_PEPPER && (bits & 1u) ? noise.high : noise.low;
  return is_drawn<KIND>(bits, noise) ? value : x;
}
// Corrupts a quad of a row of N components.
template <int KIND, int N>
DEVICE float4 corrupted(float4 x, Bits hash, int quad, const Noise& noise) {
  if constexpr (KIND == NO_NOISE) return x;
  const Bits first = pair_of_bits(hash, 2 * quad), second = pair_of_bits(hash, 2 * quad + 1);
  const int n = N % 4 == 0 ? 4 : N - 4 * quad;
  float4 y = x;
  if (n > 0) y.x = noisy<KIND>(x.x, (Word)first, noise);
  if (n > 1) y.y = noisy<KIND>(x.y, (Word)(first >> 32), noise);
  if (n > 2) y.z = noisy<KIND>(x.z, (Word)second, noise);
  if (n > 3) y.w = noisy<KIND>(x.w, (Word)(second >> 32), noise);
  return y;
}
// Chooses `drawn` or `other` for the components of a quad.
template <int KIND>
DEVICE float4 chosen(Bits hash, int quad, const Noise& noise, float drawn, float other) {
  if constexpr (KIND == NO_NOISE) return make_float4(other, other, other, other);
  const Bits first = pair_of_bits(hash, 2 * quad), second = pair_of_bits(hash, 2 * quad + 1);
  return make_float4(is_drawn<KIND>((Word)first, noise) ? drawn : other,
                     is_drawn<KIND>((Word)(first >> 32), noise) ? drawn : other,
                     is_drawn<KIND>((Word)second, noise) ? drawn : other,
                     is_drawn<KIND>((Word)(second >> 32), noise) ? drawn : other);
}

// Dropout: 0 for what is dropped, `scale` for what stays.
struct Dropout {
  Bits limit;
  float scale;
};
DEVICE float stays(Word bits, const Dropout& dropout) {
  return (Bits)bits < dropout.limit ? 0.f : dropout.scale;
}
DEVICE float4 stays(Bits hash, int quad, const Dropout& dropout) {
  const Bits first = pair_of_bits(hash, 2 * quad), second = pair_of_bits(hash, 2 * quad + 1);
  return make_float4(stays((Word)first, dropout), stays((Word)(first >> 32), dropout),
                     stays((Word)second, dropout), stays((Word)(second >> 32), dropout));
}
DEVICE float4 times(float4 a, float4 b) {
  return make_float4(a.x * b.x, a.y * b.y, a.z * b.z, a.w * b.w);
}
