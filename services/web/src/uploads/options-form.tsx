import type { ModelStatus } from '@mediajob/contract';
import { useId, useMemo } from 'react';
import { useSystem } from '../api/queries.ts';
import { useStore } from '../components/store.ts';
import { fill } from '../i18n/formatter.ts';
import { useI18n } from '../i18n/i18n.tsx';
import {
  type JobOptions,
  preferences,
  RENDITION_FORMATS,
  SUBTITLE_PRESETS,
  setPreferences,
  TEXT_FORMATS,
  VIDEO_SUBTITLES,
} from '../preferences/preferences.ts';
import { canShow } from './job-request.ts';
import { HUNDREDTH_LANGUAGE, MIXED, SPOKEN_LANGUAGES } from './languages.ts';

const QUALITIES = ['fast', 'balanced', 'best'] as const;

/** What is to be done with the next files. Every change is remembered. */
export function OptionsForm({ open = false }: { readonly open?: boolean }) {
  const { m } = useI18n();
  const id = useId();
  const { options } = useStore(preferences);
  const system = useSystem().data;
  const change = (part: Partial<JobOptions>) => setPreferences({ options: { ...options, ...part } });
  const modelName = options.model ?? system?.limits.defaultModel ?? '';
  const model = system?.models.find((it) => it.name === modelName);
  const cannotTranslate = model?.translates === false;
  return (
    <form className="options" aria-label={m.options.title} onSubmit={(event) => event.preventDefault()}>
      <div className="options-row">
        <label className="field" htmlFor={`${id}-language`}>
          <span>{m.options.language}</span>
          <LanguageSelect
            id={`${id}-language`}
            model={model}
            value={options.language}
            onChange={(language) => change({ language })}
          />
        </label>
        <label className="field">
          <span>{m.options.task}</span>
          <select
            value={cannotTranslate ? 'transcribe' : options.task}
            onChange={(event) => change({ task: event.target.value === 'translate' ? 'translate' : 'transcribe' })}
          >
            <option value="transcribe">{m.options.transcribe}</option>
            <option value="translate" disabled={cannotTranslate}>
              {m.options.translate}
            </option>
          </select>
        </label>
        <label className="field" htmlFor={`${id}-model`} title={m.options.modelHint}>
          <span>{m.options.model}</span>
          <ModelSelect
            id={`${id}-model`}
            models={system?.models ?? []}
            value={modelName}
            onChange={(name) => change({ model: name === system?.limits.defaultModel ? undefined : name })}
          />
        </label>
      </div>
      <details className="options-more" open={open}>
        <summary>{m.options.more}</summary>
        <div className="options-grid">
          <fieldset>
            <legend>{m.options.formats}</legend>
            {TEXT_FORMATS.map((format) => (
              <Check
                key={format}
                label={m.options.format[format]}
                checked={options.formats.includes(format)}
                onChange={(on) => change({ formats: toggled(TEXT_FORMATS, options.formats, format, on) })}
              />
            ))}
          </fieldset>
          <fieldset>
            <legend>{m.options.renditions}</legend>
            <div className="check-columns">
              {RENDITION_FORMATS.map((format) => (
                <Check
                  key={format}
                  label={format.toUpperCase()}
                  checked={options.renditions.includes(format)}
                  onChange={(on) => change({ renditions: toggled(RENDITION_FORMATS, options.renditions, format, on) })}
                />
              ))}
            </div>
            {options.renditions.some((format) => canShow(format, 'burn')) ? (
              <label className="field">
                <span>{m.options.videoSubtitles}</span>
                <select
                  value={options.videoSubtitles}
                  onChange={(event) =>
                    change({ videoSubtitles: VIDEO_SUBTITLES.find((it) => it === event.target.value) ?? 'none' })
                  }
                >
                  {VIDEO_SUBTITLES.map((it) => (
                    <option key={it} value={it}>
                      {m.options.shown[it]}
                    </option>
                  ))}
                </select>
              </label>
            ) : null}
          </fieldset>
          <fieldset>
            <legend>{m.options.quality}</legend>
            {QUALITIES.map((quality) => (
              <label key={quality} className="check">
                <input
                  type="radio"
                  name={`${id}-quality`}
                  checked={options.quality === quality}
                  onChange={() => change({ quality })}
                />
                {m.options[quality]}
              </label>
            ))}
          </fieldset>
          <label className="field">
            <span>{m.options.subtitles}</span>
            <select
              value={options.subtitles}
              onChange={(event) =>
                change({ subtitles: SUBTITLE_PRESETS.find((it) => it === event.target.value) ?? 'netflix' })
              }
            >
              {SUBTITLE_PRESETS.map((preset) => (
                <option key={preset} value={preset}>
                  {m.options.preset[preset]}
                </option>
              ))}
            </select>
          </label>
          <label className="field options-prompt">
            <span>{m.options.prompt}</span>
            <input
              type="text"
              maxLength={1000}
              value={options.prompt}
              placeholder={m.options.promptHint}
              onChange={(event) => change({ prompt: event.target.value })}
            />
          </label>
        </div>
        <p className="hint">{m.options.remembered}</p>
      </details>
    </form>
  );
}

interface SelectProps {
  readonly id: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

function LanguageSelect({ id, model, value, onChange }: SelectProps & { readonly model: ModelStatus | undefined }) {
  const { m, f } = useI18n();
  const languages = useMemo(
    () =>
      SPOKEN_LANGUAGES.map((tag) => ({ tag, name: f.languageName(tag) })).toSorted((a, b) =>
        a.name.localeCompare(b.name, f.language),
      ),
    [f],
  );
  const known = languages.filter(({ tag }) => tag !== HUNDREDTH_LANGUAGE || (model?.languages ?? 100) > 99);
  return (
    <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="auto">{m.options.detect}</option>
      <option value={MIXED}>{m.options.mixed}</option>
      {known.map(({ tag, name }) => (
        <option key={tag} value={tag}>
          {name}
        </option>
      ))}
    </select>
  );
}

function ModelSelect({ id, models, value, onChange }: SelectProps & { readonly models: readonly ModelStatus[] }) {
  const { m } = useI18n();
  const names = models.map((model) => model.name);
  return (
    <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
      {names.includes(value) ? null : <option value={value}>{value}</option>}
      {models.map((model) => (
        <option key={model.name} value={model.name} disabled={!model.installed}>
          {model.installed ? model.name : fill(m.options.modelMissing, { name: model.name })}
        </option>
      ))}
    </select>
  );
}

interface CheckProps {
  readonly label: string;
  readonly checked: boolean;
  readonly onChange: (on: boolean) => void;
}

function Check({ label, checked, onChange }: CheckProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}

/** The chosen ones in the order in which they are offered. */
function toggled<T>(all: readonly T[], chosen: readonly T[], it: T, on: boolean): readonly T[] {
  return all.filter((one) => (one === it ? on : chosen.includes(one)));
}
