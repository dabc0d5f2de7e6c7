import { useEffect } from 'react';
import { Store } from './store.ts';

/** What the present screen is called, for the title of the window. */
export const pageTitle = new Store('');

export function usePageTitle(title: string): void {
  useEffect(() => pageTitle.set(title), [title]);
}
