#include "ct2_work.h"

#include "wav_range.h"

#include <algorithm>
#include <chrono>

namespace mediajob {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10ms; // for a window that its host is about to ask for

bool fit_together(const Work & a, const Work & b) {
    const auto & x = a.task.options;
    const auto & y = b.task.options;
    return a.detects == b.detects && a.task.language == b.task.language && a.task.translate == b.task.translate &&
        a.task.prompt == b.task.prompt && x.beam_size == y.beam_size && x.temperature == 0 && y.temperature == 0;
}

} // namespace

int64_t Work::duration_ms() const { return static_cast<int64_t>(samples.size()) * 1000 / kSampleRate; }

void WorkQueue::announce() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++announced_;
}

void WorkQueue::withdraw() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        --announced_;
    }
    more_.notify_all();
}

void WorkQueue::push(const std::shared_ptr<Work> & work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        --announced_;
        queue_.push_back(work);
    }
    more_.notify_all();
}

void WorkQueue::push_again(const std::shared_ptr<Work> & work) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        queue_.push_front(work);
    }
    more_.notify_all();
}

// What a decoder holds grows with hypotheses, not with windows.
size_t WorkQueue::batch_for(const Work & first) const {
    constexpr int kMostHypotheses = 20;
    const int     beams           = std::max(first.task.options.beam_size, 1);
    return static_cast<size_t>(std::max(1, std::min(largest_batch_, kMostHypotheses / beams)));
}

std::vector<std::shared_ptr<Work>> WorkQueue::take() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++idle_;
    for (;;) {
        more_.wait(lock, [this] { return closed_ || !queue_.empty(); });
        if (closed_) {
            return {};
        }
        // A batch that is filled costs little more than one window.
        const auto full = batch_for(*queue_.front()) * static_cast<size_t>(workers_);
        while (!closed_ && queue_.size() < full && (announced_ > 0 || more_.wait_for(lock, kPatience) == std::cv_status::no_timeout)) {
            if (announced_ > 0) {
                more_.wait_for(lock, kPatience);
            }
        }
        if (!closed_ && !queue_.empty()) {
            break; // otherwise another worker was quicker
        }
    }
    --idle_;
    if (closed_) {
        return {};
    }
    std::vector<std::shared_ptr<Work>> batch = {queue_.front()};
    queue_.pop_front();
    const auto most = batch_for(*batch.front());
    // Few are left: the workers share them.
    const auto fair = queue_.size() + 1 < most * static_cast<size_t>(workers_) ? (queue_.size() + static_cast<size_t>(workers_)) / static_cast<size_t>(workers_) : most;
    for (auto it = queue_.begin(); it != queue_.end() && batch.size() < std::min(most, fair);) {
        if (fit_together(*batch.front(), **it)) {
            batch.push_back(*it);
            it = queue_.erase(it);
        } else {
            ++it;
        }
    }
    return batch;
}

void WorkQueue::finish(const std::shared_ptr<Work> & work, std::exception_ptr error) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!work->abandoned) {
            outcomes_.push_back({work.get(), error});
        }
    }
    done_.notify_all();
}

bool WorkQueue::wait(const Work & work, int ms) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto                   found = [&] {
        return std::find_if(outcomes_.begin(), outcomes_.end(), [&](const Outcome & it) { return it.work == &work; });
    };
    if (!done_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return found() != outcomes_.end(); })) {
        return false;
    }
    const auto               it    = found();
    const std::exception_ptr error = it->error;
    outcomes_.erase(it);
    if (error) {
        std::rethrow_exception(error);
    }
    return true;
}

void WorkQueue::close() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closed_ = true;
    }
    more_.notify_all();
}

} // namespace mediajob
