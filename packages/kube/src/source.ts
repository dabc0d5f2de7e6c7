import type { KubeObject } from './object.js';

/** One object came, changed or went. Objects are frozen; a handler keeps none of them and never throws. */
export interface Change<T extends KubeObject> {
  readonly type: 'added' | 'updated' | 'deleted';
  /** As it is now; of a deleted object, the last state that was seen. */
  readonly object: T;
  /** As it was before an update. */
  readonly previous?: T;
  /** It was there already when the subscriber or the informer began, so nothing happened just now. */
  readonly initial?: boolean;
}

export type ChangeHandler<T extends KubeObject> = (change: Change<T>) => void;

/** What a controller needs of an informer; anything else that knows of objects and their changes may be one too. */
export interface Source<T extends KubeObject> {
  /**
   * Tells first, as `added` and `initial`, of every object that is known already, then of each change in the order in
   * which it is seen. An object that is the same as before is no change.
   *
   * @returns ends the subscription
   */
  subscribe(handler: ChangeHandler<T>): () => void;
  /** Settles once all that was there at the beginning has been told; never, when the server cannot be reached. */
  readonly synced: Promise<void>;
}
