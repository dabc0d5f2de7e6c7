// Windows on their way through the CTranslate2 engine: who asks waits on one, workers take them in batches.
#pragma once

#include "backend.h"
#include "speech_edges.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace mediajob {

struct Work {
    Work(std::vector<float> audio, DecodeTask wanted, bool only_language)
        : samples(std::move(audio)), task(std::move(wanted)), detects(only_language), levels(samples) {}

    const std::vector<float> samples;
    const DecodeTask         task;
    const bool               detects; // the language only
    const SoundLevels        levels;
    uint64_t                 sum = 0; // of the samples

    std::atomic<bool>   abandoned{false}; // nobody waits for it any more
    std::atomic<double> fraction{0};

    // Of its worker:
    std::vector<float>   mel; // of the pass to come
    int64_t              pass_start_ms = 0;
    int                  passes        = 0;
    bool                 beyond_end    = false; // this pass covers what the model said holds nothing
    std::vector<Segment> segments;
    std::vector<LanguageProbability> languages;

    int64_t duration_ms() const;
};

class WorkQueue {
public:
    WorkQueue(int workers, int largest_batch) : workers_(workers), largest_batch_(largest_batch) {}

    // A window whose features are being computed: workers wait a moment for it rather than begin with fewer.
    void announce();
    void push(const std::shared_ptr<Work> & work);
    // A further pass of a window that is at work already.
    void push_again(const std::shared_ptr<Work> & work);
    // Never comes, after announce().
    void withdraw();

    // Waits for work that can be done side by side. Empty when the queue is closed.
    std::vector<std::shared_ptr<Work>> take();

    void finish(const std::shared_ptr<Work> & work, std::exception_ptr error);
    // Waits until the work is done, or for `ms`; then rethrows what it failed with.
    bool wait(const Work & work, int ms);

    void close();

private:
    struct Outcome {
        const Work *       work;
        std::exception_ptr error;
    };

    size_t batch_for(const Work & first) const;

    const int                         workers_;
    const int                         largest_batch_;
    std::mutex                        mutex_;
    std::condition_variable           more_, done_;
    std::deque<std::shared_ptr<Work>> queue_;
    std::vector<Outcome>              outcomes_;
    int                               announced_ = 0;
    int                               idle_      = 0;
    bool                              closed_    = false;
};

} // namespace mediajob
