#include "scheduler.h"

#include "errors.h"
#include "wav_range.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <new>

namespace mediajob {
namespace {

constexpr size_t kLongestQueue = 10'000;

// Passes progress on when it has grown, at most four times a second, and else every second as a sign of life: a host
// tells a slow model from a stuck one by it.
class ProgressFilter {
public:
    ProgressFilter(Answers & answers, const std::string & id) : answers_(answers), id_(id) {}

    void report(double fraction) {
        using namespace std::chrono_literals;
        const auto now = Clock::now();
        fraction       = std::max(fraction_, std::min(fraction, 1.0));
        const auto age = now - last_;
        if (age < 250ms || (fraction <= fraction_ && age < 1s)) {
            return;
        }
        last_     = now;
        fraction_ = fraction;
        answers_.progress(id_, fraction);
    }

private:
    using Clock = std::chrono::steady_clock;

    Answers &           answers_;
    const std::string & id_;
    Clock::time_point   last_     = Clock::now();
    double              fraction_ = 0;
};

} // namespace

const std::string & Scheduler::Job::id() const {
    return std::visit([](const auto & it) -> const std::string & { return it.id; }, request);
}

const AudioRange & Scheduler::Job::range() const {
    return std::visit([](const auto & it) -> const AudioRange & { return it.range; }, request);
}

Scheduler::Scheduler(Backend & backend, Answers & answers, std::vector<std::unique_ptr<Decoder>> decoders)
    : backend_(backend), answers_(answers), decoders_(std::move(decoders)) {
    for (auto & decoder : decoders_) {
        threads_.emplace_back([this, &decoder] { work(*decoder); });
    }
}

Scheduler::~Scheduler() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stopping_ = true;
        queue_.clear();
        for (auto & [id, job] : known_) {
            job->cancelled = true;
        }
    }
    changed_.notify_all();
    for (auto & thread : threads_) {
        thread.join();
    }
}

void Scheduler::submit(DecodeRequest request) {
    backend_.check(request.task);
    auto job     = std::make_shared<Job>();
    job->request = std::move(request);
    enqueue(std::move(job));
}

void Scheduler::submit(DetectLanguageRequest request) {
    auto job     = std::make_shared<Job>();
    job->request = std::move(request);
    enqueue(std::move(job));
}

void Scheduler::enqueue(std::shared_ptr<Job> job) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (queue_.size() >= kLongestQueue) {
            throw EngineError(error_code::kBadRequest, "too many requests wait already");
        }
        if (!known_.emplace(job->id(), job).second) {
            throw EngineError(error_code::kBadRequest, "a request with this id is running or waiting");
        }
        queue_.push_back(std::move(job));
    }
    changed_.notify_one();
}

void Scheduler::cancel(const std::string & id) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto                        it = known_.find(id);
        if (it == known_.end()) {
            return;
        }
        it->second->cancelled = true;
        const auto waiting    = std::find(queue_.begin(), queue_.end(), it->second);
        if (waiting == queue_.end()) {
            return; // running: its thread notices and answers
        }
        queue_.erase(waiting);
        known_.erase(it);
    }
    answers_.error(id, error_code::kCancelled, "cancelled before it began");
}

void Scheduler::work(Decoder & decoder) {
    for (;;) {
        std::shared_ptr<Job> job;
        {
            std::unique_lock<std::mutex> lock(mutex_);
            changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) {
                return;
            }
            job = std::move(queue_.front());
            queue_.pop_front();
        }
        run(*job, decoder);
    }
}

void Scheduler::run(Job & job, Decoder & decoder) {
    // Forgotten before it is answered, so that a host may use the id again as soon as it has read the answer.
    const auto forget = [&] {
        const std::lock_guard<std::mutex> lock(mutex_);
        known_.erase(job.id());
    };
    try {
        answers_.started(job.id());
        const AudioRange & range   = job.range();
        const auto         samples = read_wav_range(range.wav, range.start_ms, range.end_ms);
        ProgressFilter     filter(answers_, job.id());
        Observer           observer{job.cancelled, [&](double fraction) { filter.report(fraction); }};
        if (const auto * decode = std::get_if<DecodeRequest>(&job.request)) {
            const auto segments = decoder.decode(samples, decode->task, observer);
            forget();
            answers_.result(job.id(), segments, range.start_ms, range.end_ms);
        } else {
            const auto languages = decoder.detect_language(samples, observer);
            forget();
            answers_.result(job.id(), languages);
        }
    } catch (const FatalEngineError & error) {
        answers_.error(job.id(), error.code, error.what());
        std::_Exit(EXIT_FAILURE);
    } catch (const EngineError & error) {
        forget();
        answers_.error(job.id(), error.code, error.what());
    } catch (const std::bad_alloc &) {
        forget();
        answers_.error(job.id(), error_code::kOutOfMemory, "not enough memory");
    } catch (const std::exception & error) {
        forget();
        answers_.error(job.id(), error_code::kInternal, error.what());
    }
}

} // namespace mediajob
