import { describe, expect, it } from 'vitest';
import { anObject } from '../manual-source.js';
import { matcher } from './selectors.js';

const object = anObject('ns/a', { labels: { app: 'web', tier: 'front', empty: '' } });

describe('a label selector', () => {
  const cases: Record<string, boolean> = {
    '': true,
    'app=web': true,
    'app==web': true,
    'app = web , tier=front': true,
    'app=api': false,
    'app!=api': true,
    'app!=web': false,
    'gone!=web': true,
    'app in (api, web)': true,
    'app in (api),tier=front': false,
    'gone in (api)': false,
    'app notin (api)': true,
    'app notin (web, api)': false,
    'gone notin (web)': true,
    app: true,
    empty: true,
    'empty=': true,
    gone: false,
    '!gone': true,
    '!app': false,
    'app,!gone,tier in (front, back)': true,
  };
  it.each(Object.entries(cases))('“%s” → %s', (labelSelector, want) => {
    expect(matcher({ labelSelector }, [])(object)).toBe(want);
  });

  it('that cannot be read is refused', () => {
    expect(() => matcher({ labelSelector: 'a in (' }, [])).toThrow('unable to parse');
  });
});

describe('a field selector', () => {
  const pod = { ...object, status: { phase: 'Running', count: 3 } };
  const cases: Record<string, boolean> = {
    'metadata.name=a': true,
    'metadata.name!=a': false,
    'metadata.namespace=ns,status.phase=Running': true,
    'status.phase!=Running': false,
    'status.phase==Pending': false,
    'status.count=3': true,
    'spec.nodeName=': true,
  };
  it.each(Object.entries(cases))('“%s” → %s', (fieldSelector, want) => {
    expect(matcher({ fieldSelector }, ['status.phase', 'status.count', 'spec.nodeName'])(pod)).toBe(want);
  });

  it('may only name fields that the kind selects by', () => {
    expect(() => matcher({ fieldSelector: 'spec.other=1' }, [])).toThrow('field label not supported: spec.other');
  });

  it('that cannot be read is refused', () => {
    expect(() => matcher({ fieldSelector: 'status.phase' }, ['status.phase'])).toThrow('invalid field selector');
  });
});

it('a selection of a namespace leaves out all others', () => {
  expect(matcher({ namespace: 'ns' }, [])(object)).toBe(true);
  expect(matcher({ namespace: 'other' }, [])(object)).toBe(false);
});
