// Philox2x32-10 of many streams at one timestep; bit for bit what `noise.py` draws one at a time.
//
// Compilers turn 32 x 32 -> 64 bit products into slow 64-bit multiplications when they vectorise, so
// the one instruction that matters is written out. It reads the low halves of its 64-bit lanes only:
// whatever the rounds leave in the high halves is never seen.

#include <cstdint>
#include <cstring>
#include <vector>

namespace philox {

#if defined(__AVX512F__)
typedef uint64_t Lanes __attribute__((vector_size(64)));
inline Lanes multiply_low(Lanes a, Lanes b)
{
    Lanes product;
    asm("vpmuludq %2, %1, %0" : "=v"(product) : "v"(a), "v"(b));
    return product;
}
#elif defined(__AVX2__)
typedef uint64_t Lanes __attribute__((vector_size(32)));
inline Lanes multiply_low(Lanes a, Lanes b)
{
    Lanes product;
    asm("vpmuludq %2, %1, %0" : "=x"(product) : "x"(a), "x"(b));
    return product;
}
#else
typedef uint64_t Lanes;
inline Lanes multiply_low(Lanes a, Lanes b) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); }
#endif
const int64_t n_lanes = sizeof(Lanes) / sizeof(uint64_t);

inline void draw(const int64_t *streams, int64_t timestep, uint64_t *words)
{
    const Lanes multiplier = Lanes() + 0xD256D193u;
    Lanes key, high, low = Lanes() + (uint64_t)timestep;
    std::memcpy(&key, streams, sizeof(Lanes));
    high = key >> 32;
    for (int k = 0; k < 10; k++)
    {
        const Lanes product = multiply_low(low, multiplier);
        low = (product >> 32) ^ key ^ high;
        high = product;
        key += 0x9E3779B9u;
    }
    low = (high << 32) | (low & 0xFFFFFFFFu);
    std::memcpy(words, &low, sizeof(Lanes));
}

// Fill `words` with the word of each stream from `first` to `last` - 1 and return its data.
inline const uint64_t *draw_between(
    std::vector<uint64_t> &words, const int64_t *streams, int64_t first, int64_t last,
    int64_t timestep)
{
    words.resize(last);
    int64_t k = first;
    for (; k + n_lanes <= last; k += n_lanes)
        draw(streams + k, timestep, words.data() + k);
    if (k < last)
    {
        int64_t rest[n_lanes] = {0};
        uint64_t drawn[n_lanes];
        std::memcpy(rest, streams + k, (last - k) * sizeof(int64_t));
        draw(rest, timestep, drawn);
        std::memcpy(words.data() + k, drawn, (last - k) * sizeof(uint64_t));
    }
    return words.data();
}

inline const uint64_t *draw_all(
    std::vector<uint64_t> &words, const int64_t *streams, int64_t count, int64_t timestep)
{
    return draw_between(words, streams, 0, count, timestep);
}

} // namespace philox
