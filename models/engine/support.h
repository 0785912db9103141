// What the rewritten code of `rewrites.py` calls.

#include <cmath>
#include <cstdint>
#include <cstring>

// exp(x), computed anew only when x differs from the last one seen at this place.
template <int place> inline double remembered_exp(double x)
{
    static double argument = NAN, value = NAN;
    if (x != argument)
    {
        argument = x;
        value = std::exp(x);
    }
    return value;
}

// Write the indices of the true conditions to `spikes`, in order, and return how many there are.
// `conditions` is padded with zeros to a multiple of eight.
inline long list_spikes(const char *conditions, int64_t count, int32_t *spikes)
{
    long n_spikes = 0;
    for (int64_t first = 0; first < count; first += 8)
    {
        uint64_t eight;
        std::memcpy(&eight, conditions + first, 8);
        for (; eight; eight &= eight - 1)
            spikes[n_spikes++] = (int32_t)(first + (__builtin_ctzll(eight) >> 3));
    }
    return n_spikes;
}
