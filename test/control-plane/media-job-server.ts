import { API_VERSION, KIND } from '@mediajob/contract';
import { mediaJobCrd } from '@mediajob/contract/crd';
import type { AnySpec } from '../../packages/contract/test/crd-cases.ts';
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts';
import { type Resource, StatusError } from '../cluster/kube-client.ts';

export interface MediaJobObject extends Resource {
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
}

export const LEAST = { source: { path: 'uploads/01J00000000000000000000000/source' }, transcribe: {} } as const;

/** An API server that knows MediaJobs, without any controller: what it takes, refuses and makes of them. */
export class MediaJobServer {
  readonly controlPlane: ControlPlane;
  readonly path = `/apis/${API_VERSION}/namespaces/default/mediajobs`;
  #names = 0;

  private constructor(controlPlane: ControlPlane) {
    this.controlPlane = controlPlane;
  }

  static async start(): Promise<MediaJobServer> {
    return new MediaJobServer(await startControlPlane({ controllers: false, definitions: [mediaJobCrd()] }));
  }

  stop(): Promise<void> {
    return this.controlPlane.stop();
  }

  /** @param metadata a new name when left out */
  create(spec: AnySpec, metadata: object = this.#newName()): Promise<MediaJobObject> {
    return this.controlPlane.client.create(this.path, aMediaJob(spec, metadata));
  }

  /** What the API server would answer; nothing is stored. */
  tryOut(spec: AnySpec, metadata: object = this.#newName()): Promise<MediaJobObject> {
    return this.controlPlane.client.create(`${this.path}?dryRun=All`, aMediaJob(spec, metadata));
  }

  /** Server-side apply of a status, as the operator's two writers do it. */
  applyStatus(name: string, manager: string, status: object): Promise<MediaJobObject> {
    return this.controlPlane.client.call(`${this.path}/${name}/status?fieldManager=${manager}`, {
      method: 'PATCH',
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: API_VERSION, kind: KIND, metadata: { name }, status },
    });
  }

  #newName(): { name: string } {
    this.#names += 1;
    return { name: `job-${this.#names}` };
  }
}

export function aMediaJob(spec: AnySpec, metadata: object): object {
  return { apiVersion: API_VERSION, kind: KIND, metadata, spec };
}

/** Why an object was found invalid; undefined: it was not. Anything else that goes wrong is thrown. */
export async function refusal(answer: Promise<unknown>): Promise<string | undefined> {
  try {
    await answer;
    return undefined;
  } catch (error) {
    if (error instanceof StatusError && error.status === 422) return error.message;
    throw error;
  }
}
