import './styles/index.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { RouterProvider } from 'react-router/dom';
import { startLiveUpdates } from './api/live-updates.ts';
import { createQueryClient } from './api/queries.ts';
import { chosenLanguage, I18nProvider, loadI18n } from './i18n/i18n.tsx';
import { applyTheme, preferences } from './preferences/preferences.ts';
import { createRouter } from './router.tsx';
import { uploads } from './uploads/page-uploads.ts';

applyTheme(preferences.get().theme);
preferences.subscribe(() => applyTheme(preferences.get().theme));

const client = createQueryClient();
const first = await loadI18n(chosenLanguage(preferences.get().language, navigator.languages));
startLiveUpdates(client);
void uploads.restore();
window.addEventListener('online', () => uploads.resumeWaiting());

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <I18nProvider first={first}>
        <RouterProvider router={createRouter()} />
      </I18nProvider>
    </QueryClientProvider>
  </StrictMode>,
);
