import { CreateJob } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { DEFAULT_OPTIONS, TEXT_FORMATS } from '../preferences/preferences.ts';
import { jobRequest, uploadIdOf } from './job-request.ts';

const ID = '01JD0000000000000000000001';

describe('the job of an upload', () => {
  it('is what the contract takes, with every option', () => {
    const options = {
      ...DEFAULT_OPTIONS,
      model: 'tiny',
      formats: TEXT_FORMATS,
      subtitles: 'bbc' as const,
      renditions: ['mp3', 'mp4'] as const,
      prompt: ' Kubernetes ',
    };
    const parsed = CreateJob.parse(jobRequest(ID, 'Лекция.mp4', options));
    expect(parsed.metadata.title).toBe('Лекция.mp4');
    expect(parsed.spec.source.path).toBe(`uploads/${ID}/source`);
    expect(parsed.spec.transcribe).toMatchObject({ model: 'tiny', language: 'auto', prompt: 'Kubernetes' });
    expect(parsed.spec.transcribe?.formats).toEqual(TEXT_FORMATS);
    expect(parsed.spec.transcribe?.subtitles).toEqual({ preset: 'bbc', wordTimes: true });
    expect(parsed.spec.convert.renditions).toEqual([{ format: 'mp3' }, { format: 'mp4' }]);
  });

  it('asks for a language of each chunk when the recording has several', () => {
    const parsed = CreateJob.parse(jobRequest(ID, 'a.mp3', { ...DEFAULT_OPTIONS, language: 'mixed' }));
    expect(parsed.spec.transcribe).toMatchObject({ language: 'auto', languageMode: 'perChunk' });
    const plain = CreateJob.parse(jobRequest(ID, 'a.mp3', DEFAULT_OPTIONS));
    expect(plain.spec.transcribe).not.toHaveProperty('languageMode');
  });

  it.each([
    ['track', [{ format: 'mp3' }, { format: 'mp4', subtitles: 'track' }, { format: 'webm' }]],
    ['burn', [{ format: 'mp3' }, { format: 'mp4', subtitles: 'burn' }, { format: 'webm', subtitles: 'burn' }]],
    ['none', [{ format: 'mp3' }, { format: 'mp4' }, { format: 'webm' }]],
  ] as const)('asks for subtitles (%s) of the files that can show them', (videoSubtitles, renditions) => {
    const options = { ...DEFAULT_OPTIONS, renditions: ['mp3', 'mp4', 'webm'] as const, videoSubtitles };
    expect(CreateJob.parse(jobRequest(ID, 'a.mp4', options)).spec.convert.renditions).toEqual(renditions);
  });

  it('leaves the model to the server when none was chosen', () => {
    expect(jobRequest(ID, 'a.mp3', DEFAULT_OPTIONS).spec.transcribe).not.toHaveProperty('model');
  });

  it('still asks for a text file when every one was unchecked', () => {
    expect(CreateJob.safeParse(jobRequest(ID, 'a.mp3', { ...DEFAULT_OPTIONS, formats: [] })).success).toBe(true);
  });

  it('cuts a title that is too long', () => {
    expect(CreateJob.safeParse(jobRequest(ID, '😀'.repeat(300), DEFAULT_OPTIONS)).success).toBe(true);
  });
});

it('finds the id of an upload in its address, absolute or relative', () => {
  expect(uploadIdOf(`http://host:8000/api/v1/uploads/${ID}`)).toBe(ID);
  expect(uploadIdOf(`/api/v1/uploads/${ID}/`)).toBe(ID);
});
