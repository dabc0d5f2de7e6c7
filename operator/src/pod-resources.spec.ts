import { PodProfile } from '@mediajob/contract';
import { describe, expect, it } from 'vitest';
import { affinityOf, resourcesOf } from './pod-resources.js';

const profile = (input: Parameters<typeof PodProfile.parse>[0]) => PodProfile.parse(input);
const resources = { requests: { cpu: '2', memory: '2Gi' }, limits: { memory: '4Gi', 'nvidia.com/gpu': '1' } };

describe('memory after a run that had too little', () => {
  it('grows by the factor, requests and limits alike, and nothing else does', () => {
    expect(resourcesOf(profile({ resources }), 1.5)).toEqual({
      requests: { cpu: '2', memory: '3072Mi' },
      limits: { memory: '6144Mi', 'nvidia.com/gpu': '1' },
    });
  });

  it('is as the profile says it, to the letter, when none had too little', () => {
    expect(resourcesOf(profile({ resources }), 1)).toEqual(resources);
  });

  it('ends at what the profile allows', () => {
    expect(resourcesOf(profile({ resources, maxMemory: '5Gi' }), 8).limits?.memory).toBe('5120Mi');
  });

  it('ends at four times the limit when the profile says nothing', () => {
    expect(resourcesOf(profile({ resources }), 50).limits?.memory).toBe('16384Mi');
    expect(resourcesOf(profile({ resources: { requests: { memory: '1Gi' } } }), 50).requests?.memory).toBe('4096Mi');
  });

  it('is never less than the profile gives anyway', () => {
    expect(resourcesOf(profile({ resources, maxMemory: '1Gi' }), 2).limits?.memory).toBe('4096Mi');
  });

  it('stays without a limit when there is none', () => {
    expect(resourcesOf(profile({}), 3)).toEqual({});
  });
});

describe('nodes whose device failed', () => {
  const away = { key: 'kubernetes.io/hostname', operator: 'NotIn', values: ['n1', 'n2'] };

  it('are avoided', () => {
    expect(affinityOf(profile({}), ['n1', 'n2'])).toEqual({
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [away] }] },
      },
    });
  });

  it('are avoided in each term of the profile, since one of them is enough', () => {
    const terms = [
      { matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] },
      { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['n9'] }] },
    ];
    const affinity = {
      podAntiAffinity: { some: 'thing' },
      nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } },
    };
    expect(affinityOf(profile({ affinity }), ['n1', 'n2'])).toEqual({
      podAntiAffinity: { some: 'thing' },
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [terms[0]?.matchExpressions?.[0], away] },
            { ...terms[1], matchExpressions: [away] },
          ],
        },
      },
    });
  });

  it('leave the affinity alone when there are none', () => {
    expect(affinityOf(profile({ affinity: { podAffinity: {} } }), [])).toEqual({ podAffinity: {} });
    expect(affinityOf(profile({}), [])).toBeUndefined();
  });
});
