// The benchmark network by hand, as fast as we can write it: what a compiled engine could reach.
//
// Poisson inputs drawn by their gaps, all-to-all onto LIF neurons, R-STDP with eligibility, 1 ms.
// The mathematics, the order within a timestep and the random numbers (`noise.h`) are those of
// `networks.feed_forward` on our engine, but everything is written for this one network: constants
// are compiled in, loops have fixed lengths, nothing can be recorded, exchanged or resumed.
//
//     floor DATA           a worker of `pacing.py`; a decision is one window
//     floor DATA WINDOWS   print the output's spike counts of every window, then the eligibility
//
// DATA: streams (int64), weights (input by input), rates (WINDOWS_OF_DATA windows), double.
// Compiled with -DN_INPUTS=... -DN_OUTPUTS=... by `floor_loop.py`.

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "noise.h"

namespace {

constexpr int WINDOWS_OF_DATA = 64, STEPS = 50;
constexpr int padded(int n) { return (n + 7) / 8 * 8; }

constexpr double dt = 1e-3, tau = 20e-3, tau_eligibility = 25e-3, unit_time = 1e-3;
constexpr double v_rest = -70e-3, v_reset = -70e-3, v_threshold = -54e-3, refractory_time = 0;
constexpr double mV = 1e-3, a_plus = 1, a_minus = 1;

// Indices of the neurons that spike.
template <int size> struct Spikes
{
    char is_spiking[padded(size)] = {0};
    int neurons[size], count = 0;

    void list()
    {
        count = 0;
        for (int first = 0; first < size; first += 8)
        {
            uint64_t eight;
            std::memcpy(&eight, is_spiking + first, 8);
            for (; eight; eight &= eight - 1)
                neurons[count++] = first + (__builtin_ctzll(eight) >> 3);
        }
    }
};

struct Network
{
    int64_t stream[N_INPUTS];
    std::vector<uint64_t> words;
    alignas(64) double w[N_INPUTS][N_OUTPUTS];
    alignas(64) double eligibility[N_INPUTS][N_OUTPUTS] = {{0}}; // times growth
    alignas(64) double rate[N_INPUTS] = {0}, next_spike[N_INPUTS], pre_trace[N_INPUTS] = {0};
    alignas(64) double v[N_OUTPUTS], refractory_left[N_OUTPUTS] = {0}, post_trace[N_OUTPUTS] = {0};
    double spike_count[N_OUTPUTS] = {0};
    double growth = 1;
    int64_t timestep = 0;
    Spikes<N_INPUTS> pre;
    Spikes<N_OUTPUTS> post;
    const double trace_decay = std::exp(-dt / tau), v_decay = std::exp(-dt / tau);
    const double growth_step = std::exp(dt / tau_eligibility);

    Network()
    {
        for (double &each : v)
            each = v_rest;
        for (double &each : next_spike)
            each = 0x1p62;
    }

    void begin_window(const double *rates)
    {
        noise::draw_all(words, stream, N_INPUTS, timestep);
        for (int i = 0; i < N_INPUTS; i++)
        {
            const double next = timestep + _word_to_geometric(words[i], rates[i] * dt);
            next_spike[i] = rates[i] != rate[i] ? next : next_spike[i];
            rate[i] = rates[i];
        }
        for (double &count : spike_count)
            count = 0;
    }

    void step()
    {
        integrate();
        for (int i = 0; i < N_INPUTS; i++)
            pre.is_spiking[i] = next_spike[i] <= timestep;
        for (int o = 0; o < N_OUTPUTS; o++)
            post.is_spiking[o] = v[o] >= v_threshold;
        pre.list();
        post.list();
        deliver();
        reset();
        timestep++;
    }

    void integrate()
    {
        growth *= growth_step;
        for (double &trace : pre_trace)
            trace *= trace_decay;
        for (int o = 0; o < N_OUTPUTS; o++)
        {
            post_trace[o] *= trace_decay;
            const double free = v_rest * (1 - v_decay) + v[o] * v_decay;
            const bool is_held = refractory_left[o] > 0.5 * dt;
            v[o] = is_held ? v_reset : free;
            refractory_left[o] -= is_held ? dt : 0;
        }
    }

    void deliver()
    {
        const double depression = growth * a_minus * unit_time / tau_eligibility;
        const double potentiation = growth * a_plus * unit_time / tau_eligibility;
        for (int k = 0; k < pre.count; k++)
            pre_trace[pre.neurons[k]] += 1;
        for (int k = 0; k < post.count; k++)
            post_trace[post.neurons[k]] += 1;
        for (int k = 0; k < pre.count; k++)
        {
            const int i = pre.neurons[k];
            for (int o = 0; o < N_OUTPUTS; o++)
            {
                v[o] += mV * w[i][o];
                eligibility[i][o] -= depression * post_trace[o];
            }
        }
        for (int k = 0; k < post.count; k++)
            for (int i = 0; i < N_INPUTS; i++)
                eligibility[i][post.neurons[k]] += potentiation * pre_trace[i];
    }

    void reset()
    {
        for (int k = 0; k < post.count; k++)
        {
            const int o = post.neurons[k];
            v[o] = v_reset;
            refractory_left[o] = refractory_time;
            spike_count[o] += 1;
        }
        for (int k = 0; k < pre.count; k++)
        {
            const int i = pre.neurons[k];
            next_spike[i] = timestep + 1 + _counter_geometric(stream[i], timestep + 1, rate[i] * dt);
        }
    }

    void settle()
    {
        const double factor = 1 / growth;
        for (auto &row : eligibility)
            for (double &each : row)
                each *= factor;
        growth = 1;
    }
};

Network network;
double rates[WINDOWS_OF_DATA][N_INPUTS];
long window = 0;

void decide()
{
    network.begin_window(rates[window++ % WINDOWS_OF_DATA]);
    for (int k = 0; k < STEPS; k++)
        network.step();
    network.settle();
}

bool read_data(const char *path)
{
    FILE *file = std::fopen(path, "rb");
    return file && std::fread(network.stream, sizeof network.stream, 1, file) == 1 &&
           std::fread(network.w, sizeof network.w, 1, file) == 1 &&
           std::fread(rates, sizeof rates, 1, file) == 1 && std::fclose(file) == 0;
}

double seconds(clockid_t clock)
{
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

void work()
{
    decide();
    std::puts("ready");
    std::fflush(stdout);
    for (long count; std::scanf("%ld", &count) == 1;)
    {
        const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        for (long k = 0; k < count; k++)
            decide();
        std::printf("%ld %.9g %.9g\n", count, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu,
                    seconds(CLOCK_MONOTONIC) - wall);
        std::fflush(stdout);
    }
}

void show(long windows)
{
    for (long k = 0; k < windows; k++)
    {
        decide();
        for (double count : network.spike_count)
            std::printf("%g ", count);
        std::puts("");
    }
    for (auto &row : network.eligibility)
        for (double each : row)
            std::printf("%.17g ", each);
    std::puts("");
}

} // namespace

int main(int argc, char **argv)
{
    if (argc < 2 || !read_data(argv[1]))
    {
        std::fprintf(stderr, "floor: cannot read its data\n");
        return 1;
    }
    if (argc > 2)
        show(std::atol(argv[2]));
    else
        work();
    return 0;
}
