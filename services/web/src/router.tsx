import { createBrowserRouter } from 'react-router';
import { Crash } from './components/crash.tsx';
import { Shell } from './components/shell.tsx';
import { NotFoundScreen } from './screens/not-found-screen.tsx';
import { UploadScreen } from './screens/upload-screen.tsx';

/** The screens and their addresses. Only the front page travels with the first load. */
export function createRouter() {
  return createBrowserRouter([
    {
      path: '/',
      Component: Shell,
      ErrorBoundary: Crash,
      children: [
        {
          ErrorBoundary: Crash,
          children: [
            { index: true, Component: UploadScreen },
            {
              path: 'jobs',
              lazy: async () => ({ Component: (await import('./screens/jobs-screen.tsx')).JobsScreen }),
            },
            {
              path: 'jobs/:id',
              lazy: async () => ({ Component: (await import('./screens/job-screen.tsx')).JobScreen }),
            },
            {
              path: 'system',
              lazy: async () => ({ Component: (await import('./screens/system-screen.tsx')).SystemScreen }),
            },
            {
              path: 'settings',
              lazy: async () => ({ Component: (await import('./screens/settings-screen.tsx')).SettingsScreen }),
            },
            { path: '*', Component: NotFoundScreen },
          ],
        },
      ],
      HydrateFallback: () => null,
    },
  ]);
}
