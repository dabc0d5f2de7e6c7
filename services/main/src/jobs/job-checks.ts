import type { MediaJobSpec, ModelList, ModelStatus, TranscribeSpec } from '@mediajob/contract';
import { ProblemError } from '@mediajob/service';

/**
 * Whether a transcriber could ever do what is asked for. A model of the catalog that is not installed is fine: the job
 * waits for it, and says so.
 * @throws ProblemError validation-failed naming the field and what would do
 */
export function checkModel(spec: MediaJobSpec, { models }: ModelList): void {
  const { transcribe } = spec;
  if (transcribe === undefined) return;
  checkOne('spec.transcribe.model', transcribe.model, transcribe, models);
  const { fallbackModel } = transcribe;
  if (fallbackModel === undefined) return;
  if (fallbackModel === transcribe.model) {
    refuse('spec.transcribe.fallbackModel', `it is ${fallbackModel}, as model is; take a larger one, or none`);
  }
  checkOne('spec.transcribe.fallbackModel', fallbackModel, transcribe, models);
}

function checkOne(
  path: 'spec.transcribe.model' | 'spec.transcribe.fallbackModel',
  name: string,
  { language, task }: TranscribeSpec,
  models: readonly ModelStatus[],
): void {
  const model = models.find((it) => it.name === name);
  if (model === undefined) refuse(path, `there is no model ${name}; there are ${names(models)}`);
  const first = path === 'spec.transcribe.model';
  if (model.languages === 1 && !/^(auto|en)(-|$)/i.test(language)) {
    const others = models.filter((it) => it.languages > 1);
    refuse(
      first ? 'spec.transcribe.language' : path,
      `the model ${model.name} knows English only; for ${language} take ${names(others)}`,
    );
  }
  if (task === 'translate' && !model.translates) {
    const others = models.filter((it) => it.translates);
    refuse(first ? 'spec.transcribe.task' : path, `the model ${model.name} cannot translate; take ${names(others)}`);
  }
}

function refuse(path: string, message: string): never {
  throw new ProblemError('validation-failed', `“${path}”: ${message}.`, { errors: [{ path, message }] });
}

function names(models: readonly ModelStatus[]): string {
  return models.map((model) => model.name).join(', ') || 'another';
}
