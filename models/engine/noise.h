// The functions of `noise.py` in C++: of one number, and of many streams at a time.
//
// Compilers turn 32 x 32 -> 64 bit products into slow 64-bit multiplications when they vectorise,
// so the one instruction that matters is written out. It reads the low halves of its 64-bit lanes
// only: whatever the rounds leave in the high halves is never seen. The rest has neither branches
// nor calls, so that loops over neurons are vectorised.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace noise {

#if defined(__AVX512F__) || defined(__AVX2__)
#if defined(__AVX512F__)
typedef uint64_t Lanes __attribute__((vector_size(64)));
#else
typedef uint64_t Lanes __attribute__((vector_size(32)));
#endif
// "v": any vector register, of which AVX2 has as many as "x" names.
inline Lanes multiply_low(Lanes a, Lanes b)
{
    Lanes product;
    asm("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
    return product;
}
#else
typedef uint64_t Lanes;
#endif
const int64_t n_lanes = sizeof(Lanes) / sizeof(uint64_t);
inline uint64_t multiply_low(uint64_t a, uint64_t b)
{
    return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu);
}

// Philox2x32-10; the low halves of the counters count.
template <typename Words> inline Words philox(Words stream, Words counter)
{
    const Words multiplier = Words() + 0xD256D193u;
    Words key = stream, high = stream >> 32, low = counter;
    for (int k = 0; k < 10; k++)
    {
        const Words product = multiply_low(low, multiplier);
        low = (product >> 32) ^ key ^ high;
        high = product;
        key += 0x9E3779B9u;
    }
    return (high << 32) | (low & 0xFFFFFFFFu);
}

// Powers of two, for compilers that do not know 0x1p52.
const double two_to_62 = 4611686018427387904.0, two_to_52 = 4503599627370496.0;
const double two_to_minus_32 = 1 / 4294967296.0, two_to_minus_53 = 0.5 / two_to_52;

inline uint64_t bits_of(double value)
{
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline double of_bits(uint64_t bits)
{
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// A whole number below 2^52 as a double, for which AVX2 has no instruction.
inline double of_whole(uint64_t number)
{
    return of_bits(number | 0x4330000000000000u) - two_to_52;
}

// Counters of a timestep, given as a whole number or as a double from 0 to 2^52.
inline uint64_t counter_of(int64_t timestep) { return (uint64_t)timestep; }
inline uint64_t counter_of(double timestep) { return bits_of(timestep + two_to_52); }

// The counters of streams k, k + 1, ...: one for all, or an array that is `n_lanes` too long.
inline Lanes counters_at(int64_t, int64_t timestep) { return Lanes() + (uint64_t)timestep; }
inline Lanes counters_at(int64_t k, const uint64_t *counters)
{
    Lanes found;
    std::memcpy(&found, counters + k, sizeof found);
    return found;
}

// Fill `words` with the word of each stream from `first` to `last` - 1 and return its data.
template <typename Counters>
inline const uint64_t *draw_between(
    std::vector<uint64_t> &words, const int64_t *streams, int64_t first, int64_t last,
    Counters counters)
{
    words.resize(last + n_lanes);
    int64_t k = first;
    Lanes keys;
    for (; k + n_lanes <= last; k += n_lanes)
    {
        std::memcpy(&keys, streams + k, sizeof keys);
        const Lanes drawn = philox(keys, counters_at(k, counters));
        std::memcpy(words.data() + k, &drawn, sizeof drawn);
    }
    if (k < last)
    {
        int64_t rest[n_lanes] = {0};
        std::memcpy(rest, streams + k, (last - k) * sizeof(int64_t));
        std::memcpy(&keys, rest, sizeof keys);
        const Lanes drawn = philox(keys, counters_at(k, counters));
        std::memcpy(words.data() + k, &drawn, sizeof drawn);
    }
    return words.data();
}

template <typename Counters>
inline const uint64_t *draw_all(
    std::vector<uint64_t> &words, const int64_t *streams, int64_t count, Counters counters)
{
    return draw_between(words, streams, 0, count, counters);
}

// log(x + rest*x) of a normal x > 0 and a small rest, to one unit in the last place.
//
// Source: fdlibm 5.3, e_log.c and s_log1p.c (Sun Microsystems 1993): with x = 2**k (1 + f) and
// s = f/(2 + f), log(1 + f) = f - f*f/2 + s*(f*f/2 + R(s*s)). Its branches are left out.
inline double log_with_rest(double x, double rest)
{
    const uint64_t root_half = 0x3FE6A09E667F3BCDu, mantissa = 0x000FFFFFFFFFFFFFu;
    const uint64_t scaled = bits_of(x) - root_half;
    const double k = of_whole((scaled + 0x3FF0000000000000u) >> 52) - 1023.0;
    const double f = of_bits((scaled & mantissa) + root_half) - 1.0;
    const double s = f / (2.0 + f), z = s * s, w = z * z, half = 0.5 * f * f;
    const double even = w * (3.999999999940941908e-01 +
        w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
    const double odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01 +
        w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
    const double tail = s * (half + (even + odd)) + (k * 1.90821492927058770002e-10 + rest);
    return k * 6.93147180369123816490e-01 - ((half - tail) - f);
}

inline double log(double x) { return log_with_rest(x, 0.0); }

// log(1 + x), -1 < x <= 0.
inline double log1p(double x)
{
    const double sum = 1.0 + x;
    return log_with_rest(sum, (x - (sum - 1.0)) / sum);
}

} // namespace noise

inline double _word_to_uniform(uint64_t word)
{
    return noise::of_whole(word >> 32) * noise::two_to_minus_32 +
        noise::of_whole(word >> 11 & 0x1FFFFFu) * noise::two_to_minus_53;
}

inline double _word_to_gaussian(uint64_t word)
{
    const double low = (double)(uint32_t)word, high = (double)(uint32_t)(word >> 32);
    const double radius = sqrt(-2.0 * std::log((low + 0.5) * noise::two_to_minus_32));
    return radius * cos(high * (2.0 * M_PI * noise::two_to_minus_32));
}

inline double _word_to_geometric(uint64_t word, double p)
{
    const double u = _word_to_uniform(word) + 0.5 * noise::two_to_minus_53;
    const double gap = floor(noise::log(u) / noise::log1p(-p));
    return p >= 1.0 ? 0.0 : p > 0.0 ? gap : noise::two_to_62;
}

template <typename Timestep> inline uint64_t _counter_word(int64_t stream, Timestep timestep)
{
    return noise::philox((uint64_t)stream, noise::counter_of(timestep));
}

inline double _counter_uniform(int64_t stream, int64_t timestep)
{
    return _word_to_uniform(_counter_word(stream, timestep));
}

inline double _counter_gaussian(int64_t stream, int64_t timestep)
{
    return _word_to_gaussian(_counter_word(stream, timestep));
}

inline double _counter_geometric(int64_t stream, double start, double p)
{
    return _word_to_geometric(_counter_word(stream, start), p);
}
