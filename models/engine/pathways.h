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

// The neurons whose synapses a timestep has to visit: those at rest would stay as they are.
struct AwakeRows
{
    std::vector<int32_t> rows;
    std::vector<char> is_awake;

    // Find those of which some state is not 0, from `first` to `last` - 1; all of them where so few
    // timesteps follow that to look costs more than to visit.
    void find(
        const Fans &fans, const std::vector<const double *> &states, int64_t first, int64_t last,
        int64_t steps)
    {
        is_awake.resize(fans.of.size());
        rows.clear();
        for (int64_t row = first; row < last && fans.has_rows; row++)
        {
            is_awake[row] = false;
            if (steps < 8)
                wake((int32_t)row);
            for (const double *state : states)
                if (!is_awake[row] && any(state + fans.of[row].first, fans.of[row].count))
                    wake((int32_t)row);
        }
    }

    void wake(int32_t row)
    {
        if (is_awake[row])
            return;
        is_awake[row] = true;
        rows.push_back(row);
    }

    static bool any(const double *values, int32_t count)
    {
        bool found = false;
        for (int32_t n = 0; n < count; n++)
            found |= values[n] != 0; // NaN as well
        return found;
    }
};
