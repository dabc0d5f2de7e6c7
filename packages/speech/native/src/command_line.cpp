#include "command_line.h"

#include <charconv>
#include <cstring>

namespace mediajob {

const char * const kUsage =
    "usage: mediajob-engine --model FILE [--states N] [--threads N]\n"
    "\n"
    "Loads the model once, then reads requests as JSON lines on stdin and answers on stdout (PROTOCOL.md).\n"
    "Ends at the end of stdin. Log lines go to stderr.\n"
    "\n"
    "  --model FILE   the model, a ggml file\n"
    "  --states N     windows decoded at once, 1 to 64 (1)\n"
    "  --threads N    threads for each of them, 1 to 64 (1)\n"
    "  --version      print the version and end\n";

CommandLine parse_command_line(int argc, char ** argv) {
    CommandLine result;
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        if (name == "--help" || name == "-h") {
            result.help = true;
            continue;
        }
        if (name == "--version") {
            result.version = true;
            continue;
        }
        const bool is_model   = name == "--model";
        const bool is_states  = name == "--states";
        const bool is_threads = name == "--threads";
        if (!is_model && !is_states && !is_threads) {
            result.problem = "there is no argument " + name;
            return result;
        }
        if (i + 1 == argc) {
            result.problem = name + " needs a value";
            return result;
        }
        const char * value = argv[++i];
        if (is_model) {
            result.model = value;
            continue;
        }
        int        number = 0;
        const auto end    = value + std::strlen(value);
        const auto parsed = std::from_chars(value, end, number);
        if (parsed.ec != std::errc() || parsed.ptr != end || number < 1 || number > 64) {
            result.problem = name + " must be a whole number from 1 to 64, not " + value;
            return result;
        }
        (is_states ? result.states : result.threads) = number;
    }
    if (result.model.empty() && !result.help && !result.version) {
        result.problem = "--model is needed";
    }
    return result;
}

} // namespace mediajob
