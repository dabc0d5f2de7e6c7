import { type WhisperLanguage, whisperLanguageOf } from '@mediajob/contract';
import { type CatalogModel, catalog, findModel } from '@mediajob/speech';
import { stepError } from './failure.js';

export interface SpeechChoice {
  model: CatalogModel;
  /** undefined: to be detected. */
  language: WhisperLanguage | undefined;
}

/**
 * Whether a model can do what is asked for.
 * @throws StepError InvalidArguments naming models that can; ModelError unknown-model
 */
export function chooseSpeech(request: {
  model: string;
  language: string;
  task: 'transcribe' | 'translate';
}): SpeechChoice {
  const model = findModel(request.model);
  const language = request.language === 'auto' ? undefined : whisperLanguageOf(request.language);
  if (request.language !== 'auto' && language === undefined) {
    throw stepError(
      'InvalidArguments',
      `Whisper knows no language ${JSON.stringify(request.language)}. Use "auto" or another one.`,
    );
  }
  if (request.task === 'translate' && !model.translates) {
    const able = catalog.filter((it) => it.translates);
    throw stepError('InvalidArguments', `The model ${model.name} cannot translate. These can: ${namesOf(able)}.`);
  }
  if (!model.multilingual) {
    if (language !== undefined && language !== 'en') {
      const able = catalog.filter((it) => it.multilingual);
      throw stepError(
        'InvalidArguments',
        `The model ${model.name} knows only English. For ${request.language} use one of: ${namesOf(able)}.`,
      );
    }
    return { model, language: 'en' };
  }
  // Cantonese is the hundredth language; models before large-v3 have no token for it.
  if (language === 'yue' && model.languages < 100) {
    const able = catalog.filter((it) => it.languages >= 100);
    throw stepError('InvalidArguments', `The model ${model.name} does not know Cantonese. These do: ${namesOf(able)}.`);
  }
  return { model, language };
}

function namesOf(models: readonly CatalogModel[]): string {
  return models.map((it) => it.name).join(', ');
}
