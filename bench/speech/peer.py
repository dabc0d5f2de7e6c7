"""faster-whisper on one file, as its users call it: python3 peer.py MODEL_DIR AUDIO LANGUAGE sequential|batched BEAMS THREADS

Prints {"text": ..., "words": [{"word", "startMs", "endMs"}]}.
"""
import json
import sys

from faster_whisper import BatchedInferencePipeline, WhisperModel

model_dir, audio, language, mode, beams, threads = sys.argv[1:]
model = WhisperModel(model_dir, device="cpu", compute_type="int8", cpu_threads=int(threads))
options = {"language": language, "beam_size": int(beams), "word_timestamps": True}
if mode == "batched":
    segments, _ = BatchedInferencePipeline(model).transcribe(audio, batch_size=8, **options)
else:
    segments, _ = model.transcribe(audio, **options)
text, words = "", []
for segment in segments:
    text += segment.text
    for it in segment.words or []:
        words.append({"word": it.word.strip(), "startMs": round(it.start * 1000), "endMs": round(it.end * 1000)})
print(json.dumps({"text": text, "words": words}))
