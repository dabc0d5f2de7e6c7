import { KubeClient, type Resource } from '../../kube-client.ts';
import { run } from '../../run.ts';
import { Followed, oneAtATime } from '../followed.ts';
import { nftRules } from './nft-rules.ts';
import type { NamespaceObject, PodObject, PolicyObject } from './policy-objects.ts';

// node policies.ts KUBECONFIG: keeps the kernel's rules what the cluster's NetworkPolicies say, until it is killed. The
// rules stay when it ends. A pod that has just got its address is open until its address is known here, some ms later.

const kubeconfig = process.argv[2];
if (kubeconfig === undefined) throw new Error('usage: node policies.ts KUBECONFIG');
const client = await KubeClient.of(kubeconfig);

let last = '';
const write = oneAtATime(async () => {
  if (!policies.isKnown || !pods.isKnown || !namespaces.isKnown) return;
  const rules = nftRules({ policies: policies.all(), pods: pods.all(), namespaces: namespaces.all() });
  if (rules === last) return;
  await run('nft', ['-f', '-'], { cwd: '/', input: rules });
  last = rules;
});

const policies = new Followed<Resource & PolicyObject>(client, '/apis/networking.k8s.io/v1/networkpolicies', write);
const pods = new Followed<Resource & PodObject>(client, '/api/v1/pods', write);
const namespaces = new Followed<Resource & NamespaceObject>(client, '/api/v1/namespaces', write);
await Promise.all([policies.follow(), pods.follow(), namespaces.follow()]);
