// What the code of `pathways.py` calls: the synapses of each neuron.

#include <cstdint>
#include <vector>

// Synapses first, first + stride, ... that lead to neurons other, other + 1, ...; stride 0: they
// are listed in the pathway's queue.
struct Fan
{
    int32_t first = 0, count = 0, stride = 0, other = 0;
};

struct Fans
{
    std::vector<Fan> of;
    // Whether all synapses, in order, are those of one neuron after the other, in rows that pay.
    bool has_rows = false;

    void find(
        const std::vector<std::vector<int> > &synapses, const std::vector<int32_t> &partners)
    {
        const size_t shortest_row = 8;
        of.assign(synapses.size(), Fan());
        size_t next = 0;
        has_rows = true;
        for (size_t k = 0; k < of.size(); k++)
        {
            const std::vector<int> &own = synapses[k];
            const size_t count = own.size();
            bool is_regular = count > 0;
            const int32_t stride = count > 1 ? own[1] - own[0] : 1;
            for (size_t n = 1; n < count && is_regular; n++)
                is_regular = stride > 0 && own[n] - own[n - 1] == stride &&
                    partners[own[n]] - partners[own[n - 1]] == 1;
            if (is_regular)
                of[k] = {own[0], (int32_t)count, stride, partners[own[0]]};
            has_rows = has_rows && is_regular && stride == 1 && (size_t)own[0] == next &&
                count >= shortest_row;
            next += count;
        }
    }
};
