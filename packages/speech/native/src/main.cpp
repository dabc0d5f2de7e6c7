// mediajob-engine: speech to tokens for a host that speaks JSON lines (PROTOCOL.md).
#include "backend.h"
#include "command_line.h"
#include "errors.h"
#include "line_reader.h"
#include "protocol.h"
#include "scheduler.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace {

using namespace mediajob;

constexpr int kExitUsage = 64;
constexpr int kExitModel = 78;

// An engine without its host has nothing to do. The end of stdin says so; this covers a host that dies while the
// engine is loading or while somebody else holds the pipe.
void die_with_parent() {
#ifdef __linux__
    const pid_t parent = ::getppid();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
        std::_Exit(EXIT_FAILURE); // it died in between
    }
#endif
}

void serve(Scheduler & scheduler, Answers & answers, const ModelInfo & info, const CommandLine & options) {
    LineReader  reader(STDIN_FILENO, kLongestLine);
    std::string line;
    for (;;) {
        switch (reader.next(line)) {
            case LineReader::Status::kEnd:
                std::_Exit(EXIT_SUCCESS); // nobody waits for what still runs
            case LineReader::Status::kTooLong:
                answers.error({}, error_code::kBadRequest, "a line is longer than " + std::to_string(kLongestLine) + " bytes");
                continue;
            case LineReader::Status::kLine: break;
        }
        ParsedLine parsed = parse_request(line);
        if (!parsed.request) {
            answers.error(parsed.id, error_code::kBadRequest, parsed.problem);
            continue;
        }
        try {
            if (auto * decode = std::get_if<DecodeRequest>(&*parsed.request)) {
                scheduler.submit(std::move(*decode));
            } else if (auto * detect = std::get_if<DetectLanguageRequest>(&*parsed.request)) {
                scheduler.submit(std::move(*detect));
            } else if (const auto * cancel = std::get_if<CancelRequest>(&*parsed.request)) {
                scheduler.cancel(cancel->id);
            } else if (const auto * ping = std::get_if<PingRequest>(&*parsed.request)) {
                answers.pong(ping->id);
            } else if (const auto * ask = std::get_if<InfoRequest>(&*parsed.request)) {
                answers.ready(info, options.states, options.threads, ask->id);
            } else {
                return;
            }
        } catch (const EngineError & error) {
            answers.error(parsed.id, error.code, error.what());
        }
    }
}

int run(const CommandLine & options) {
    Answers answers;
    try {
        const auto                            backend = load_backend({options.model, options.states, options.threads, options.replicas, options.batch, options.device, options.compute});
        std::vector<std::unique_ptr<Decoder>> decoders;
        for (int i = 0; i < options.states; ++i) {
            decoders.push_back(backend->create_decoder(options.threads));
        }
        Scheduler scheduler(*backend, answers, std::move(decoders));
        answers.ready(backend->info(), options.states, options.threads);
        serve(scheduler, answers, backend->info(), options);
        return EXIT_SUCCESS;
    } catch (const EngineError & error) {
        answers.error({}, error.code, error.what());
        return kExitModel;
    } catch (const std::bad_alloc &) {
        answers.error({}, error_code::kOutOfMemory, "not enough memory to load the model");
        return kExitModel;
    } catch (const std::exception & error) {
        answers.error({}, error_code::kInternal, error.what());
        return EXIT_FAILURE;
    }
}

} // namespace

int main(int argc, char ** argv) {
    const CommandLine options = parse_command_line(argc, argv);
    if (!options.problem.empty()) {
        std::fprintf(stderr, "mediajob-engine: %s\n\n%s", options.problem.c_str(), kUsage);
        return kExitUsage;
    }
    if (options.help) {
        std::fputs(kUsage, stdout);
        return EXIT_SUCCESS;
    }
    if (options.version) {
        std::printf("mediajob-engine %s (%s)\n", MEDIAJOB_ENGINE_VERSION, backend_version().c_str());
        return EXIT_SUCCESS;
    }
    die_with_parent();
    std::signal(SIGPIPE, SIG_IGN);
    return run(options);
}
