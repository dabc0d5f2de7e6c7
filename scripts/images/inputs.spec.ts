import { describe, expect, it } from 'vitest';
import { contextFiles, imageKey } from './inputs.ts';
import { IMAGE_NAMES } from './programs.ts';

describe('what images are made from', () => {
  const files = contextFiles();

  it('is the sources, and neither tests nor what was built from them', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'package-lock.json',
        'packages/speech/native/CMakeLists.txt',
        'services/main/src/server.ts',
        'services/web/index.html',
        'operator/src/server.ts',
        'samples/jfk.mp3',
        'images/collect.sh',
      ]),
    );
    expect(files.filter((it) => /(^|\/)(node_modules|dist|test)\/|\.spec\.tsx?$|\.tsbuildinfo$/.test(it))).toEqual([]);
    expect(files.filter((it) => /^(docs|charts|bench|k8s)\//.test(it))).toEqual([]);
  });

  it('makes another key for each image and each argument, and the same one again', () => {
    const keys = IMAGE_NAMES.map((image) => imageKey(image, [image]));
    expect(new Set(keys).size).toBe(IMAGE_NAMES.length);
    expect(imageKey('main', ['main'])).toBe(keys[0]);
    expect(imageKey('main', ['main', 'another'])).not.toBe(keys[0]);
  });
});
