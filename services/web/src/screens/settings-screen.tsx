import { usePageTitle } from '../components/page-title.ts';
import { useStore } from '../components/store.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { LANGUAGES, type Language } from '../i18n/messages.ts';
import { preferences, setPreferences, type Theme } from '../preferences/preferences.ts';
import { OptionsForm } from '../uploads/options-form.tsx';

/** Each language in its own words: whoever landed in the wrong one must be able to read the way out. */
const LANGUAGE_NAMES: Record<Language, string> = { en: 'English', ru: 'Русский' };
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function SettingsScreen() {
  const { m } = useI18n();
  usePageTitle(m.settings.title);
  const { language, theme } = useStore(preferences);
  return (
    <div className="screen screen-narrow">
      <div className="section-head">
        <h1>{m.settings.title}</h1>
        <span className="hint">{m.settings.kept}</span>
      </div>
      <section aria-labelledby="settings-language">
        <h2 id="settings-language">{m.settings.language}</h2>
        <fieldset className="segments">
          <legend className="visually-hidden">{m.settings.language}</legend>
          {[undefined, ...LANGUAGES].map((it) => (
            <label key={it ?? 'browser'}>
              <input
                type="radio"
                name="language"
                checked={it === language}
                onChange={() => setPreferences({ language: it })}
              />
              <span lang={it}>{it === undefined ? m.settings.asBrowser : LANGUAGE_NAMES[it]}</span>
            </label>
          ))}
        </fieldset>
      </section>
      <section aria-labelledby="settings-theme">
        <h2 id="settings-theme">{m.settings.theme}</h2>
        <fieldset className="segments">
          <legend className="visually-hidden">{m.settings.theme}</legend>
          {THEMES.map((it) => (
            <label key={it}>
              <input type="radio" name="theme" checked={it === theme} onChange={() => setPreferences({ theme: it })} />
              <span>{m.settings[it]}</span>
            </label>
          ))}
        </fieldset>
      </section>
      <section aria-labelledby="settings-defaults">
        <h2 id="settings-defaults">{m.settings.defaults}</h2>
        <OptionsForm open />
      </section>
      <section aria-labelledby="settings-keyboard">
        <h2 id="settings-keyboard">{m.settings.keyboard}</h2>
        <p className="hint">{m.settings.keyboardHint}</p>
        <dl className="keys">
          <div>
            <dt>
              <kbd>{m.settings.space}</kbd> <kbd>K</kbd>
            </dt>
            <dd>{m.settings.keys.play}</dd>
          </div>
          <div>
            <dt>
              <kbd>J</kbd> <kbd>L</kbd>
            </dt>
            <dd>{m.settings.keys.skip}</dd>
          </div>
          <div>
            <dt>
              <kbd>←</kbd> <kbd>→</kbd>
            </dt>
            <dd>{m.settings.keys.step}</dd>
          </div>
          <div>
            <dt>
              <kbd>/</kbd>
            </dt>
            <dd>{m.settings.keys.search}</dd>
          </div>
          <div>
            <dt>
              <kbd>D</kbd>
            </dt>
            <dd>{m.settings.keys.doubt}</dd>
          </div>
        </dl>
      </section>
    </div>
  );
}
