#include "command_line.h"

#include <charconv>
#include <cstring>

namespace mediajob {

const char * const kUsage =
    "usage: mediajob-engine --model FILE [--states N] [--threads N] …\n"
    "\n"
    "Loads the model once, then reads requests as JSON lines on stdin and answers on stdout (PROTOCOL.md).\n"
    "Ends at the end of stdin. Log lines go to stderr.\n"
    "\n"
    "  --model FILE   the model, a ggml file\n"
    "  --states N     windows in hand at once, 1 to 64 (1)\n"
    "  --threads N    threads for each of them, 1 to 64 (1)\n"
    "  --replicas N   CTranslate2: workers over the same weights, 1 to 64 (one a state, at most one a CPU)\n"
    "  --batch N      CTranslate2: windows that a worker decodes side by side, 1 to 64 (8, or fewer with beams)\n"
    "  --device NAME  CTranslate2: auto, cpu or cuda (auto)\n"
    "  --compute TYPE CTranslate2: auto, int8, float32, float16 or int8_float16 (auto)\n"
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
        std::string * text = name == "--model" ? &result.model : name == "--device" ? &result.device : name == "--compute" ? &result.compute : nullptr;
        int *         number_of = name == "--states" ? &result.states
                    : name == "--threads"  ? &result.threads
                    : name == "--replicas" ? &result.replicas
                    : name == "--batch"    ? &result.batch
                                           : nullptr;
        if (text == nullptr && number_of == nullptr) {
            result.problem = "there is no argument " + name;
            return result;
        }
        if (i + 1 == argc) {
            result.problem = name + " needs a value";
            return result;
        }
        const char * value = argv[++i];
        if (text != nullptr) {
            *text = value;
            continue;
        }
        int        number = 0;
        const auto end    = value + std::strlen(value);
        const auto parsed = std::from_chars(value, end, number);
        if (parsed.ec != std::errc() || parsed.ptr != end || number < 1 || number > 64) {
            result.problem = name + " must be a whole number from 1 to 64, not " + value;
            return result;
        }
        *number_of = number;
    }
    if (result.model.empty() && !result.help && !result.version) {
        result.problem = "--model is needed";
    }
    return result;
}

} // namespace mediajob
