// What the code of `pathways.py` calls: the synapses of one neuron.

#include <cstdint>
#include <vector>

// Synapses first, first + stride, ... that lead to neurons other, other + 1, ...; stride 0: they are
// listed in the pathway's queue.
struct Fan
{
    int32_t first = 0, count = 0, stride = 0, other = 0;
};

inline void fan_out(
    std::vector<Fan> &fans, const std::vector<std::vector<int> > &synapses,
    const std::vector<int32_t> &partners)
{
    fans.assign(synapses.size(), Fan());
    for (size_t k = 0; k < fans.size(); k++)
    {
        const std::vector<int> &own = synapses[k];
        const int32_t count = (int32_t)own.size();
        if (count == 0)
            continue;
        const int32_t stride = count > 1 ? own[1] - own[0] : 1;
        bool is_regular = stride > 0;
        for (int32_t n = 1; n < count && is_regular; n++)
            is_regular = own[n] - own[n - 1] == stride && partners[own[n]] - partners[own[n - 1]] == 1;
        if (is_regular)
            fans[k] = {own[0], count, stride, partners[own[0]]};
    }
}
