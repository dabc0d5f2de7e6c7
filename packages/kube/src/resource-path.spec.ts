import { describe, expect, it } from 'vitest';
import { Jobs, Namespaces, Nodes, Pods } from './kinds.js';
import { collectionPath, objectPath } from './resource-path.js';

describe('the path', () => {
  it.each([
    [collectionPath(Pods), '/api/v1/pods'],
    [collectionPath(Pods, 'x'), '/api/v1/namespaces/x/pods'],
    [collectionPath(Jobs, 'x'), '/apis/batch/v1/namespaces/x/jobs'],
    [collectionPath(Nodes), '/api/v1/nodes'],
    [collectionPath(Nodes, 'x'), '/api/v1/nodes'],
    [objectPath(Pods, { namespace: 'x', name: 'a' }), '/api/v1/namespaces/x/pods/a'],
    [objectPath(Jobs, { namespace: 'x', name: 'a' }, 'status'), '/apis/batch/v1/namespaces/x/jobs/a/status'],
    [objectPath(Namespaces, { name: 'x' }), '/api/v1/namespaces/x'],
  ])('is %s', (path, wanted) => {
    expect(path).toBe(wanted);
  });

  it.each([
    ['a/b', 'a%2Fb'],
    ['a?x=y', 'a%3Fx%3Dy'],
    ['a#b', 'a%23b'],
    ['../secrets/s', '..%2Fsecrets%2Fs'],
    ['система', '%D1%81%D0%B8%D1%81%D1%82%D0%B5%D0%BC%D0%B0'],
    ['system:leader', 'system%3Aleader'],
  ])('takes the name %s for one segment', (name, segment) => {
    expect(objectPath(Pods, { namespace: 'x', name })).toBe(`/api/v1/namespaces/x/pods/${segment}`);
    expect(collectionPath(Pods, name)).toBe(`/api/v1/namespaces/${segment}/pods`);
  });

  it.each(['', '.', '..', undefined])('is refused for the name “%s”: it would be that of other objects', (name) => {
    expect(() => objectPath(Pods, { namespace: 'x', ...(name === undefined ? {} : { name }) })).toThrow(
      /cannot have the name/,
    );
    expect(() => objectPath(Pods, { ...(name === undefined ? {} : { namespace: name }), name: 'a' })).toThrow(
      expect.objectContaining({ reason: 'BadRequest' }),
    );
  });

  it('is refused for no namespace where one is needed', () => {
    expect(() => objectPath(Pods, { name: 'a' })).toThrow(
      'an object of the kind Pod is in a namespace, and none is named',
    );
    expect(() => collectionPath(Pods, '')).toThrow(expect.objectContaining({ status: 400 }));
  });
});
