// Gives requests to K decoders, in order, and lets each be cancelled at any moment.
#pragma once

#include "backend.h"
#include "protocol.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

namespace mediajob {

class Scheduler {
public:
    Scheduler(Backend & backend, Answers & answers, std::vector<std::unique_ptr<Decoder>> decoders);
    ~Scheduler(); // cancels everything and waits for the threads

    void submit(DecodeRequest request);
    void submit(DetectLanguageRequest request);
    void cancel(const std::string & id); // of an unknown id: too late, nothing happens

private:
    struct Job {
        std::variant<DecodeRequest, DetectLanguageRequest> request;
        std::atomic<bool>                                  cancelled{false};

        const std::string & id() const;
        const AudioRange &  range() const;
    };

    void enqueue(std::shared_ptr<Job> job);
    void work(Decoder & decoder);
    void run(Job & job, Decoder & decoder);

    Backend &                                             backend_;
    Answers &                                             answers_;
    std::vector<std::unique_ptr<Decoder>>                 decoders_;
    std::mutex                                            mutex_;
    std::condition_variable                               changed_;
    std::deque<std::shared_ptr<Job>>                      queue_;
    std::unordered_map<std::string, std::shared_ptr<Job>> known_; // queued and running
    bool                                                  stopping_ = false;
    std::vector<std::thread>                              threads_;
};

} // namespace mediajob
