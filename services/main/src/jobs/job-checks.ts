import type { MediaJobSpec, ModelList, ModelStatus } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';

/**
 * Whether a transcriber could ever do what is asked for. A model of the catalog that is not installed is fine: the job
 * waits for it, and says so.
 * @throws ProblemError validation-failed naming the field and what would do
 */
export function checkModel(spec: MediaJobSpec, { models }: ModelList): void {
  const { transcribe } = spec;
  if (transcribe === undefined) return;
  const model = models.find((it) => it.name === transcribe.model);
  if (model === undefined) {
    refuse('spec.transcribe.model', `there is no model ${transcribe.model}; there are ${names(models)}`);
  }
  if (model.languages === 1 && !/^(auto|en)(-|$)/i.test(transcribe.language)) {
    const others = models.filter((it) => it.languages > 1);
    refuse(
      'spec.transcribe.language',
      `the model ${model.name} knows English only; for ${transcribe.language} take ${names(others)}`,
    );
  }
  if (transcribe.task === 'translate' && !model.translates) {
    const others = models.filter((it) => it.translates);
    refuse('spec.transcribe.task', `the model ${model.name} cannot translate; take ${names(others)}`);
  }
}

function refuse(path: string, message: string): never {
  throw new ProblemError('validation-failed', `“${path}”: ${message}.`, { errors: [{ path, message }] });
}

function names(models: readonly ModelStatus[]): string {
  return models.map((model) => model.name).join(', ') || 'another';
}
