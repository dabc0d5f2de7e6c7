import { JobName, MediaJobSpec } from '@mediajob/contract';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { defaultJobName, numberedName } from './job-names.js';

const of = (path: string) => defaultJobName({ source: { path } });

it('a job without a name is named after its upload', () => {
  expect(of('uploads/01JD0000000000000000000ABC/source')).toBe('job-01jd0000000000000000000abc');
});

it('a job of an inbox file is named after the file, and two files of one name are told apart', () => {
  expect(of('inbox/2026/Board Meeting.final.MP4')).toMatch(/^board-meeting-final-[0-9a-f]{8}$/);
  expect(of('inbox/a/talk.mp3')).not.toBe(of('inbox/b/talk.mp3'));
  expect(of('inbox/доклад.ogg')).toMatch(/^job-[0-9a-f]{8}$/);
});

it('whatever the file is called, the name is one that jobs may have', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 100 }), fc.integer({ min: 1, max: 1000 }), (text, number) => {
      const source = MediaJobSpec.shape.source.safeParse({ path: `inbox/${text}` });
      fc.pre(source.success);
      const name = numberedName(of(`inbox/${text}`), number);
      expect(JobName.parse(name)).toBe(name);
    }),
  );
});
