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

// Write the indices of the true conditions from `first` to `last` - 1 to `spikes`, in order, and
// return how many there are.
inline long list_spikes_between(
    const char *conditions, int64_t first, int64_t last, int32_t *spikes)
{
    long n_spikes = 0;
    for (; first + 8 <= last; first += 8)
    {
        uint64_t eight;
        std::memcpy(&eight, conditions + first, 8);
        for (; eight; eight &= eight - 1)
            spikes[n_spikes++] = (int32_t)(first + (__builtin_ctzll(eight) >> 3));
    }
    for (; first < last; first++)
        if (conditions[first])
            spikes[n_spikes++] = (int32_t)first;
    return n_spikes;
}

inline long list_spikes(const char *conditions, int64_t count, int32_t *spikes)
{
    return list_spikes_between(conditions, 0, count, spikes);
}

// The replicas that are at work, all of them outside of windows, and their elements among all
// `count`.
static int64_t first_replica = 0, last_replica = 1;
template <int64_t replicas> inline int64_t block_begin(int64_t count)
{
    return count / replicas * first_replica;
}
template <int64_t replicas> inline int64_t block_end(int64_t count)
{
    return count / replicas * last_replica;
}
