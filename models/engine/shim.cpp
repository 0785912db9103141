// Stepping interface of the compiled engine. `models/engine/generation.py` fills the @TABLES@ and
// appends this file to the generated network, so that one timestep is one inlined function.

#include <cstring>

namespace shim {

int64_t periods[@N_PERIODIC@] = {0};

struct Spikes
{
    bool on = false;
    std::vector<int64_t> steps;
    std::vector<int32_t> neurons;
};
Spikes recorded[@N_SPIKING@];

struct Probe
{
    double *value;
    double *growth; // of a lazily decaying variable: its true value is value/growth
};
std::vector<Probe> probes;
std::vector<double> samples; // more than are taken, so that a row is written without looking
size_t n_samples = 0;
std::vector<int64_t> sample_steps;
int64_t probe_interval = 1;
bool recording = false;

void record_spikes(int population, const int32_t *spikespace, int size, int64_t step)
{
    Spikes &target = recorded[population];
    if (!target.on)
        return;
    const int count = spikespace[size - 1];
    target.steps.insert(target.steps.end(), count, step);
    target.neurons.insert(target.neurons.end(), spikespace, spikespace + count);
}

void record(int64_t step)
{
@SPIKESPACES@
    if (probes.empty() || step % probe_interval != 0)
        return;
    sample_steps.push_back(step);
    const size_t used = n_samples, count = probes.size();
    n_samples += count;
    if (n_samples > samples.size())
        samples.resize(2 * n_samples);
    double *row = samples.data() + used;
    for (size_t k = 0; k < count; k++)
        row[k] = probes[k].growth ? *probes[k].value / *probes[k].growth : *probes[k].value;
}

inline void advance_one()
{
@STEP@
    brian::network_clock_compiled.tick();
    const int64_t step = brian::network_clock_compiled.timestep[0];
    (void)step;
@PERIODIC@
    if (__builtin_expect(recording, 0))
        record(step);
}

inline void settle()
{
@SETTLE@
}

// What all replicas share and every timestep changes.
double **shared[] = {@SHARED@NULL};
const int n_shared = sizeof(shared) / sizeof(shared[0]) - 1;
const int64_t n_replicas = @REPLICAS@;
int64_t block = n_replicas;
int64_t chunk = 1; // timesteps between two settlings

// From the window's first timestep on, for the replicas of a block.
void advance_block(int64_t steps)
{
@OPEN@
@ROUSE@
    while (steps > 0)
    {
        const int64_t count = steps < chunk ? steps : chunk;
        for (int64_t k = 0; k < count; k++)
            advance_one();
        settle();
        steps -= count;
    }
}

void advance(int64_t steps)
{
    // What is recorded is recorded in the order of time.
    const int64_t size = recording ? n_replicas : block;
    int64_t *clock = brian::network_clock_compiled.timestep;
    const int64_t start = clock[0];
    double at_start[n_shared + 1];
    for (int k = 0; k < n_shared; k++)
        at_start[k] = **shared[k];
    for (int64_t first = 0; first < n_replicas; first += size)
    {
        first_replica = first;
        last_replica = first + size < n_replicas ? first + size : n_replicas;
        clock[0] = start;
        brian::network_clock_compiled.t[0] = start * brian::network_clock_compiled.dt[0];
        for (int k = 0; k < n_shared; k++)
            **shared[k] = at_start[k];
        advance_block(steps);
    }
    first_replica = 0;
}

CSpikeQueue *queue(int32_t index)
{
    switch (index)
    {
@QUEUES@
    }
    return NULL;
}

} // namespace shim

#pragma GCC visibility push(default)
extern "C" {

int32_t engine_initialise()
{
    char name[] = "network";
    char *arguments[] = {name, NULL};
    return brian_main(1, arguments);
}

// Take the delays that the host wrote.
void engine_prepare_queues()
{
    last_replica = shim::n_replicas;
@PREPARE@
}

int64_t engine_array(int32_t index, void **data)
{
    switch (index)
    {
@ARRAYS@
    }
    return -1;
}

void engine_set_chunk(int64_t steps) { shim::chunk = steps; }

// Return whether it is time to look for NaN: weights keep one, so a late look finds it.
int32_t engine_advance(int64_t steps)
{
    static uint32_t windows = 0;
    shim::advance(steps);
    return ++windows % 256 == 0;
}

void engine_set_block(int64_t replicas) { shim::block = replicas; }

void engine_block(int32_t index)
{
    switch (index)
    {
@BLOCKS@
    }
}

void engine_set_period(int32_t index, int64_t steps) { shim::periods[index] = steps; }

void engine_record_spikes(int32_t population, int32_t on)
{
    shim::recorded[population].on = on != 0;
}

void engine_record_probes(int32_t count, double **values, double **growths, int64_t interval)
{
    shim::probes.clear();
    for (int32_t k = 0; k < count; k++)
        shim::probes.push_back({values[k], growths[k]});
    shim::probe_interval = interval;
}

void engine_recording(int32_t on) { shim::recording = on != 0; }

int64_t engine_spikes(int32_t population, int64_t **steps, int32_t **neurons)
{
    *steps = shim::recorded[population].steps.data();
    *neurons = shim::recorded[population].neurons.data();
    return (int64_t)shim::recorded[population].steps.size();
}

int64_t engine_samples(int64_t **steps, double **values)
{
    *steps = shim::sample_steps.data();
    *values = shim::samples.data();
    return (int64_t)shim::sample_steps.size();
}

void engine_forget()
{
    for (shim::Spikes &target : shim::recorded)
    {
        target.steps.clear();
        target.neurons.clear();
    }
    shim::sample_steps.clear();
    shim::n_samples = 0;
}

// Spikes in flight as [offset, slots, length of slot 0, its synapses, length of slot 1, ...].
int64_t engine_queue_size(int32_t index)
{
    int64_t size = 2;
    for (const std::vector<int32_t> &slot : shim::queue(index)->queue)
        size += 1 + (int64_t)slot.size();
    return size;
}

void engine_queue_get(int32_t index, int32_t *out)
{
    CSpikeQueue *queue = shim::queue(index);
    *out++ = queue->offset;
    *out++ = (int32_t)queue->queue.size();
    for (const std::vector<int32_t> &slot : queue->queue)
    {
        *out++ = (int32_t)slot.size();
        if (!slot.empty())
            std::memcpy(out, slot.data(), slot.size() * sizeof(int32_t));
        out += slot.size();
    }
}

void engine_queue_set(int32_t index, const int32_t *in)
{
    CSpikeQueue *queue = shim::queue(index);
    queue->offset = *in++;
    queue->queue.resize(*in++);
    for (std::vector<int32_t> &slot : queue->queue)
    {
        const int32_t length = *in++;
        slot.assign(in, in + length);
        in += length;
    }
}

} // extern "C"
#pragma GCC visibility pop
