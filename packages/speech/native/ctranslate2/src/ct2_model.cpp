#include "ct2_model.h"

#include "ct2_logits.h"

#include <ctranslate2/decoding.h>
#include <ctranslate2/ops/concat.h>
#include <ctranslate2/ops/transpose.h>
#include <ctranslate2/random.h>

#include <algorithm>
#include <cmath>

namespace mediajob {
namespace {

using ctranslate2::DataType;
using ctranslate2::Device;
using ctranslate2::dim_t;
using ctranslate2::StorageView;

constexpr size_t kTextContext   = 448;
constexpr size_t kLongestPrompt = kTextContext / 2 - 1; // openai/whisper keeps its last 223 tokens
constexpr int    kMedianWidth   = 7;

} // namespace

Ct2Encoder::Ct2Encoder(const ctranslate2::models::Model & model)
    : conv1_(model, "encoder/conv1", /*stride=*/1, /*padding=*/1, /*dilation=*/1, /*groups=*/1, &activation_),
      conv2_(model, "encoder/conv2", /*stride=*/2, /*padding=*/1, /*dilation=*/1, /*groups=*/1, &activation_),
      positions_(model, "encoder/position_encodings"),
      layers_(ctranslate2::layers::build_layers_list<const ctranslate2::layers::TransformerEncoderLayer>(model, "encoder/layer",
          static_cast<dim_t>(model.get_attribute_with_default<int32_t>("encoder/num_heads", 8)), /*pre_norm=*/true, activation_)),
      norm_(model, "encoder/layer_norm") {}

bool Ct2Encoder::operator()(const StorageView & features, StorageView & output, const std::function<bool(double done)> & go_on) {
    StorageView input(norm_.output_type(), features.device());
    conv1_(features, input);
    conv2_(input, output);
    ctranslate2::ops::Transpose({0, 2, 1})(output, input);
    positions_(input);
    double done = 0.5; // of the layers and what goes before them, for progress
    for (const auto & layer : layers_) {
        if (!go_on(done / (static_cast<double>(layers_.size()) + 0.5))) {
            return false;
        }
        (*layer)(input, nullptr, output);
        input = std::move(output);
        done += 1;
    }
    norm_(input, output);
    return true;
}

Ct2Model::Ct2Model(std::shared_ptr<const ctranslate2::models::WhisperModel> model, const WhisperTokens & tokens)
    : model_(std::move(model)), tokens_(tokens), replica_(ctranslate2::models::WhisperReplica::create_from_model(*model_)),
      encoder_(std::make_unique<Ct2Encoder>(*model_)), decoder_(std::make_unique<ctranslate2::layers::WhisperDecoder>(*model_, "decoder")), not_spoken_(tokens.not_spoken()) {
    decoder_->update_output_layer(model_->preferred_size_multiple());
}

std::shared_ptr<StorageView> Ct2Model::encode(const std::vector<float> & mel, const std::function<bool(double done)> & go_on) const {
    constexpr dim_t kFrames = 3000;
    const auto      device_setter = model_->get_scoped_device_setter();
    const auto      type          = encoder_->output_type();
    StorageView     features({1, static_cast<dim_t>(mel.size()) / kFrames, kFrames}, mel);
    features.move_to(model_->device(), type);
    auto output = std::make_shared<StorageView>(type, model_->device());
    return (*encoder_)(features, *output, go_on) ? output : nullptr;
}

std::vector<size_t> Ct2Model::prompt_of(const DecodeTask & task) const {
    std::vector<size_t> ids;
    if (!task.prompt.empty()) {
        const auto said = tokens_.encode(" " + task.prompt);
        ids.push_back(tokens_.previous());
        ids.insert(ids.end(), said.size() > kLongestPrompt ? said.end() - static_cast<std::ptrdiff_t>(kLongestPrompt) : said.begin(), said.end());
    }
    ids.push_back(tokens_.start());
    if (tokens_.multilingual()) {
        ids.push_back(tokens_.language(tokens_.language_index(task.language)));
        ids.push_back(task.translate ? tokens_.translate() : tokens_.transcribe());
    }
    return ids;
}

std::vector<Hypothesis> Ct2Model::generate(StorageView memory, const DecodeTask & task, ctranslate2::DecodingOptions options,
    const std::function<void(size_t step)> & watch) const {
    const auto   device_setter = model_->get_scoped_device_setter();
    const Device device        = decoder_->device();
    const auto   batch         = static_cast<size_t>(memory.dim(0));
    const auto   prompt        = prompt_of(task);

    auto state = decoder_->initial_state();
    state.emplace("memory", std::move(memory));

    // All but the last token of the prompt go through the decoder at once.
    std::vector<float> no_speech;
    if (prompt.size() > 1) {
        const std::vector<std::vector<size_t>> first(batch, {prompt.begin(), prompt.end() - 1});
        const StorageView                      inputs = ctranslate2::layers::make_sequence_inputs(first, device);
        if (tokens_.multilingual()) {
            StorageView outputs(decoder_->output_type(), device), logits(decoder_->output_type(), device);
            decoder_->forward_prompt(inputs, state, &outputs);
            const dim_t       start = std::find(prompt.begin(), prompt.end(), tokens_.start()) - prompt.begin();
            const StorageView at({inputs.dim(0)}, static_cast<int32_t>(start), device);
            decoder_->compute_logits_for_steps(outputs, at, logits);
            logits.move_to(Device::CPU, DataType::FLOAT32);
            for (size_t i = 0; i < batch; ++i) {
                no_speech.push_back(probability_of(logits.data<float>() + i * static_cast<size_t>(logits.dim(-1)), tokens_.size(), tokens_.no_speech()));
            }
        } else {
            decoder_->forward_prompt(inputs, state);
        }
        options.start_step = inputs.dim(1);
    }

    options.max_length                = std::min(kTextContext / 2, kTextContext - static_cast<size_t>(options.start_step));
    options.length_penalty            = 1;
    options.return_scores             = true;
    options.include_eos_in_hypotheses = false;
    options.disable_ids               = not_spoken_;
    options.disable_ids_begin         = tokens_.blank();
    const auto probe                  = std::make_shared<NoSpeechProbe>(tokens_.no_speech());
    options.logits_processors         = {std::make_shared<StepWatch>(watch), std::make_shared<TimestampRules>(tokens_)};
    if (!tokens_.multilingual()) {
        options.logits_processors.push_back(probe);
    }
    const auto results = ctranslate2::decode(*decoder_, state, std::vector<std::vector<size_t>>(batch, {prompt.back()}), {tokens_.end_of_text()}, options);
    if (!tokens_.multilingual()) {
        no_speech = probe->probabilities();
    }

    std::vector<Hypothesis> best;
    for (size_t i = 0; i < results.size(); ++i) {
        const auto & scores = results[i].scores;
        const auto   which  = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
        Hypothesis   it;
        it.ids       = results[i].hypotheses[which];
        it.no_speech = no_speech[i];
        // The score is a mean over the text; openai/whisper counts its end, too.
        const auto length = static_cast<float>(it.ids.size());
        it.avg_logprob    = scores[which] * length / (length + 1);
        best.push_back(std::move(it));
    }
    return best;
}

std::vector<Hypothesis> Ct2Model::search(const std::vector<const StorageView *> & encoded, const DecodeTask & task,
    const std::function<void(size_t step)> & watch) const {
    StorageView memory(encoded.front()->dtype(), encoded.front()->device());
    if (encoded.size() == 1) {
        memory = *encoded.front();
    } else {
        ctranslate2::ops::Concat(0)(encoded, memory);
    }
    ctranslate2::DecodingOptions options;
    options.beam_size = static_cast<size_t>(task.options.beam_size);
    return generate(std::move(memory), task, options, watch);
}

Hypothesis Ct2Model::sample(const StorageView & encoded, const DecodeTask & task, float temperature, int count,
    const std::function<void(size_t step)> & watch) const {
    ctranslate2::get_random_generator().seed(0);
    ctranslate2::DecodingOptions options;
    options.sampling_topk        = 0;
    options.sampling_temperature = temperature;
    options.num_hypotheses       = static_cast<size_t>(count);
    return generate(encoded, task, options, watch).front();
}

Alignment Ct2Model::align(const StorageView & encoded, const DecodeTask & task, const std::vector<size_t> & text, int64_t audio_ms) const {
    Alignment result;
    DecodeTask plain = task;
    plain.prompt.clear();
    const auto start = prompt_of(plain);
    if (text.empty() || start.size() + text.size() + 2 > kTextContext) {
        return result;
    }
    const auto frames = static_cast<size_t>(std::clamp<int64_t>(audio_ms / 10, 2, 3000));
    const auto found  = replica_->align(encoded, start, {text}, {frames}, kMedianWidth);
    result.probabilities = found.front().text_token_probs;
    // Pairs of token and frame along the path: the first frame of each token, and of the end behind them.
    for (const auto & [token, frame] : found.front().alignments) {
        if (static_cast<size_t>(token) == result.begins.size()) {
            result.begins.push_back(static_cast<int>(frame));
        }
    }
    return result;
}

std::vector<LanguageProbability> Ct2Model::detect_language(const StorageView & encoded) const {
    std::vector<LanguageProbability> result;
    const auto found = replica_->detect_language(encoded);
    for (const auto & [token, probability] : found.front()) {
        result.push_back({token.substr(2, token.size() - 4), probability}); // <|en|>
    }
    std::stable_sort(result.begin(), result.end(), [](const auto & a, const auto & b) { return a.probability > b.probability; });
    return result;
}

} // namespace mediajob
