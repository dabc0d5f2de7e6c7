"""Synthetic speech with exactly known word times: espeak-ng's own, trimmed to the sound of each word.

python3 espeak_words.py VOICE OUT.wav OUT.json < paragraphs, one a line
"""
import array
import ctypes
import json
import sys
import wave

SYNCHRONOUS, UTF8, WORD, END_OF_LIST, QUIET, GAP_S, WORDS_A_MINUTE = 1, 1, 1, 0, 200, 0.6, 150


class Event(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("id", ctypes.c_uint), ("position", ctypes.c_int), ("length", ctypes.c_int),
                ("audio_ms", ctypes.c_int), ("sample", ctypes.c_int), ("user", ctypes.c_void_p), ("data", ctypes.c_char * 8)]


def main(voice, wav_path, json_path):
    espeak = ctypes.CDLL("libespeak-ng.so.1")
    rate = espeak.espeak_Initialize(SYNCHRONOUS, 0, None, 0)
    espeak.espeak_SetVoiceByName(voice.encode())
    espeak.espeak_SetParameter(1, WORDS_A_MINUTE, 0)
    samples, begins = array.array("h"), []

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))
    def heard(audio, count, events):
        if audio and count > 0:
            samples.extend(audio[0:count])
        i = 0
        while events[i].type != END_OF_LIST:
            if events[i].type == WORD:
                begins.append((events[i].sample, events[i].position, events[i].length))
            i += 1
        return 0

    espeak.espeak_SetSynthCallback(heard)
    audio, words = array.array("h"), []
    for paragraph in filter(None, map(str.strip, sys.stdin)):
        del samples[:], begins[:]
        data = paragraph.encode()
        espeak.espeak_Synth(data, len(data) + 1, 0, 1, 0, UTF8, None, None)
        espeak.espeak_Synchronize()
        begins.sort()
        for i, (begin, position, length) in enumerate(begins):
            end = begins[i + 1][0] if i + 1 < len(begins) else len(samples)
            while end > begin and abs(samples[end - 1]) < QUIET:
                end -= 1
            while begin < end and abs(samples[begin]) < QUIET:
                begin += 1
            words.append({"word": paragraph[position - 1:position - 1 + length],
                          "startMs": (len(audio) + begin) * 1000 / rate, "endMs": (len(audio) + end) * 1000 / rate})
        audio.extend(samples)
        audio.extend([0] * int(rate * GAP_S))
    with wave.open(wav_path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(audio.tobytes())
    with open(json_path, "w", encoding="utf-8") as out:
        json.dump(words, out)


main(*sys.argv[1:])
